//! The Lambda function of StepChat's `send-message`.

fn main() {
    shared::run::<stepchat_send_message::SendMessage>();
}
