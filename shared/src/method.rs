//! A method of an API, declared once: everything else (routes, grants, documents, OpenAPI, template) is generated
//! from this declaration.

pub use crate::context::Effect;

use crate::context::Ctx;
use crate::routes::FrontDoor;
use crate::store::files::FileKey;
use crate::store::grants::{Grant, Grants};
use crate::wire::{Cookie, DecodeError, Failure, Inbound, Malformed, NonObjectJson, Params, Reply};
use schemars::JsonSchema;
use serde::Serialize;
use serde::de::DeserializeOwned;
use std::future::Future;

/// A protocol: who may call, and how answers look.
pub trait Family: Sized + Send + Sync + 'static {
    /// `stepchat` or `voximplant`: in folders, binaries, routes, metrics.
    const NAME: &'static str;
    /// The field that names the method at the single-URL front door.
    const SELECTOR: &'static str;
    /// Path prefix of the family's routes, without a trailing slash.
    const ROOT: &'static str;
    /// Where the front door is. It also takes every path below the family's root that no method has.
    const FRONT_DOORS: &'static [FrontDoor];
    /// Whether clients put a slash after a method's name: then that form, too, reaches the method's own function.
    const TRAILING_SLASH: bool;
    /// How a body is treated that is declared as JSON but is no object.
    const NON_OBJECT_JSON: NonObjectJson;
    /// What authentication itself may do.
    const GRANTS: &'static [Grant];

    /// What the front door may do besides what the methods may: see [`Self::picture`].
    const DOOR_GRANTS: &'static [Grant] = &[];

    /// What a method demands of its caller.
    type Access: Copy + Send + Sync + std::fmt::Debug;
    /// Who is calling, proven.
    type Caller: Send + Sync;
    /// Everything that can be answered instead of a result.
    type Error: From<Malformed> + From<DecodeError> + Failure + Send;

    /// The picture that a path of the family's front door names. Anyone may ask for it.
    #[must_use]
    fn picture(_path: &str) -> Option<FileKey> {
        None
    }

    /// Prepares the parameters as the family's clients mean them.
    #[must_use]
    fn prepare(inbound: Inbound) -> Inbound {
        inbound
    }

    /// Proves who is calling and that they may call a method of this access and effect.
    fn authenticate(
        ctx: &Ctx,
        inbound: &Inbound,
        access: Self::Access,
        effect: Effect,
    ) -> impl Future<Output = Result<Self::Caller, Self::Error>> + Send;

    /// Records the use of a credential, in parallel with the method. The answer waits for it, since a Lambda function
    /// is frozen after its answer; but it never fails the call.
    #[must_use]
    fn record_use(_: &Ctx, _: &Self::Caller) -> impl Future<Output = ()> + Send {
        async {}
    }

    /// The address of something below the family's root, on the host and with the prefix that the caller used.
    #[must_use]
    fn address(ctx: &Ctx, below: &str) -> String {
        let mut doors = std::iter::once(Self::ROOT).chain(Self::FRONT_DOORS.iter().map(|door| door.path()));
        let prefix = doors.find_map(|door| ctx.path().split_once(door)).map_or("", |(prefix, _)| prefix);
        format!("{}{prefix}{}/{below}", ctx.origin(), Self::ROOT)
    }

    /// What the log calls the caller; never a secret.
    fn caller_kind(caller: &Self::Caller) -> &'static str;

    /// The answer whose body is this JSON text.
    fn success(body: String, accepts_json: bool) -> Reply;

    /// The answer for a failure.
    fn failure(error: &Self::Error, accepts_json: bool) -> Reply;

    /// The access a method demands, for documents.
    fn describe(access: Self::Access) -> String;
}

/// What a method knows of its caller.
pub trait CallerView<F: Family>: PartialEq + Send + Sync + Sized {
    /// What is known of a caller who has been proved.
    fn from_verified(caller: &F::Caller) -> Self;

    /// What the credential alone claims of a caller who has not been proved. The method begins with this while the
    /// caller is looked up, and continues only if the proof says the same. `None`: the method waits for the proof.
    #[must_use]
    fn from_unverified(_: &Inbound) -> Option<Self> {
        None
    }

    /// Whether the credential is an API token. It can be revoked without affecting its owner, so answers to it show
    /// nothing that would still give access afterwards.
    #[must_use]
    fn is_api_token(&self) -> bool {
        false
    }

    /// The tenant within which the caller's idempotency keys are unique.
    fn tenant(&self) -> String;
}

/// One method: one folder, one Lambda, one route.
pub trait Method: Sized + Send + Sync + 'static {
    /// Its protocol.
    type Family: Family;
    /// Its wire name, such as `get-user` or `AddUser`.
    const NAME: &'static str;
    /// Other names under which clients know it.
    const ALIASES: &'static [&'static str] = &[];
    /// One sentence for the documents.
    const SUMMARY: &'static str;
    /// What it demands of its caller.
    const ACCESS: <Self::Family as Family>::Access;
    /// Whether it writes.
    const EFFECT: Effect;
    /// Whether it derives users' tokens, to show them or to store their hashes: only then does its function get the
    /// secret they are derived from. A test compares this with what its calls really did.
    const TOKENS: bool = false;
    /// What its own store calls need, in addition to authentication and idempotency.
    const GRANTS: Grants;
    /// What it has to know of its caller.
    type Caller: CallerView<Self::Family>;
    /// Its parameters.
    type Request: DeserializeOwned + JsonSchema + Send;
    /// Its complete answer body.
    type Response: Serialize + JsonSchema + Send;

    /// Does the work.
    fn call(
        ctx: &Ctx,
        caller: &Self::Caller,
        request: Self::Request,
    ) -> impl Future<Output = Result<Self::Response, <Self::Family as Family>::Error>> + Send;

    /// The cookie that an answer sets or removes.
    #[must_use]
    fn cookie(_: &Ctx, _: &Self::Response) -> Option<Cookie> {
        None
    }

    /// A note for the log about a request that is answered without some of its parameters.
    #[must_use]
    fn notice(_: &Params) -> Option<&'static str> {
        None
    }

    /// What log and metrics call an answer.
    #[must_use]
    fn outcome(_: &Self::Response) -> &'static str {
        "ok"
    }
}
