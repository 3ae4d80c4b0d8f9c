//! The Lambda function of StepChat's `get-user-extra`.

fn main() {
    shared::run::<stepchat_get_user_extra::GetUserExtra>();
}
