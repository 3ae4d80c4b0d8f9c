//! Deploys Switchboard to an AWS account: the checks before anything is built or changed, the build, `sam deploy`, and
//! advice on what to do next. One implementation for `switchboard deploy`, `./deploy.sh` in a bundle and in a clone,
//! and `cargo xtask deploy`.

pub mod architecture;
pub mod artefacts;
pub mod aws;
pub mod build;
pub mod cargo;
pub mod parameters;
pub mod revision;
pub mod stack;
pub mod stage;
pub mod tools;

mod arguments;
mod checks;
mod plan;

pub use architecture::Architecture;
pub use arguments::Arguments;
pub use artefacts::Artefacts;

use anyhow::{Context, Result, bail};
use checks::Target;
use plan::Plan;
use signal_hook::consts::SIGINT;
use stack::Described;
use std::path::Path;
use std::process::ExitCode;
use std::sync::Arc;
use std::sync::atomic::{AtomicBool, Ordering};
use tools::SAM;

/// For `--help`.
pub const EXAMPLES: &str = "Examples:\n  ./deploy.sh dev\n  ./deploy.sh prod --check\n  \
                            ./deploy.sh prod --parameter AlarmEmail=ops@example.com";

/// Deploys what is in a folder; returns the exit code for a program that does nothing else.
#[must_use]
pub fn run(folder: &Path, arguments: &Arguments) -> ExitCode {
    match Artefacts::open(folder).and_then(|artefacts| deploy(&artefacts, arguments)) {
        Ok(()) => ExitCode::SUCCESS,
        Err(error) => {
            eprintln!("error: {error:#}");
            ExitCode::FAILURE
        }
    }
}

/// Deploys. Failures that can be foreseen come before anything is built or changed.
pub fn deploy(artefacts: &Artefacts, arguments: &Arguments) -> Result<()> {
    let plan = Plan::of(artefacts, arguments)?;
    let builds = artefacts.bundle.is_none() && !arguments.built;
    if !builds {
        artefacts.check(plan.architecture)?;
    }
    let target = Target::find(&plan, builds)?;
    if arguments.check {
        eprintln!("Everything is ready. Nothing was changed.");
        return Ok(());
    }
    if builds {
        let packages: Vec<String> = artefacts.functions().into_iter().map(|(name, _)| name).collect();
        build::build(&artefacts.folder, plan.architecture, build::PROFILE, &packages)?;
        artefacts.check(plan.architecture)?;
        if let Some(stack) = target.look_again(&plan)? {
            stack.check(plan.stage.stack.as_str(), &target.region)?;
        }
    }
    run_sam(artefacts, &plan, &target)?;
    println!("{}", next(artefacts, &plan, &target));
    Ok(())
}

/// Runs `sam deploy`; if it fails or is stopped, the error says what state the stack is in.
fn run_sam(artefacts: &Artefacts, plan: &Plan, target: &Target) -> Result<()> {
    // An interrupt reaches SAM too, which handles it; this program goes on, to say what state the stack is in.
    let interrupted = Arc::new(AtomicBool::new(false));
    signal_hook::flag::register(SIGINT, Arc::clone(&interrupted)).context("cannot wait for an interrupt")?;
    let status = SAM.status(&artefacts.folder, plan.sam(artefacts, &target.region)?)?;
    if status.success() {
        return Ok(());
    }
    let what = if interrupted.load(Ordering::Relaxed) { "`sam deploy` was interrupted" } else { "`sam deploy` failed" };
    let stack = plan.stage.stack.as_str();
    match target.look_again(plan).with_context(|| format!("{what}, and"))? {
        None => bail!("{what}: there is no stack {stack}, nothing was changed. Deploy again"),
        Some(described) if described.is_proposal() => {
            bail!("{what} before it changed anything. Deploy again when what it said above is mended")
        }
        Some(described) => {
            described.check(stack, &target.region).context(what)?;
            bail!("{what}: the stack {stack} is in the state {} and serves as before. See above", described.status())
        }
    }
}

/// What to do after a deployment.
fn next(artefacts: &Artefacts, plan: &Plan, target: &Target) -> String {
    let switchboard =
        if artefacts.bundle.is_some() { "./switchboard" } else { "cargo run --release -p switchboard --" };
    let operator = format!("{switchboard} --stack {} operator", plan.stage.stack);
    match &target.stack {
        Some(stack) if !Described::is_proposal(stack) => {
            format!("Deployed. To see that it works:\n  {operator} ledger audit")
        }
        _ => format!(
            "Deployed. Next, the first admin, the first account and its key:\n  {operator} init --email you@example.com"
        ),
    }
}
