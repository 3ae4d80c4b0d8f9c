//! The Lambda function of StepChat's `update-user-to-lead`.

fn main() {
    shared::run::<stepchat_update_user_to_lead::UpdateUserToLead>();
}
