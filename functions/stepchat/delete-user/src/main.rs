//! The Lambda function of StepChat's `delete-user`.

fn main() {
    shared::run::<stepchat_delete_user::DeleteUser>();
}
