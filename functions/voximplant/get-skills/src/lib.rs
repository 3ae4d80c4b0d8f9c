//! `GetSkills`: the account's skills, by id (reference/voximplant.md §3.2).

use shared::auth::voximplant::Tenant;
use shared::families::voximplant::{Access, Voximplant};
use shared::prelude::*;
use shared::store::voximplant::skills;
use shared::text::Part;
use shared::voximplant::Role;
use shared::wire::voximplant::{Count, Cursor, Error, Ids, ListAnswer, Page, SkillInfo, Text};

/// The method.
#[derive(Debug)]
pub struct GetSkills;

/// Its parameters.
#[derive(Debug, Deserialize, JsonSchema)]
pub struct Request {
    /// Only this skill.
    skill_id: Option<Ids>,
    /// Part of the skill's name.
    skill_name: Option<Text>,
    /// Records to return at most: up to 10,000. Default: 20.
    count: Option<Count>,
    /// Records to skip. Default: 0.
    offset: Option<Count>,
    /// Continues after an answer that ended with `next_cursor`.
    cursor: Option<Cursor>,
}

impl Method for GetSkills {
    type Family = Voximplant;
    const NAME: &'static str = "GetSkills";
    const SUMMARY: &'static str = "Gets the account's skills.";
    const ACCESS: Access =
        Access::Roles(&[Role::Owner, Role::Admin, Role::Developer, Role::Supervisor, Role::UserManager]);
    const EFFECT: Effect = Effect::Read;
    const GRANTS: Grants = &[skills::LIST];
    type Caller = Tenant;
    type Request = Request;
    type Response = ListAnswer<SkillInfo>;

    async fn call(ctx: &Ctx, caller: &Tenant, request: Request) -> Result<Self::Response, Error> {
        let skills = skills::list(ctx.store(), caller.account()).await?;
        let id = request.skill_id.and_then(|id| id.0);
        let part = request.skill_name.map(|part| Part::of(&part.0));
        let wanted = skills.into_iter().filter(|skill| {
            id.is_none_or(|id| id == skill.id.get()) && part.as_ref().is_none_or(|part| part.is_in(skill.name.as_str()))
        });
        let records = wanted.map(|skill| {
            (skill.id.padded(), SkillInfo { skill_id: skill.id, skill_name: skill.name.as_str().to_owned() })
        });
        Ok(Page::new(request.count, request.offset, request.cursor).of(records.collect()))
    }
}
