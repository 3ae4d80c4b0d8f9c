//! `GetQueues`: the queues of the account or of one application, by id (reference/voximplant.md §3.3).

use shared::auth::voximplant::Tenant;
use shared::families::voximplant::{Access, Voximplant};
use shared::features::voximplant::ApplicationFilter;
use shared::ids::SkillId;
use shared::prelude::*;
use shared::store::voximplant::members::{self, Group};
use shared::store::voximplant::{queues, skills};
use shared::text::Part;
use shared::voximplant::{Parameter, Queue, Refusal, Role, Skill};
use shared::wire::voximplant::{Bool, Count, Cursor, Error, Ids, ListAnswer, Page, QueueInfo, SkillInfo, Text};

/// The method.
#[derive(Debug)]
pub struct GetQueues;

/// Its parameters.
#[derive(Debug, Deserialize, JsonSchema)]
pub struct Request {
    /// Only this queue.
    acd_queue_id: Option<Ids>,
    /// Part of the queue's name.
    acd_queue_name: Option<Text>,
    /// Only queues of this application.
    application_id: Option<Ids>,
    /// Only queues of applications with this part in their full name.
    application_name: Option<Text>,
    /// Only queues that need this skill.
    skill_id: Option<Ids>,
    /// Only queues that do not need this skill.
    excluded_skill_id: Option<Ids>,
    /// Adds `skills`. Default: false.
    with_skills: Option<Bool>,
    /// Shows only this skill in `skills`.
    showing_skill_id: Option<Ids>,
    /// Adds `operatorcount`. Default: false.
    with_operatorcount: Option<Bool>,
    /// Records to return at most: up to 10,000. Default: 20.
    count: Option<Count>,
    /// Records to skip. Default: 0.
    offset: Option<Count>,
    /// Continues after an answer that ended with `next_cursor`.
    cursor: Option<Cursor>,
}

/// The skill a parameter names, which must exist.
fn known(skills: &[Skill], id: Option<Ids>, field: &'static str) -> Result<Option<SkillId>, Refusal> {
    let Some(id) = id.and_then(|id| id.0) else { return Ok(None) };
    let found = skills.iter().find(|skill| skill.id.get() == id);
    found.map(|skill| Some(skill.id)).ok_or(Refusal::Invalid(Parameter(field)))
}

impl Method for GetQueues {
    type Family = Voximplant;
    const NAME: &'static str = "GetQueues";
    const SUMMARY: &'static str = "Gets the ACD queues.";
    const ACCESS: Access =
        Access::Roles(&[Role::Owner, Role::Admin, Role::Developer, Role::Supervisor, Role::UserManager]);
    const EFFECT: Effect = Effect::Read;
    const GRANTS: Grants = &[ApplicationFilter::RESOLVE, queues::LIST, skills::LIST, members::OF];
    type Caller = Tenant;
    type Request = Request;
    type Response = ListAnswer<QueueInfo>;

    async fn call(ctx: &Ctx, caller: &Tenant, request: Request) -> Result<Self::Response, Error> {
        let (store, account) = (ctx.store(), caller.account());
        let applications = ApplicationFilter::new(request.application_id, request.application_name);
        let lists = async { Ok(try_join!(queues::list(store, account), skills::list(store, account))?) };
        let (applications, (queues, skills)) = try_join!(applications.resolve(store, account), lists)?;
        let id = request.acd_queue_id.and_then(|id| id.0).map(|id| {
            let found = queues.iter().find(|queue| queue.id.get() == id);
            found.map(|queue| queue.id).ok_or(Refusal::Invalid(Parameter("acd_queue_id")))
        });
        let id = id.transpose()?;
        let part = request.acd_queue_name.map(|part| Part::of(&part.0));
        let needed = known(&skills, request.skill_id, "skill_id")?;
        let not_needed = known(&skills, request.excluded_skill_id, "excluded_skill_id")?;
        let showing = known(&skills, request.showing_skill_id, "showing_skill_id")?;
        let wanted = queues.iter().filter(|queue| {
            applications.contains(&queue.application)
                && id.is_none_or(|id| id == queue.id)
                && part.as_ref().is_none_or(|part| part.is_in(queue.name.as_str()))
                && needed.is_none_or(|skill| queue.skills.contains(&skill))
                && not_needed.is_none_or(|skill| !queue.skills.contains(&skill))
        });
        let with_skills = request.with_skills.is_some_and(|flag| flag.0);
        let records = wanted.map(|queue| {
            let mut info = QueueInfo::new(queue);
            info.skills = with_skills.then(|| shown(queue, &skills, showing));
            (queue.id.padded(), info)
        });
        let mut answer = Page::new(request.count, request.offset, request.cursor).of(records.collect());
        if request.with_operatorcount.is_some_and(|flag| flag.0) {
            let shown: Vec<Group> = answer.result.iter().map(|info| Group::Queue(info.acd_queue_id)).collect();
            let counts = members::counts(store, account, &shown).await?;
            for (info, count) in answer.result.iter_mut().zip(counts) {
                info.operatorcount = Some(count);
            }
        }
        Ok(answer)
    }
}

/// The skills of a queue, or only the one to show.
fn shown(queue: &Queue, skills: &[Skill], showing: Option<SkillId>) -> Vec<SkillInfo> {
    let ours = skills.iter().filter(|skill| queue.skills.contains(&skill.id));
    let ours = ours.filter(|skill| showing.is_none_or(|showing| showing == skill.id));
    ours.map(|skill| SkillInfo { skill_id: skill.id, skill_name: skill.name.as_str().to_owned() }).collect()
}
