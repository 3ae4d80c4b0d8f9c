//! The Lambda function of StepChat's `get-user`.

fn main() {
    shared::run::<stepchat_get_user::GetUser>();
}
