//! The Lambda function of Voximplant's `AddUser`.

fn main() {
    shared::run::<voximplant_add_user::AddUser>();
}
