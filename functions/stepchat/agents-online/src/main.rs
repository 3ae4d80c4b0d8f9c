//! The Lambda function of StepChat's `agents-online`.

fn main() {
    shared::run::<stepchat_agents_online::AgentsOnline>();
}
