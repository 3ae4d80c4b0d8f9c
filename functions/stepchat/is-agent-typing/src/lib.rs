//! `is-agent-typing`: the agent or admin who is typing in a conversation; `false` if none is (page "is-agent-typing";
//! decisions D17, D30, D33).

use shared::auth::stepchat::AnyAdmin;
use shared::families::stepchat::{Access, Stepchat};
use shared::prelude::*;
use shared::stepchat::User;
use shared::store::stepchat::typing;
use shared::wire::stepchat::{Answer, ConversationRef, Error, OrFalse};

/// The method.
#[derive(Debug)]
pub struct IsAgentTyping;

/// Its parameters.
#[derive(Debug, Deserialize, JsonSchema)]
pub struct Request {
    /// The conversation.
    conversation_id: ConversationRef,
}

/// Who is typing.
#[derive(Debug, Serialize, JsonSchema)]
pub struct Agent {
    /// Id, as text.
    id: String,
    /// First name.
    first_name: String,
    /// Last name.
    last_name: String,
}

impl From<User> for Agent {
    fn from(user: User) -> Self {
        Self {
            id: user.id.to_string(),
            first_name: user.first_name.as_str().to_owned(),
            last_name: user.last_name.as_str().to_owned(),
        }
    }
}

impl Method for IsAgentTyping {
    type Family = Stepchat;
    const NAME: &'static str = "is-agent-typing";
    const SUMMARY: &'static str = "Says which agent is typing in a conversation.";
    const ACCESS: Access = Access::Admin;
    const EFFECT: Effect = Effect::Read;
    const GRANTS: Grants = &[typing::AGENT_IN];
    type Caller = AnyAdmin;
    type Request = Request;
    type Response = Answer<OrFalse<Agent>>;

    async fn call(ctx: &Ctx, _: &AnyAdmin, request: Request) -> Result<Self::Response, Error> {
        let Some(id) = request.conversation_id.0 else {
            return Ok(Answer::new(OrFalse::Missing));
        };
        let agent = typing::agent_in(ctx.store(), id, ctx.now()).await?;
        Ok(Answer::new(agent.map(Agent::from).into()))
    }
}
