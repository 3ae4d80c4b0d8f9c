//! The Lambda function of StepChat's `get-new-users`.

fn main() {
    shared::run::<stepchat_get_new_users::GetNewUsers>();
}
