//! The Lambda function of StepChat's `update-bot`.

fn main() {
    shared::run::<stepchat_update_bot::UpdateBot>();
}
