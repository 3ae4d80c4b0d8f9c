//! `AddSkill`: something operators can do (reference/voximplant.md §3.2).

use shared::auth::voximplant::Tenant;
use shared::families::voximplant::{Access, Voximplant};
use shared::ids::SkillId;
use shared::prelude::*;
use shared::store::Sequence;
use shared::store::voximplant::skills;
use shared::voximplant::{Role, Skill, SkillName};
use shared::wire::voximplant::{Error, Text};

/// The method.
#[derive(Debug)]
pub struct AddSkill;

/// Its parameters.
#[derive(Debug, Deserialize, JsonSchema)]
pub struct Request {
    /// Name of fewer than 512 characters, unique in the account.
    #[schemars(length(min = SkillName::MIN_CHARS, max = SkillName::MAX_CHARS))]
    skill_name: Text,
}

/// Its answer.
#[derive(Debug, Serialize, JsonSchema)]
pub struct Response {
    /// Always 1.
    #[schemars(extend("const" = 1))]
    result: u8,
    /// The new skill.
    skill_id: SkillId,
}

impl Method for AddSkill {
    type Family = Voximplant;
    const NAME: &'static str = "AddSkill";
    const SUMMARY: &'static str = "Adds a new operator's skill.";
    const ACCESS: Access = Access::Roles(&[Role::Owner, Role::Admin, Role::Developer]);
    const EFFECT: Effect = Effect::Write;
    const GRANTS: Grants = &[skills::CREATE];
    type Caller = Tenant;
    type Request = Request;
    type Response = Response;

    async fn call(ctx: &Ctx, caller: &Tenant, request: Request) -> Result<Response, Error> {
        let name = SkillName::parse(&request.skill_name.0)?;
        let id = ctx.store().next_id(Sequence::Skill, SkillId::new).await?;
        let answer = Response { result: 1, skill_id: id };
        ctx.commit(skills::creation(caller.account(), &Skill { id, name })?, &answer).await?;
        Ok(answer)
    }
}
