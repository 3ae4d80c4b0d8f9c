//! The Lambda function of StepChat's `is-typing`.

fn main() {
    shared::run::<stepchat_is_typing::IsTyping>();
}
