//! The Lambda function of StepChat's `get-user-by`.

fn main() {
    shared::run::<stepchat_get_user_by::GetUserBy>();
}
