//! The Lambda function of StepChat's `delete-users`.

fn main() {
    shared::run::<stepchat_delete_users::DeleteUsers>();
}
