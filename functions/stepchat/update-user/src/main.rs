//! The Lambda function of StepChat's `update-user`.

fn main() {
    shared::run::<stepchat_update_user::UpdateUser>();
}
