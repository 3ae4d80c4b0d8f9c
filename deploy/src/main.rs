//! `./deploy.sh` in a clone of the repository: `switchboard deploy` without the rest of `switchboard`.

use clap::Parser;
use deploy::Arguments;
use std::path::Path;
use std::process::ExitCode;

/// Build every function once and deploy them to your AWS account.
#[derive(Debug, Parser)]
#[command(bin_name = "./deploy.sh", version, arg_required_else_help = true, after_help = deploy::EXAMPLES)]
struct CommandLine {
    #[command(flatten)]
    arguments: Arguments,
}

fn main() -> ExitCode {
    let CommandLine { arguments } = CommandLine::parse();
    let package = Path::new(env!("CARGO_MANIFEST_DIR"));
    deploy::run(package.parent().unwrap_or(package), &arguments)
}
