//! The Lambda function of StepChat's `get-user-from-conversation`.

fn main() {
    shared::run::<stepchat_get_user_from_conversation::GetUserFromConversation>();
}
