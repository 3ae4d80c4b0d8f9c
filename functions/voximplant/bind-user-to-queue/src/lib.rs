//! `BindUserToQueue`: binds users to queues by hand, or takes such bindings back (reference/voximplant.md §3.3).
//!
//! Users and queues must be of the one application that the call names. A binding by hand shows `auto_link` false. Taken
//! back, it leaves the binding by skill, if the queue has `auto_binding` and the skills say so.

use shared::auth::voximplant::Tenant;
use shared::families::voximplant::{Access, Voximplant};
use shared::features::voximplant::{ApplicationRef, QUEUES, Selection, USERS, one_application};
use shared::ids::{PhoneUserId, QueueId};
use shared::prelude::*;
use shared::store::voximplant::binding::{self, Binding};
use shared::store::voximplant::queues;
use shared::voximplant::{Refusal, Role};
use shared::wire::voximplant::{Bool, Done, Error, IdList, Ids, SemicolonList, Text};

/// The method.
#[derive(Debug)]
pub struct BindUserToQueue;

/// Its parameters.
#[derive(Debug, Deserialize, JsonSchema)]
pub struct Request {
    /// The application of the users and queues. Can be used instead of `application_name`.
    application_id: Option<Ids>,
    /// The short or full name of the application. Can be used instead of `application_id`.
    application_name: Option<Text>,
    /// Users separated by semicolons, or `all` of the application.
    user_id: Option<IdList>,
    /// User names separated by semicolons. Can be used instead of `user_id`.
    user_name: Option<SemicolonList<Text>>,
    /// Queues separated by semicolons, or `all` of the application.
    acd_queue_id: Option<IdList>,
    /// Names of queues separated by semicolons. Can be used instead of `acd_queue_id`.
    acd_queue_name: Option<SemicolonList<Text>>,
    /// `true` binds, `false` unbinds. Default: true.
    bind: Option<Bool>,
}

/// A request that can be carried out.
#[derive(Debug)]
struct Checked {
    application: ApplicationRef,
    users: Selection<PhoneUserId>,
    queues: Selection<QueueId>,
    bind: bool,
}

impl Request {
    fn check(self) -> Result<Checked, Refusal> {
        let application = one_application(self.application_id, self.application_name)?;
        Ok(Checked {
            application: application.ok_or(Refusal::Missing("application_id"))?,
            users: USERS.required(self.user_id, self.user_name, PhoneUserId::new)?,
            queues: QUEUES.required(self.acd_queue_id, self.acd_queue_name, QueueId::new)?,
            bind: self.bind.is_none_or(|flag| flag.0),
        })
    }
}

impl Method for BindUserToQueue {
    type Family = Voximplant;
    const NAME: &'static str = "BindUserToQueue";
    const SUMMARY: &'static str = "Binds users to ACD queues, or unbinds them.";
    const ACCESS: Access = Access::Roles(&[Role::Owner, Role::Admin, Role::Developer, Role::UserManager]);
    const EFFECT: Effect = Effect::Write;
    const GRANTS: Grants = &[ApplicationRef::RESOLVE, Selection::<PhoneUserId>::USERS, queues::ROUTING, binding::BIND];
    type Caller = Tenant;
    type Request = Request;
    type Response = Done;

    async fn call(ctx: &Ctx, caller: &Tenant, request: Request) -> Result<Done, Error> {
        let Checked { application, users, queues, bind } = request.check()?;
        let (store, account) = (ctx.store(), caller.account());
        let application = Some(application.resolve(store, account).await?);
        let routing = async { Ok(queues::routing(store, account).await?) };
        let stranger = Refusal::UserOfOtherApplication;
        let (users, routing) = try_join!(Box::pin(users.users(store, account, application, &stranger)), routing)?;
        let queues = queues.queues(&routing.queues, application)?;
        let queues = queues.iter().map(|queue| queue.id).collect();
        let work = users.work(account, Binding { skills: Vec::new(), queues, bind }, routing);
        Box::pin(work.finish(store, |txn| ctx.record(txn, &Done::ANSWER))).await?;
        Ok(Done::ANSWER)
    }
}
