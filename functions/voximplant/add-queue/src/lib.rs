//! `AddQueue`: a place where calls wait for operators (reference/voximplant.md §3.3).

use shared::auth::voximplant::Tenant;
use shared::families::voximplant::{Access, Voximplant};
use shared::features::voximplant::{ApplicationRef, one_application};
use shared::ids::QueueId;
use shared::prelude::*;
use shared::store::Sequence;
use shared::store::voximplant::queues;
use shared::voximplant::{Parameter, Queue, QueueName, Refusal, Role, ServiceProbability};
use shared::wire::voximplant::{Bool, Count, Error, Ids, Text};

const DEFAULT_PRIORITY: u32 = 100;

/// The method.
#[derive(Debug)]
pub struct AddQueue;

/// Its parameters.
#[derive(Debug, Deserialize, JsonSchema)]
pub struct Request {
    /// The application the queue belongs to. Can be used instead of `application_name`.
    application_id: Option<Ids>,
    /// The short or full name of the application. Can be used instead of `application_id`.
    application_name: Option<Text>,
    /// Name of fewer than 100 characters, unique in the application.
    #[schemars(length(min = QueueName::MIN_CHARS, max = QueueName::MAX_CHARS))]
    acd_queue_name: Text,
    /// 0 is the highest. Default: 100.
    acd_queue_priority: Option<Count>,
    /// Whether users are bound to the queue by comparing skills. Default: true.
    auto_binding: Option<Bool>,
    /// The share of calls to be served in time: 0.5 to 1, at most four decimals. Default: 1.
    service_probability: Option<Text>,
    /// Calls that may wait.
    max_queue_size: Option<Count>,
    /// Minutes that a call may wait.
    max_waiting_time: Option<Count>,
    /// Seconds that serving a call takes.
    average_service_time: Option<Count>,
}

/// Its answer.
#[derive(Debug, Serialize, JsonSchema)]
pub struct Response {
    /// Always 1.
    #[schemars(extend("const" = 1))]
    result: u8,
    /// The new queue.
    acd_queue_id: QueueId,
}

/// The request's parameters, checked.
#[derive(Debug)]
struct Checked {
    application: ApplicationRef,
    name: QueueName,
    priority: u32,
    auto_binding: bool,
    service_probability: ServiceProbability,
    max_queue_size: Option<u32>,
    max_waiting_time: Option<u32>,
    average_service_time: Option<u32>,
}

/// A number that fits into the 32 bits of a typed client.
fn whole_number(count: Option<Count>, field: &'static str) -> Result<Option<u32>, Refusal> {
    let fits = |count: Count| i32::try_from(count.0).ok().and_then(|number| u32::try_from(number).ok());
    count.map(|count| fits(count).ok_or(Refusal::Invalid(Parameter(field)))).transpose()
}

impl Request {
    fn check(self) -> Result<Checked, Refusal> {
        let application = one_application(self.application_id, self.application_name)?;
        let probability = self.service_probability.map(|text| ServiceProbability::parse(&text.0));
        Ok(Checked {
            application: application.ok_or(Refusal::Missing("application_id"))?,
            name: QueueName::parse(&self.acd_queue_name.0)?,
            priority: whole_number(self.acd_queue_priority, "acd_queue_priority")?.unwrap_or(DEFAULT_PRIORITY),
            auto_binding: self.auto_binding.is_none_or(|flag| flag.0),
            service_probability: probability.transpose()?.unwrap_or_default(),
            max_queue_size: whole_number(self.max_queue_size, "max_queue_size")?,
            max_waiting_time: whole_number(self.max_waiting_time, "max_waiting_time")?,
            average_service_time: whole_number(self.average_service_time, "average_service_time")?,
        })
    }
}

impl Method for AddQueue {
    type Family = Voximplant;
    const NAME: &'static str = "AddQueue";
    const SUMMARY: &'static str = "Adds a new ACD queue.";
    const ACCESS: Access = Access::Roles(&[Role::Owner, Role::Admin, Role::Developer]);
    const EFFECT: Effect = Effect::Write;
    const GRANTS: Grants = &[ApplicationRef::RESOLVE, queues::CREATE];
    type Caller = Tenant;
    type Request = Request;
    type Response = Response;

    async fn call(ctx: &Ctx, caller: &Tenant, request: Request) -> Result<Response, Error> {
        let checked = request.check()?;
        let (store, account) = (ctx.store(), caller.account());
        let id = async { Ok::<_, Error>(store.next_id(Sequence::Queue, QueueId::new).await?) };
        let (application, id) = try_join!(checked.application.resolve(store, account), id)?;
        let queue = Queue {
            id,
            application,
            name: checked.name,
            priority: checked.priority,
            auto_binding: checked.auto_binding,
            service_probability: checked.service_probability,
            max_queue_size: checked.max_queue_size,
            max_waiting_time: checked.max_waiting_time,
            average_service_time: checked.average_service_time,
            skills: Vec::new(),
            created: ctx.now(),
            modified: ctx.now(),
            version: ctx.now().millis(),
        };
        let answer = Response { result: 1, acd_queue_id: id };
        ctx.commit(queues::creation(account, &queue)?, &answer).await?;
        Ok(answer)
    }
}
