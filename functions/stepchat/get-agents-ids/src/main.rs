//! The Lambda function of StepChat's `get-agents-ids`.

fn main() {
    shared::run::<stepchat_get_agents_ids::GetAgentsIds>();
}
