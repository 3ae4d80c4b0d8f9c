//! The Lambda function of StepChat's `get-user-conversations`.

fn main() {
    shared::run::<stepchat_get_user_conversations::GetUserConversations>();
}
