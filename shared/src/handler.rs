//! What a running function needs of a method.

use crate::config::Needs;
use crate::context::{App, Effect};
use crate::method::Method;
use crate::pipeline;
use crate::wire::{Inbound, Reply};
use futures_util::future::BoxFuture;
use std::sync::Arc;

/// A method with its types erased, as a running function needs it. What the documents say of it is in a
/// [`MethodEntry`](crate::entry::MethodEntry): deployed binaries have no need for schemas and grants.
#[derive(Clone, Copy)]
pub struct Handler {
    name: &'static str,
    aliases: &'static [&'static str],
    needs: Needs,
    handle: fn(Arc<App>, Inbound) -> BoxFuture<'static, Reply>,
}

impl Handler {
    /// The handler of a method, its types erased.
    pub(crate) const fn of<M: Method>() -> Self {
        Self {
            name: M::NAME,
            aliases: M::ALIASES,
            needs: Needs { tokens: M::TOKENS, fingerprints: matches!(M::EFFECT, Effect::Write) },
            handle: |app, inbound| Box::pin(pipeline::handle::<M>(app, inbound)),
        }
    }

    /// Runs the method on a request that has been read.
    pub(crate) async fn handle(&self, app: Arc<App>, inbound: Inbound) -> Reply {
        (self.handle)(app, inbound).await
    }

    /// Which secrets its Lambda needs.
    pub(crate) const fn needs(&self) -> Needs {
        self.needs
    }

    /// Whether this method goes by `name`.
    pub(crate) fn is_called(&self, name: &str) -> bool {
        self.name == name || self.aliases.contains(&name)
    }
}
