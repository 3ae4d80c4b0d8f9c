//! The Lambda function of StepChat's `get-agent`.

fn main() {
    shared::run::<stepchat_get_agent::GetAgent>();
}
