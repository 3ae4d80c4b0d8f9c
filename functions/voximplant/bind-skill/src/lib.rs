//! `BindSkill`: gives skills to users and queues, or takes them away (reference/voximplant.md §3.2).
//!
//! Everything named must exist, or nothing changes. Bindings to queues by skill (`auto_binding`) follow at once.

use shared::auth::voximplant::Tenant;
use shared::families::voximplant::{Access, Voximplant};
use shared::features::voximplant::{ApplicationRef, QUEUES, SKILLS, Selection, USERS, Users, one_application};
use shared::ids::{PhoneUserId, QueueId, SkillId};
use shared::prelude::*;
use shared::store::voximplant::binding::{self, Binding};
use shared::store::voximplant::{deferred, members, queues, skills};
use shared::store::{Attempts, CommitError};
use shared::voximplant::{Parameter, Queue, Refusal, Role};
use shared::wire::voximplant::{Bool, Done, Error, IdList, Ids, SemicolonList, Text};

const STRANGER: Refusal = Refusal::Invalid(Parameter("user_id"));

/// The method.
#[derive(Debug)]
pub struct BindSkill;

/// Its parameters.
#[derive(Debug, Deserialize, JsonSchema)]
pub struct Request {
    /// Skills separated by semicolons, or `all`.
    skill_id: Option<IdList>,
    /// Names of skills separated by semicolons. Can be used instead of `skill_id`.
    skill_name: Option<SemicolonList<Text>>,
    /// Users separated by semicolons, or `all`.
    user_id: Option<IdList>,
    /// User names separated by semicolons. Can be used instead of `user_id`, together with the application.
    user_name: Option<SemicolonList<Text>>,
    /// Queues separated by semicolons, or `all`.
    acd_queue_id: Option<IdList>,
    /// Names of queues separated by semicolons. Can be used instead of `acd_queue_id`.
    acd_queue_name: Option<SemicolonList<Text>>,
    /// Only users and queues of this application. Required with `user_name`.
    application_id: Option<Ids>,
    /// The short or full name of the application. Can be used instead of `application_id`.
    application_name: Option<Text>,
    /// `true` gives the skills, `false` takes them. Default: true.
    bind: Option<Bool>,
}

/// A request that can be carried out.
#[derive(Debug)]
struct Checked {
    skills: Selection<SkillId>,
    users: Option<Selection<PhoneUserId>>,
    queues: Option<Selection<QueueId>>,
    application: Option<ApplicationRef>,
    bind: bool,
}

impl Request {
    fn check(self) -> Result<Checked, Refusal> {
        let checked = Checked {
            skills: SKILLS.required(self.skill_id, self.skill_name, SkillId::new)?,
            users: USERS.read(self.user_id, self.user_name, PhoneUserId::new)?,
            queues: QUEUES.read(self.acd_queue_id, self.acd_queue_name, QueueId::new)?,
            application: one_application(self.application_id, self.application_name)?,
            bind: self.bind.is_none_or(|flag| flag.0),
        };
        if checked.users.is_none() && checked.queues.is_none() {
            return Err(Refusal::Missing("user_id"));
        }
        Ok(checked)
    }
}

impl Method for BindSkill {
    type Family = Voximplant;
    const NAME: &'static str = "BindSkill";
    const SUMMARY: &'static str = "Binds the specified skills to the users and queues, or unbinds them.";
    const ACCESS: Access = Access::Roles(&[Role::Owner, Role::Admin, Role::Developer, Role::UserManager]);
    const EFFECT: Effect = Effect::Write;
    const GRANTS: Grants = &[
        ApplicationRef::RESOLVE,
        Selection::<PhoneUserId>::USERS,
        skills::LIST,
        queues::ROUTING,
        binding::BIND,
        deferred::RESKILL,
        members::OF,
    ];
    type Caller = Tenant;
    type Request = Request;
    type Response = Done;

    async fn call(ctx: &Ctx, caller: &Tenant, request: Request) -> Result<Done, Error> {
        let checked = request.check()?;
        let (store, account) = (ctx.store(), caller.account());
        let application = match &checked.application {
            Some(application) => Some(application.resolve(store, account).await?),
            None => None,
        };
        let users = async {
            match &checked.users {
                Some(selection) => selection.users(store, account, application, &STRANGER).await,
                None => Ok(Users::Listed(Vec::new())),
            }
        };
        let known = async { Ok(try_join!(skills::list(store, account), queues::routing(store, account))?) };
        let (users, (skills, routing)) = Box::pin(async { try_join!(users, known) }).await?;
        let skills = checked.skills.skills(&skills)?;
        let queues = match &checked.queues {
            Some(selection) => selection.queues(&routing.queues, application)?,
            None => Vec::new(),
        };
        let binding = Binding { skills: skills.clone(), queues: Vec::new(), bind: checked.bind };
        let work = users.work(account, binding, routing);
        if queues.is_empty() {
            Box::pin(work.finish(store, |txn| ctx.record(txn, &Done::ANSWER))).await?;
        } else {
            Box::pin(work.finish(store, |_| Ok(()))).await?;
            Box::pin(give_to_queues(ctx, caller, queues, &skills, checked.bind)).await?;
        }
        Ok(Done::ANSWER)
    }
}

/// Changes the skills of queues, then the bindings of users that follow from the skills.
async fn give_to_queues(
    ctx: &Ctx,
    caller: &Tenant,
    mut queues: Vec<Queue>,
    skills: &[SkillId],
    bind: bool,
) -> Result<(), Error> {
    let (store, account) = (ctx.store(), caller.account());
    let mut attempts = Attempts::default();
    while !queues.is_empty() {
        let together = queues.len().min(deferred::RESKILLED_TOGETHER);
        let (chosen, left) = queues.split_at(together);
        let (mut txn, task) = deferred::reskilling(account, chosen, skills, bind, ctx.now())?;
        let changes = !txn.is_empty();
        if left.is_empty() {
            ctx.record(&mut txn, &Done::ANSWER)?;
        }
        match store.commit(&txn).await {
            Ok(()) => {
                if changes {
                    // The bindings are promised: if this fails, `background/jobs` makes them.
                    drop(task.begin(store, ctx.now(), ctx.inline_until()).await);
                }
                queues.drain(..together);
            }
            Err(CommitError::Stale) => {
                attempts.again().await?;
                let wanted: Vec<QueueId> = queues.iter().map(|queue| queue.id).collect();
                queues = queues::list(store, account).await?;
                queues.retain(|queue| wanted.contains(&queue.id));
            }
            Err(other) => return Err(other.into()),
        }
    }
    Ok(())
}
