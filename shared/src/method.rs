//! A method of an API, declared once: everything else (routes, grants, documents, OpenAPI, template) is generated
//! from this declaration.

use crate::config::Needs;
pub use crate::context::Effect;
use crate::context::{App, Ctx};
use crate::routes::{FrontDoor, RoutePath};
use crate::runtime;
use crate::store::files::FileKey;
use crate::store::grants::{Grant, Grants};
use crate::store::idempotency;
use crate::wire::{Cookie, DecodeError, Failure, Inbound, Malformed, NonObjectJson, Params, Reply};
use bytes::Bytes;
use futures_util::future::BoxFuture;
use http::Request;
use schemars::{JsonSchema, Schema, SchemaGenerator};
use serde::Serialize;
use serde::de::DeserializeOwned;
use std::future::Future;
use std::sync::Arc;

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

/// What a running function needs of a method. The rest of a [`MethodEntry`] is for documents: deployed binaries have no
/// need for schemas and grants.
#[derive(Clone, Copy)]
pub struct Handler {
    name: &'static str,
    aliases: &'static [&'static str],
    needs: Needs,
    handle: fn(Arc<App>, Inbound) -> BoxFuture<'static, Reply>,
}

impl Handler {
    /// The handler of a method, its types erased.
    #[must_use]
    pub const fn of<M: Method>() -> Self {
        Self {
            name: M::NAME,
            aliases: M::ALIASES,
            needs: Needs { tokens: M::TOKENS, fingerprints: matches!(M::EFFECT, Effect::Write) },
            handle: |app, inbound| Box::pin(runtime::handle::<M>(app, inbound)),
        }
    }

    /// The handlers of a family's methods, computed while compiling.
    ///
    /// # Panics
    /// While compiling, if the family has no methods.
    #[must_use]
    #[expect(clippy::panic, reason = "while compiling")]
    pub const fn of_all<const N: usize>(entries: &[MethodEntry]) -> [Self; N] {
        let Some((MethodEntry { handler: first, .. }, _)) = entries.split_first() else {
            panic!("a family has methods")
        };
        let mut handlers = [*first; N];
        let (mut slots, mut entries): (&mut [Self], _) = (&mut handlers, entries);
        while let (Some((slot, other_slots)), Some((entry, others))) = (slots.split_first_mut(), entries.split_first())
        {
            *slot = entry.handler;
            (slots, entries) = (other_slots, others);
        }
        handlers
    }

    /// Runs the method on a request that has been read.
    pub async fn handle(&self, app: Arc<App>, inbound: Inbound) -> Reply {
        (self.handle)(app, inbound).await
    }

    /// Which secrets its Lambda needs.
    #[must_use]
    pub const fn needs(&self) -> Needs {
        self.needs
    }

    /// Whether this method goes by `name`.
    #[must_use]
    pub fn is_called(&self, name: &str) -> bool {
        self.name == name || self.aliases.contains(&name)
    }
}

/// A method with its types erased: what the local server and the generators iterate.
#[derive(Clone, Copy)]
pub struct MethodEntry {
    /// `stepchat` or `voximplant`.
    pub family: &'static str,
    /// Wire name.
    pub name: &'static str,
    /// Other wire names.
    pub aliases: &'static [&'static str],
    /// One sentence.
    pub summary: &'static str,
    /// Whether it writes.
    pub effect: Effect,
    /// Whether it derives users' tokens.
    pub tokens: bool,
    /// Path prefix of its family.
    pub root: &'static str,
    /// Whether clients put a slash after its name.
    pub trailing_slash: bool,
    answerer: fn(Arc<App>, Request<Bytes>) -> BoxFuture<'static, Reply>,
    handler: Handler,
    access: fn() -> String,
    grants: fn() -> Vec<Grant>,
    request: fn(&mut SchemaGenerator) -> Schema,
    response: fn(&mut SchemaGenerator) -> Schema,
}

impl MethodEntry {
    /// The entry of a method, its types erased.
    #[must_use]
    pub const fn of<M: Method>() -> Self {
        Self {
            family: M::Family::NAME,
            name: M::NAME,
            aliases: M::ALIASES,
            summary: M::SUMMARY,
            effect: M::EFFECT,
            tokens: M::TOKENS,
            root: M::Family::ROOT,
            trailing_slash: M::Family::TRAILING_SLASH,
            answerer: |app, request| Box::pin(runtime::answer::<M>(app, request)),
            handler: Handler::of::<M>(),
            access: || M::Family::describe(M::ACCESS),
            grants: grants::<M>,
            request: SchemaGenerator::subschema_for::<M::Request>,
            response: SchemaGenerator::subschema_for::<M::Response>,
        }
    }

    /// Answers a request on the method's own route.
    pub async fn answer(&self, app: Arc<App>, request: Request<Bytes>) -> Reply {
        (self.answerer)(app, request).await
    }

    /// What it demands of its caller, in words.
    #[must_use]
    pub fn access(&self) -> String {
        (self.access)()
    }

    /// Everything its Lambda may do to the tables: sorted, each once.
    #[must_use]
    pub fn grants(&self) -> Vec<Grant> {
        (self.grants)()
    }

    /// The schema of its parameters.
    pub fn request_schema(&self, generator: &mut SchemaGenerator) -> Schema {
        (self.request)(generator)
    }

    /// The schema of its answer.
    pub fn response_schema(&self, generator: &mut SchemaGenerator) -> Schema {
        (self.response)(generator)
    }

    /// Which secrets its Lambda needs.
    #[must_use]
    pub const fn needs(&self) -> Needs {
        self.handler.needs()
    }

    /// The folder of the method: its wire name in kebab-case.
    #[must_use]
    pub fn folder(&self) -> String {
        kebab(self.name)
    }

    /// The name of its package and binary.
    #[must_use]
    pub fn binary(&self) -> String {
        format!("{}-{}", self.family, self.folder())
    }

    /// The method's own path.
    #[must_use]
    pub fn path(&self) -> String {
        format!("{}/{}", self.root, self.name)
    }

    /// Every route that leads to the method's own Lambda. The route for a slash after the name also takes every path
    /// below it ([`RoutePath::below`]); the function refuses those as the front door does.
    #[must_use]
    pub fn routes(&self) -> Vec<RoutePath> {
        let names = std::iter::once(&self.name).chain(self.aliases);
        let paths = names.map(|name| format!("{}/{name}", self.root));
        let routes = paths.flat_map(|path| {
            let below = self.trailing_slash.then(|| RoutePath::below(&path));
            std::iter::once(RoutePath::literal(path)).chain(below)
        });
        routes.collect()
    }
}

fn grants<M: Method>() -> Vec<Grant> {
    let own = M::GRANTS.iter().flat_map(|list| list.iter());
    let answers: &[Grant] = if M::EFFECT == Effect::Write { idempotency::GRANTS } else { &[] };
    let mut grants: Vec<Grant> = own.chain(M::Family::GRANTS).chain(answers).copied().collect();
    grants.sort_unstable();
    grants.dedup();
    grants
}

/// `AddUser` → `add-user`; `get-user` stays.
#[must_use]
pub fn kebab(name: &str) -> String {
    let mut kebab = String::with_capacity(name.len() + 4);
    for letter in name.chars() {
        if letter.is_ascii_uppercase() {
            if !kebab.is_empty() {
                kebab.push('-');
            }
            kebab.push(letter.to_ascii_lowercase());
        } else {
            kebab.push(letter);
        }
    }
    kebab
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn folders_are_wire_names_in_kebab_case() {
        assert_eq!(kebab("TransferMoneyToUser"), "transfer-money-to-user");
        assert_eq!(kebab("get-user"), "get-user");
    }
}
