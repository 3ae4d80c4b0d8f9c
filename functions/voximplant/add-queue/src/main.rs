//! The Lambda function of Voximplant's `AddQueue`.

fn main() {
    shared::run::<voximplant_add_queue::AddQueue>();
}
