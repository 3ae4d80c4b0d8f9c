//! The Lambda function of StepChat's `update-users-last-activity`.

fn main() {
    shared::run::<stepchat_update_users_last_activity::UpdateUsersLastActivity>();
}
