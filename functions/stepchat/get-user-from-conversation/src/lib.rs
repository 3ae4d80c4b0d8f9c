//! `get-user-from-conversation`: id and e-mail address of a conversation's user, or of the agent who wrote last; `false`
//! if there is none (page "get-user-from-conversation"; decision D26).

use shared::auth::stepchat::AnyAdmin;
use shared::families::stepchat::{Access, Stepchat};
use shared::prelude::*;
use shared::stepchat::User;
use shared::store::stepchat::{conversations, people};
use shared::wire::stepchat::{Answer, ConversationRef, Error, Flag, OrFalse};

/// The method.
#[derive(Debug)]
pub struct GetUserFromConversation;

/// Its parameters.
#[derive(Debug, Deserialize, JsonSchema)]
pub struct Request {
    /// The conversation.
    conversation_id: ConversationRef,
    /// Whether to return the agent or admin who wrote last. Default: false.
    #[serde(default)]
    agent: Flag,
}

/// Who it is.
#[derive(Debug, Serialize, JsonSchema)]
pub struct Contact {
    /// Id, as text.
    id: String,
    /// E-mail address.
    email: Option<String>,
}

impl From<&User> for Contact {
    fn from(user: &User) -> Self {
        Self { id: user.id.to_string(), email: user.email.as_ref().map(|email| email.as_str().to_owned()) }
    }
}

impl Method for GetUserFromConversation {
    type Family = Stepchat;
    const NAME: &'static str = "get-user-from-conversation";
    const SUMMARY: &'static str = "Returns the user or the last agent of a conversation.";
    const ACCESS: Access = Access::Admin;
    const EFFECT: Effect = Effect::Read;
    const GRANTS: Grants = &[conversations::FIND, people::FIND, conversations::LAST_AGENT];
    type Caller = AnyAdmin;
    type Request = Request;
    type Response = Answer<OrFalse<Contact>>;

    async fn call(ctx: &Ctx, _: &AnyAdmin, request: Request) -> Result<Self::Response, Error> {
        let store = ctx.store();
        let Some(id) = request.conversation_id.0 else {
            return Ok(Answer::new(OrFalse::Missing));
        };
        let Some(conversation) = conversations::find(store, id).await? else {
            return Ok(Answer::new(OrFalse::Missing));
        };
        let wanted = [Some(conversation.user), conversation.last_agent].into_iter().flatten().collect();
        let people = people::find(store, wanted).await?;
        // A conversation without its user is being purged.
        let Some(user) = people.get(&conversation.user) else {
            return Ok(Answer::new(OrFalse::Missing));
        };
        let found = if request.agent.0 {
            conversations::last_agent(store, &conversation, &people).await?.as_ref().map(Contact::from)
        } else {
            Some(Contact::from(user))
        };
        Ok(Answer::new(found.into()))
    }
}
