//! `new-conversation`: starts a conversation; a visitor becomes a lead by it (reference/stepchat.md §2, §5).

use shared::auth::stepchat::AnyAdmin;
use shared::families::stepchat::{Access, Stepchat};
use shared::features::stepchat::{ConversationDetails, ConversationRow};
use shared::ids::{ConversationId, UserId};
use shared::prelude::*;
use shared::stepchat::{Conversation, ConversationStatus, Refusal, Source, Title, User, UserChange, UserType};
use shared::store::auth::TokenHash;
use shared::store::stepchat::conversations;
use shared::store::stepchat::counters::{self, LeadCounter};
use shared::store::stepchat::users::{self, Secrets, Stored};
use shared::store::{Attempts, CommitError, Sequence, StoreError, Txn};
use shared::wire::stepchat::{AgentRef, Answer, DepartmentField, Error, StatusField, Text, UserRef};

/// The method.
#[derive(Debug)]
pub struct NewConversation;

/// Its parameters.
#[derive(Debug, Deserialize, JsonSchema)]
pub struct Request {
    /// Whose conversation it is.
    user_id: UserRef,
    /// 0 live, 1 waiting for the user, 2 waiting for an agent, 3 archive, 4 trash. Default: 2.
    #[serde(default)]
    status_code: StatusField,
    /// Title.
    #[serde(default)]
    #[schemars(length(max = Title::MAX_CHARS))]
    title: Text,
    /// Department number.
    #[serde(default)]
    department: DepartmentField,
    /// The agent or admin it is assigned to.
    #[serde(default)]
    agent_id: AgentRef,
    /// Where it comes from: two letters or digits.
    #[serde(default)]
    source: Text,
    /// Free text.
    #[serde(default)]
    extra: Text,
}

impl Request {
    fn conversation(&self, ctx: &Ctx, id: ConversationId, user: UserId) -> Result<Conversation, Refusal> {
        let status = self.status_code.read()?;
        Ok(Conversation {
            id,
            user,
            title: self.title.unless_null().map(Title::parse).transpose()?,
            creation_time: ctx.now(),
            status: status.unwrap_or(ConversationStatus::WaitingForAgent),
            department: self.department.read()?.flatten(),
            agent: self.agent_id.read()?,
            source: self.source.unless_null().map(Source::parse).transpose()?,
            extra: self.extra.unless_null().map(Title::parse).transpose()?,
            last_message: None,
            last_agent: None,
            version: 1,
        })
    }
}

async fn agent_of(ctx: &Ctx, agent: Option<UserId>) -> Result<Option<User>, StoreError> {
    match agent {
        Some(agent) => users::find_profile(ctx.store(), agent).await,
        None => Ok(None),
    }
}

/// A visitor becomes a lead; everybody else stays what they are.
fn becoming_lead(
    ctx: &Ctx,
    stored: &Stored,
    leads: &LeadCounter,
) -> Result<(UserType, Option<Txn<Refusal>>), StoreError> {
    let user = &stored.user;
    if user.user_type != UserType::Visitor {
        return Ok((user.user_type, None));
    }
    let change = UserChange { user_type: Some(UserType::Lead), ..UserChange::default() };
    let after = change.apply(user, ctx.now());
    let token = TokenHash::of(&ctx.tokens().of(after.id, after.token_version));
    let secrets = Secrets { password: None, token };
    let unique_phone = ctx.config().stepchat.unique_phone;
    let txn = users::replacement(stored, &after, &[], &secrets, unique_phone, leads)?;
    Ok((UserType::Lead, Some(txn)))
}

impl Method for NewConversation {
    type Family = Stepchat;
    const NAME: &'static str = "new-conversation";
    const SUMMARY: &'static str = "Starts a conversation.";
    const ACCESS: Access = Access::Admin;
    const EFFECT: Effect = Effect::Write;
    const TOKENS: bool = true;
    const GRANTS: Grants = &[users::LOAD, users::FIND_PROFILE, conversations::CREATE, counters::READ_LEADS];
    type Caller = AnyAdmin;
    type Request = Request;
    type Response = Answer<ConversationRow>;

    async fn call(ctx: &Ctx, _: &AnyAdmin, request: Request) -> Result<Self::Response, Error> {
        let (store, agent) = (ctx.store(), request.agent_id.read()?);
        let user = request.user_id.0.ok_or(Refusal::UserNotFound)?;
        let mut attempts = Attempts::default();
        loop {
            let (id, stored, found, leads) = try_join!(
                store.next_id(Sequence::Conversation, ConversationId::new),
                users::load(store, user),
                agent_of(ctx, agent),
                // Only a visitor needs this, but reading it later would take another round trip.
                LeadCounter::read(store),
            )?;
            let mut stored = stored.ok_or(Refusal::UserNotFound)?;
            if agent.is_some() && !found.is_some_and(|found| found.user_type.is_staff()) {
                return Err(Refusal::AgentNotFound.into());
            }
            let conversation = request.conversation(ctx, id, user)?;
            let (kind, change) = becoming_lead(ctx, &stored, &leads)?;
            stored.user.user_type = kind;
            let details = ConversationDetails::new(ctx, &conversation, &stored.user);
            let answer = Answer::new(ConversationRow { messages: Vec::new(), details });
            match ctx.commit(conversations::creation(&conversation, change)?, &answer).await {
                Err(CommitError::Stale) => attempts.again().await?,
                done => return Ok(done.map(|()| answer)?),
            }
        }
    }
}
