//! The Lambda function of StepChat's `add-user`.

fn main() {
    shared::run::<stepchat_add_user::AddUser>();
}
