//! The Lambda function of StepChat's `get-users-with-details`.

fn main() {
    shared::run::<stepchat_get_users_with_details::GetUsersWithDetails>();
}
