//! The Lambda function of StepChat's `get-bot-id`.

fn main() {
    shared::run::<stepchat_get_bot_id::GetBotId>();
}
