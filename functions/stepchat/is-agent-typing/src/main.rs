//! The Lambda function of StepChat's `is-agent-typing`.

fn main() {
    shared::run::<stepchat_is_agent_typing::IsAgentTyping>();
}
