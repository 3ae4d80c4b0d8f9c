//! `cargo xtask bench --functions`: how long a deployed function takes to start, for its first call and for later ones,
//! compared with a function that only answers and one that only reads an item.
//!
//! All of them run as Lambda runs them, under its runtime API, built with the profile of deployments. The database is
//! the embedded one, over TLS, behind a network on which a round trip takes four milliseconds.

use super::scenario::median;
use crate::workspace;
use anyhow::{Context, Result, bail};
use axum::Router;
use axum::extract::State;
use axum::http::{HeaderMap, header};
use axum::response::IntoResponse;
use axum::routing::post;
use axum_server::tls_rustls::RustlsConfig;
use bytes::Bytes;
use dynoxide::Database;
use rustls::ServerConfig;
use rustls::pki_types::{PrivateKeyDer, PrivatePkcs8KeyDer};
use std::fmt::Write as _;
use std::fs;
use std::net::SocketAddr;
use std::path::{Path, PathBuf};
use std::sync::Arc;
use std::time::{Duration, Instant};
use switchboard::embedded;
use tests::App;
use tests::lambda::{Lambda, event};
use tokio::io::{AsyncReadExt as _, AsyncWriteExt as _};
use tokio::net::{TcpListener, TcpStream};

/// What is measured: the two bare functions, then two of Switchboard's.
const FUNCTIONS: [&str; 4] = ["bare-hello", "bare-get-item", "stepchat-get-user", "voximplant-get-account-info"];
/// The pause in each direction of a round trip; a pause takes up to a millisecond longer than this.
const ONE_WAY: Duration = Duration::from_millis(1);
/// The pause between a function's start and its first event in the second measurement: a function that was started in
/// advance (provisioned concurrency). In the first there is none, since there the event makes the function start.
const PAUSE: Duration = Duration::from_millis(100);
/// Calls of a function that is warm.
const WARM: usize = 40;
/// Selects one of the times of a start.
type Time = fn(&Taken) -> Duration;
/// The columns of the table.
const COLUMNS: [Time; 5] = [
    |taken| taken.start,
    |taken| taken.at_once,
    |taken| taken.start + taken.at_once,
    |taken| taken.later,
    |taken| taken.warm,
];
/// What our functions may take, as a factor of what `bare-get-item` takes.
const TARGETS: [(&str, Time, f64); 3] = [
    ("warm call", |taken| taken.warm, 1.15),
    ("first call, later", |taken| taken.later, 0.8),
    ("start and first call, at once", |taken| taken.start + taken.at_once, 1.0),
];
/// The figures replace everything in the file from this heading on.
const HEADING: &str = "## Start\n";
const FILE: &str = "docs/functions.md";

/// What one start of a function took.
#[derive(Debug, Clone, Copy)]
struct Taken {
    start: Duration,
    /// The first call, if its event was there when the function asked.
    at_once: Duration,
    /// The first call of a function that had been started before.
    later: Duration,
    warm: Duration,
    kilobytes: u64,
}

/// The times of one start.
struct Start {
    polled: Duration,
    first: Duration,
    warm: Duration,
    kilobytes: u64,
}

/// A function, with the times of all its starts.
struct Measured {
    name: &'static str,
    bytes: u64,
    taken: Vec<Taken>,
}

impl Measured {
    /// The median of one time of all its starts, in milliseconds.
    fn median(&self, of: Time) -> f64 {
        median(self.taken.iter().map(|taken| milliseconds(of(taken))))
    }
}

fn milliseconds(duration: Duration) -> f64 {
    duration.as_secs_f64() * 1_000.0
}

/// Builds the functions, measures them in turn and writes the figures; returns whether every target is met.
pub fn run(root: &Path, rounds: usize) -> Result<bool> {
    let folder = build(root)?;
    let runtime = tokio::runtime::Builder::new_multi_thread().worker_threads(2).enable_all().build();
    let measured = runtime.context("no runtime")?.block_on(Box::pin(measure(&folder, rounds)))?;
    let (text, is_met) = page(&measured, rounds)?;
    println!("{text}");
    let file = root.join(FILE);
    let before = fs::read_to_string(&file)?;
    let (before, _) = before.split_once(HEADING).with_context(|| format!("{FILE} has no `{}`", HEADING.trim()))?;
    workspace::write(&file, &format!("{before}{HEADING}{text}"))?;
    println!("wrote {FILE}");
    Ok(is_met)
}

fn build(root: &Path) -> Result<PathBuf> {
    let mut cargo = deploy::cargo::cargo();
    cargo.args(["build", "--profile", "dist", "--features", "bare-functions/compared", "--package", "bare-functions"]);
    for function in FUNCTIONS.iter().filter(|function| !function.starts_with("bare-")) {
        cargo.args(["--package", function]);
    }
    if !cargo.current_dir(root).status()?.success() {
        bail!("the functions cannot be built");
    }
    Ok(root.join("target/dist"))
}

async fn measure(folder: &Path, rounds: usize) -> Result<Vec<Measured>> {
    let app = App::new().await;
    let certificates = tempfile::tempdir()?;
    let authority = certificates.path().join("ca.pem");
    let database = serve(&app.database, &authority).await?;
    let variables = [
        ("AWS_REGION", "eu-central-1".to_owned()),
        ("AWS_ACCESS_KEY_ID", "x".to_owned()),
        ("AWS_SECRET_ACCESS_KEY", "x".to_owned()),
        ("AWS_ENDPOINT_URL_DYNAMODB", database),
        ("AWS_CA_BUNDLE", authority.display().to_string()),
        // The variable that the client of `bare-get-item` reads for the same.
        ("SSL_CERT_FILE", authority.display().to_string()),
        ("SWITCHBOARD_TOKEN_SECRET", tests::app::token_secret()),
    ];
    let mut measured = Vec::new();
    for name in FUNCTIONS {
        let bytes = fs::metadata(folder.join(name))?.len();
        measured.push(Measured { name, bytes, taken: Vec::with_capacity(rounds) });
    }
    for round in 0..rounds {
        for function in &mut measured {
            let program = folder.join(function.name);
            let Start { polled: start, first: at_once, warm, kilobytes } =
                once(&app, &program, function.name, &variables, Duration::ZERO).await?;
            let Start { first: later, .. } = once(&app, &program, function.name, &variables, PAUSE).await?;
            function.taken.push(Taken { start, at_once, later, warm, kilobytes });
        }
        if round % 10 == 9 {
            eprintln!("{} of {rounds} rounds", round + 1);
        }
    }
    Ok(measured)
}

/// Starts a function, and calls it.
async fn once(app: &App, program: &Path, name: &str, variables: &[(&str, String)], pause: Duration) -> Result<Start> {
    let (path, form, expected) = match name {
        "stepchat-get-user" => ("/stepchat/get-user", format!("token={}&user_id=1", app.token), "\"success\":true"),
        "voximplant-get-account-info" => {
            ("/platform_api/GetAccountInfo", format!("account_id=1&api_key={}", app.api_key), "\"account_id\":1")
        }
        _ => ("/", String::new(), ""),
    };
    let headers = [("content-type", "application/x-www-form-urlencoded")];
    let event = event(path, &headers, form.as_bytes(), true).to_string();
    let began = Instant::now();
    let function = Lambda::start_program(program, name, variables).await;
    let start = function.polled().await.duration_since(began);
    if !pause.is_zero() {
        tokio::time::sleep(pause).await;
    }
    let call = async || {
        let began = Instant::now();
        let answer = function.invoke_text(event.clone()).await.map_err(anyhow::Error::msg)?;
        let taken = began.elapsed();
        let body = answer.get("body").and_then(|body| body.as_str()).unwrap_or_default();
        if !body.contains(expected) {
            bail!("{name} answers {answer}");
        }
        Ok(taken)
    };
    let first = call().await?;
    let mut warm = Vec::with_capacity(WARM);
    for _ in 0..WARM {
        warm.push(call().await?);
    }
    let warm = Duration::from_secs_f64(median(warm.iter().map(Duration::as_secs_f64)));
    Ok(Start { polled: start, first, warm, kilobytes: function.peak_kilobytes()? })
}

/// Serves the embedded database over TLS, behind the slow network; writes the certificate into a file, and returns the
/// address.
async fn serve(database: &Database, certificate: &Path) -> Result<String> {
    let made = rcgen::generate_simple_self_signed(vec!["localhost".to_owned()])?;
    fs::write(certificate, made.cert.pem())?;
    let key = PrivateKeyDer::Pkcs8(PrivatePkcs8KeyDer::from(made.signing_key.serialize_der()));
    let mut config = ServerConfig::builder_with_provider(Arc::new(rustls::crypto::ring::default_provider()))
        .with_safe_default_protocol_versions()?
        .with_no_client_auth()
        .with_single_cert(vec![made.cert.der().clone()], key)?;
    config.alpn_protocols = vec![b"http/1.1".to_vec()];
    let routes = Router::new().route("/", post(perform)).with_state(database.clone());
    let listener = std::net::TcpListener::bind("127.0.0.1:0")?;
    listener.set_nonblocking(true)?;
    let behind = listener.local_addr()?;
    let server = axum_server::from_tcp_rustls(listener, RustlsConfig::from_config(Arc::new(config)))?;
    tokio::spawn(server.serve(routes.into_make_service()));
    let front = TcpListener::bind("127.0.0.1:0").await?;
    let address = format!("https://localhost:{}", front.local_addr()?.port());
    tokio::spawn(async move {
        while let Ok((caller, _)) = front.accept().await {
            tokio::spawn(slowly(caller, behind));
        }
    });
    Ok(address)
}

async fn perform(State(database): State<Database>, headers: HeaderMap, body: Bytes) -> impl IntoResponse {
    let target = headers.get("x-amz-target").and_then(|target| target.to_str().ok()).unwrap_or_default();
    let operation = target.rsplit('.').next().unwrap_or_default();
    let (status, answer) = embedded::perform(&database, operation, &body);
    let status = axum::http::StatusCode::from_u16(status).unwrap_or_default();
    (status, [(header::CONTENT_TYPE, "application/x-amz-json-1.0")], answer)
}

/// Passes a connection on, with a pause in each direction.
async fn slowly(caller: TcpStream, behind: SocketAddr) {
    // The time that making a connection takes.
    tokio::time::sleep(ONE_WAY * 2).await;
    let Ok(server) = TcpStream::connect(behind).await else { return };
    if caller.set_nodelay(true).and(server.set_nodelay(true)).is_err() {
        return;
    }
    let ((from_caller, to_caller), (from_server, to_server)) = (caller.into_split(), server.into_split());
    tokio::join!(pass(from_caller, to_server), pass(from_server, to_caller));
}

async fn pass(mut from: impl tokio::io::AsyncRead + Unpin, mut to: impl tokio::io::AsyncWrite + Unpin) {
    let mut buffer = vec![0; 64 * 1024];
    while let Ok(read @ 1..) = from.read(&mut buffer).await {
        tokio::time::sleep(ONE_WAY).await;
        let Some(part) = buffer.get(..read) else { return };
        if to.write_all(part).await.is_err() {
            return;
        }
    }
    let _ = to.shutdown().await;
}

fn page(measured: &[Measured], rounds: usize) -> Result<(String, bool)> {
    let bare = measured.iter().find(|function| function.name == "bare-get-item").context("the bare function")?;
    let mut page = format!(
        "\n<!-- what follows is written by `cargo xtask bench --functions` -->\n\nUnder an emulator of the Lambda runtime API, \
         profile `dist`, the embedded database over TLS behind a network on which a round trip takes some \
         4 ms. Medians of {rounds} starts, by turns; a warm call is the median of {WARM}. `bare-hello` only answers, \
         `bare-get-item` only reads one item; in brackets what ours takes of that. *At once*: the event is there when the \
         function first asks for one. *Later*: it comes 100 ms after that, as with provisioned concurrency.\n\n\
         | Function | Bytes | Start to first poll | First call, at once | Both | First call, later | Warm call | Memory |\n\
         | --- | ---: | ---: | ---: | ---: | ---: | ---: | ---: |\n"
    );
    let mut is_met = true;
    let mut missed = String::new();
    for function in measured {
        let ours = !function.name.starts_with("bare-");
        let cells = COLUMNS.map(|of| {
            let (mine, theirs) = (function.median(of), bare.median(of));
            if ours { format!("{mine:.1} ms ({:.2})", mine / theirs) } else { format!("{mine:.1} ms") }
        });
        let memory = function.taken.iter().map(|taken| taken.kilobytes).max().unwrap_or_default() / 1_024;
        let _ = writeln!(page, "| `{}` | {} | {} | {memory} MB |", function.name, function.bytes, cells.join(" | "));
        if ours {
            for (what, of, most) in TARGETS {
                let (mine, theirs) = (function.median(of), bare.median(of));
                if mine > theirs * most {
                    is_met = false;
                    let _ = writeln!(missed, "- `{}`, {what}: {:.2}, not {most}", function.name, mine / theirs);
                }
            }
        }
    }
    page.push_str(
        "\nWanted, against `bare-get-item`: a warm call at most 1.15, the first call of a function that waits for it at most 0.8, \
         start and first call together at most 1.\n",
    );
    if !is_met {
        let _ = write!(page, "\nMissed:\n\n{missed}");
    }
    Ok((page, is_met))
}
