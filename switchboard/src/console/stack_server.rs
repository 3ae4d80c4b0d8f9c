//! `switchboard console --stack NAME`: the console of a deployed stack, served from this machine.

use super::api_keys::ApiKeys;
use super::desk::ConsoleState;
use super::forward::Forward;
use super::routes;
use crate::connection::Connection;
use crate::database::Place;
use crate::operator::Operator;
use crate::stack::URLS;
use anyhow::{Context as _, Result, bail};
use shared::crypto::{Secret, random_token};
use shared::ids::AccountId;
use std::env;
use std::net::SocketAddr;
use std::sync::Arc;

/// Random bytes of the key in the page's address.
const KEY_BYTES: usize = 20;

/// What to serve.
#[derive(Debug, Clone)]
pub struct Options {
    /// Where the page is served.
    pub listen: SocketAddr,
    /// The account whose users are shown first; default: the first one.
    pub account: Option<AccountId>,
}

/// Serves the console of the stack whose environment variables this process has, until `stop` resolves. The API keys
/// that the page calls with are made for this console, and revoked at the end.
pub async fn serve(place: &Place, options: &Options, stop: impl Future<Output = ()> + Send + 'static) -> Result<()> {
    let [Some(stepchat), Some(voximplant)] = URLS.map(|name| env::var(name).ok()) else {
        bail!(
            "say which stack: `switchboard --stack NAME console`. On this machine `switchboard serve` has the console at \
             /console/ and prints its address"
        );
    };
    if !options.listen.ip().is_loopback() {
        bail!(
            "--listen {}: the console acts as the operator, so it is offered to this machine only; say 127.0.0.1",
            options.listen
        );
    }
    let app = place.open().await?.app;
    let operator = Operator::new(Arc::clone(&app));
    let admin =
        operator.admin().await?.context("the stack has no admin yet: run `switchboard --stack NAME operator init`")?;
    let account = match options.account {
        Some(id) => operator.account(id).await?.with_context(|| format!("the stack has no account {id}"))?,
        None => {
            let first = operator.accounts().await?.into_iter().next();
            first.context("the stack has no account yet: run `switchboard --stack NAME operator init`")?
        }
    };
    let listener = tokio::net::TcpListener::bind(options.listen).await;
    let listener = listener.with_context(|| {
        format!("cannot listen on {}: is another program there? Say another --listen", options.listen)
    })?;
    let address = listener.local_addr()?;
    let api_keys = ApiKeys::new()?;
    let name = api_keys.name().clone();
    let key = random_token(KEY_BYTES)?;
    let desk = Arc::new(ConsoleState {
        deployment: env::var("SWITCHBOARD_STACK").unwrap_or_else(|_| "stack".to_owned()),
        key: Secret::new(&key),
        token: Secret::new(&operator.token(&admin)),
        account: account.id,
        api_keys,
        activity: None,
        place: Vec::new(),
        app,
    });
    // Makes the API key before the page's address is printed.
    desk.api_keys.of(&operator, &account).await?;
    let pages = routes(Arc::clone(&desk)).merge(Forward::to(&stepchat, &voximplant)?.routes());
    eprintln!("Console of the stack, for this machine and you alone: http://{address}/console/#key={key}");
    eprintln!("It calls with an API key made for it, `{name}`, which is revoked when you stop it with Ctrl-C.");
    let served = axum::serve(listener, pages.into_make_service_with_connect_info::<Connection>());
    let served = served.with_graceful_shutdown(stop).await.context("the console failed");
    desk.api_keys.revoke(&operator).await?;
    served
}
