//! `switchboard`: see `switchboard --help`.

use anyhow::{Context, Result, bail};
use clap::{Parser, Subcommand, ValueEnum};
use shared::ids::{AccountId, UserId};
use shared::observe::Log;
use std::io::IsTerminal as _;
use std::net::SocketAddr;
use std::path::PathBuf;
use std::process::ExitCode;
use std::sync::Arc;
use switchboard::database::Place;
use switchboard::readable::Readable;
use switchboard::serve::{Options, start};
use switchboard::state::make_private_files;
use switchboard::{commands, console, export, import, page, stack};
use tokio::signal::unix::{SignalKind, signal};

/// The emulator and the SDK allocate much and pass it between threads: with the system's allocator, an import would
/// take 50 % more processor time.
#[global_allocator]
static ALLOCATOR: mimalloc::MiMalloc = mimalloc::MiMalloc;

/// Your users, on your own AWS account, behind the two APIs your tools already speak.
#[derive(Debug, Parser)]
#[command(version, arg_required_else_help = true)]
struct Arguments {
    /// Work on the deployed stack of this name: its tables, its secrets, its settings. Asks the AWS command line.
    #[arg(long, value_name = "NAME", global = true)]
    stack: Option<String>,
    #[command(subcommand)]
    command: Command,
}

#[derive(Debug, Subcommand)]
enum Command {
    /// Serve both APIs from this machine, with an embedded database.
    ///
    /// On first start this makes the tables, a first admin, account 1 with an application `demo`, keys and 1000.00 of
    /// test money, and writes the files clients load into the state folder. To use another database, set
    /// `AWS_ENDPOINT_URL_DYNAMODB` to its address, or `SWITCHBOARD_DATABASE=aws` for the tables of your AWS account.
    #[command(after_help = "Examples:\n  switchboard serve\n  switchboard serve --memory --state /tmp/try\n  \
                            switchboard serve --listen 127.0.0.1:8080 --https 127.0.0.1:8443")]
    Serve {
        /// Address for HTTP.
        #[arg(long, default_value = "127.0.0.1:9000")]
        listen: SocketAddr,
        /// Address for HTTPS, with a certificate of the state folder's own authority.
        #[arg(long, default_value = "127.0.0.1:9443")]
        https: SocketAddr,
        /// Folder for database, secrets and client files.
        #[arg(long, default_value = ".switchboard")]
        state: PathBuf,
        /// Keep the database in memory: everything is gone when the server stops.
        #[arg(long)]
        memory: bool,
        /// Also offer the embedded database over HTTP on this address, for `cargo lambda watch` beside this server.
        #[arg(long, value_name = "ADDRESS")]
        database: Option<SocketAddr>,
        /// The id of the first admin, which the first start makes. Default: 1. Give it one above the ids that an import
        /// shall keep.
        #[arg(long, value_name = "ID", value_parser = commands::stepchat_id)]
        admin_id: Option<UserId>,
        /// How requests are logged on standard output: `text` is one readable line each, coloured on a terminal; `json`
        /// is what the deployed functions log. Default: text on a terminal, else json.
        #[arg(long, value_name = "FORMAT")]
        log: Option<LogFormat>,
    },
    /// What only the operator may do: accounts, keys, credit, rates, the ledger's audit.
    Operator(commands::Arguments),
    /// Bring users along from another service.
    Import(import::Arguments),
    /// Write down everything that is kept of one user, or of all.
    Export(export::Arguments),
    /// Deploy Switchboard to your AWS account, with SAM: asks everything that can be asked first.
    ///
    /// Works on an unpacked bundle, or on a clone of the repository, where it builds the functions before. The deployments
    /// are those of samconfig.toml.
    #[command(after_help = "Examples:\n  switchboard deploy dev\n  switchboard deploy prod --check\n  \
                            switchboard deploy prod --parameter AlarmEmail=ops@example.com")]
    Deploy {
        #[command(flatten)]
        arguments: deploy::Arguments,
        /// The folder of the bundle or the clone. Default: this program's own, if it was unpacked with a bundle, else the
        /// current one.
        #[arg(long)]
        folder: Option<PathBuf>,
    },
    /// Open the console for people: users, money and health in a browser.
    ///
    /// `switchboard serve` has it at /console/ and prints its address. This serves that of a deployed stack from this machine,
    /// for whoever has the printed address; with --out it writes a folder of static files without the operator's views, for
    /// any web host.
    #[command(after_help = "Examples:\n  switchboard --stack switchboard-dev console\n  \
                            switchboard console --out console --server https://api.example.com")]
    Console {
        /// Address of the page, on this machine.
        #[arg(long, default_value = "127.0.0.1:9001")]
        listen: SocketAddr,
        /// The Voximplant account whose users are shown; default: the first one.
        #[arg(long)]
        account: Option<u64>,
        /// Write the page as a folder of static files instead.
        #[arg(long, value_name = "DIR")]
        out: Option<PathBuf>,
        /// With --out: the address of the API that the page calls. Default: the person says it.
        #[arg(long, value_name = "URL", requires = "out")]
        server: Option<String>,
        #[command(flatten)]
        place: Place,
    },
    /// Write the API reference as a folder of static files, for any web host. It holds no credential.
    #[command(after_help = "Example:\n  switchboard docs --out reference --server https://api.example.com")]
    Docs {
        /// The folder to write into.
        #[arg(long)]
        out: PathBuf,
        /// The address of the API that the page calls. Default: the reader chooses.
        #[arg(long, value_name = "URL")]
        server: Option<String>,
    },
}

/// How requests are logged.
#[derive(Debug, Clone, Copy, PartialEq, Eq, ValueEnum)]
enum LogFormat {
    /// One JSON object a line.
    Json,
    /// One line that a person can read.
    Text,
}

/// The log in the wanted form. Colour is for terminals, unless `NO_COLOR` says otherwise (no-color.org).
fn log_in(format: Option<LogFormat>) -> Log {
    let terminal = std::io::stdout().is_terminal();
    match format {
        Some(LogFormat::Text) => {}
        None if terminal => {}
        Some(LogFormat::Json) | None => return Log::Stdout,
    }
    let set = |name: &str| std::env::var_os(name).is_some_and(|value| !value.is_empty());
    let dumb = std::env::var("TERM").is_ok_and(|terminal| terminal == "dumb");
    Log::Shown(Arc::new(Readable { colour: terminal && !dumb && !set("NO_COLOR") }))
}

fn main() -> ExitCode {
    run(Arguments::parse()).unwrap_or_else(|error| {
        // The error and its causes, without a backtrace, which would not help the operator.
        eprintln!("error: {error:#}");
        ExitCode::FAILURE
    })
}

fn run(arguments: Arguments) -> Result<ExitCode> {
    if let Some(name) = &arguments.stack {
        if matches!(arguments.command, Command::Deploy { .. }) {
            bail!("`deploy` takes the stack's name from samconfig.toml: leave --stack out");
        }
        stack::enter(name)?;
    }
    match arguments.command {
        Command::Serve { .. }
        | Command::Operator(_)
        | Command::Import(_)
        | Command::Export(_)
        | Command::Console { out: None, .. } => make_private_files(),
        // Files of a deployed bundle are read by another user in the cloud, and the pages' files by a web host.
        Command::Deploy { .. } | Command::Docs { .. } | Command::Console { .. } => {}
    }
    let mut runtime = tokio::runtime::Builder::new_multi_thread();
    // Answers of the embedded database come by the runtime's queue for all threads. A thread looks at it before its own
    // queue, so that calls that were begun end before others begin.
    let runtime = runtime.worker_threads(2).global_queue_interval(1).enable_all().build()?;
    match arguments.command {
        Command::Serve { listen, https, state, memory, database, admin_id, log } => {
            let log = log_in(log);
            let options = Options { listen, https, state, memory, database, admin_id, log };
            runtime.block_on(serve(&options))?;
            Ok(ExitCode::SUCCESS)
        }
        Command::Operator(arguments) => {
            let all_well = runtime.block_on(commands::run(arguments))?;
            Ok(if all_well { ExitCode::SUCCESS } else { ExitCode::FAILURE })
        }
        Command::Import(arguments) => {
            let all_taken = runtime.block_on(import::run(arguments))?;
            Ok(if all_taken { ExitCode::SUCCESS } else { ExitCode::FAILURE })
        }
        Command::Export(arguments) => {
            runtime.block_on(export::run(arguments))?;
            Ok(ExitCode::SUCCESS)
        }
        Command::Deploy { arguments, folder } => Ok(deploy::run(&folder.unwrap_or_else(unpacked), &arguments)),
        Command::Console { out: Some(out), server, .. } => {
            console::write(&out, server.as_deref())?;
            println!("{}", out.join("index.html").display());
            Ok(ExitCode::SUCCESS)
        }
        Command::Console { listen, account, place, .. } => {
            let account =
                account.map(|id| AccountId::new(id).with_context(|| format!("{id} is no account"))).transpose()?;
            let options = console::Options { listen, account };
            runtime.block_on(async { console::serve(&place, &options, stopped()?).await })?;
            Ok(ExitCode::SUCCESS)
        }
        Command::Docs { out, server } => {
            page::write(&out, server.as_deref())?;
            println!("{}", out.join("index.html").display());
            Ok(ExitCode::SUCCESS)
        }
    }
}

/// The folder that this program was unpacked into with a bundle; else the current one.
fn unpacked() -> PathBuf {
    let program = std::env::current_exe().ok();
    let folder = program.and_then(|program| Some(program.parent()?.to_owned()));
    folder.filter(|folder| folder.join(deploy::artefacts::MANIFEST).is_file()).unwrap_or_else(|| ".".into())
}

async fn serve(options: &Options) -> Result<()> {
    let server = start(options).await?;
    eprintln!("{}", server.greeting);
    server.run(stopped()?).await.context("switchboard serve")
}

/// Resolves when this process is told to stop.
fn stopped() -> Result<impl Future<Output = ()> + Send + 'static> {
    let (mut interrupt, mut terminate) = (signal(SignalKind::interrupt())?, signal(SignalKind::terminate())?);
    Ok(async move {
        tokio::select! {
            _ = interrupt.recv() => {}
            _ = terminate.recv() => {}
        }
    })
}
