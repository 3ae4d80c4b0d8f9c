//! The Lambda function of Voximplant's `BindUserToQueue`.

fn main() {
    shared::run::<voximplant_bind_user_to_queue::BindUserToQueue>();
}
