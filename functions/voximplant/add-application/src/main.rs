//! The Lambda function of Voximplant's `AddApplication`.

fn main() {
    shared::run::<voximplant_add_application::AddApplication>();
}
