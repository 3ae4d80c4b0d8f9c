//! The Lambda function of StepChat's `set-typing`.

fn main() {
    shared::run::<stepchat_set_typing::SetTyping>();
}
