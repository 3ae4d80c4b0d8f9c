//! All there is to know of a method, its types erased: what the local server, the documents, the routes, the grants and the
//! template are made from.

use crate::config::Needs;
use crate::context::{App, Effect};
use crate::handler::Handler;
use crate::method::{Family, Method};
use crate::routes::RoutePath;
use crate::runtime;
use crate::store::grants::Grant;
use crate::store::idempotency;
use crate::wire::Reply;
use bytes::Bytes;
use futures_util::future::BoxFuture;
use http::Request;
use schemars::{Schema, SchemaGenerator};
use std::sync::Arc;

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

    /// The handlers of a family's methods, computed while compiling.
    ///
    /// # Panics
    /// While compiling, if the family has no methods.
    #[must_use]
    #[expect(clippy::panic, reason = "while compiling")]
    pub const fn handlers<const N: usize>(entries: &[Self]) -> [Handler; N] {
        let Some((Self { handler: first, .. }, _)) = entries.split_first() else { panic!("a family has methods") };
        let mut handlers = [*first; N];
        let (mut slots, mut entries): (&mut [Handler], _) = (&mut handlers, entries);
        while let (Some((slot, other_slots)), Some((entry, others))) = (slots.split_first_mut(), entries.split_first())
        {
            *slot = entry.handler;
            (slots, entries) = (other_slots, others);
        }
        handlers
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
