//! The Lambda function of StepChat's `new-conversation`.

fn main() {
    shared::run::<stepchat_new_conversation::NewConversation>();
}
