//! The Lambda function of StepChat's `get-conversation`.

fn main() {
    shared::run::<stepchat_get_conversation::GetConversation>();
}
