//! The Lambda function of StepChat's `get-users`.

fn main() {
    shared::run::<stepchat_get_users::GetUsers>();
}
