//! `cargo xtask`: see `cargo xtask --help`.

use anyhow::{Context, Result, ensure};
use clap::{Parser, Subcommand};
use std::path::{Path, PathBuf};
use std::process::{Command, ExitCode};
use xtask::new_method::{self, Refusal};
use xtask::{generate, workspace};

/// Developer chores of this workspace.
#[derive(Debug, Parser)]
#[command(
    bin_name = "cargo xtask",
    arg_required_else_help = true,
    after_help = "Examples:\n  cargo xtask generate\n  cargo xtask generate --check\n  \
                  cargo xtask new-method stepchat get-foo\n  cargo xtask new-method voximplant GetFoo"
)]
struct Arguments {
    #[command(subcommand)]
    chore: Chore,
}

#[derive(Debug, Subcommand)]
enum Chore {
    /// Write every file that follows from the methods' declarations.
    ///
    /// The SAM template, the watch routes, the front doors' dependencies, the OpenAPI documents and the table of methods.
    #[command(after_help = "Examples:\n  cargo xtask generate\n  cargo xtask generate --check")]
    Generate {
        /// Write nothing; name the stale files and exit with 1 if there are any.
        #[arg(long)]
        check: bool,
    },
    /// Start a new method: its folder, its line in the front door, and all that is generated.
    #[command(after_help = "Examples:\n  cargo xtask new-method stepchat get-foo\n  \
                            cargo xtask new-method voximplant GetFoo\n  \
                            cargo xtask new-method stepchat get-foo --root /tmp/copy --no-generate")]
    NewMethod {
        /// The protocol: stepchat or voximplant.
        family: String,
        /// The method's name on the wire, such as `get-foo` or `GetFoo`.
        name: String,
        /// Root of the workspace to work on. Default: this one.
        #[arg(long)]
        root: Option<PathBuf>,
        /// Leave `cargo xtask generate` to you.
        #[arg(long)]
        no_generate: bool,
    },
}

fn main() -> ExitCode {
    let done = match Arguments::parse().chore {
        Chore::Generate { check: false } => write(&workspace::root()),
        Chore::Generate { check: true } => check(&workspace::root()),
        Chore::NewMethod { family, name, root, no_generate } => {
            add(&root.unwrap_or_else(workspace::root), &family, &name, no_generate)
        }
    };
    done.unwrap_or_else(|error| {
        eprintln!("error: {error:#}");
        // What cannot be asked for is 2, like clap's own refusals; what went wrong is 1.
        ExitCode::from(if error.is::<Refusal>() { 2 } else { 1 })
    })
}

fn write(root: &Path) -> Result<ExitCode> {
    let files = generate::files(root)?;
    for file in files.iter().filter(|file| file.is_stale(root)) {
        file.write(root)?;
        println!("wrote {}", file.path.display());
    }
    println!("{} generated files are up to date", files.len());
    Ok(ExitCode::SUCCESS)
}

fn check(root: &Path) -> Result<ExitCode> {
    let files = generate::files(root)?;
    let stale: Vec<_> = files.iter().filter(|file| file.is_stale(root)).collect();
    for file in &stale {
        eprintln!("stale: {} (mend it with `cargo xtask generate`)", file.path.display());
    }
    Ok(ExitCode::from(u8::from(!stale.is_empty())))
}

fn add(root: &Path, family: &str, name: &str, no_generate: bool) -> Result<ExitCode> {
    for path in new_method::create(root, family, name)? {
        println!("wrote {}", path.display());
    }
    if no_generate {
        println!("next: cargo xtask generate");
        return Ok(ExitCode::SUCCESS);
    }
    // This program was built before the method existed: only a rebuilt one knows its declaration.
    let cargo = std::env::var_os("CARGO").unwrap_or_else(|| "cargo".into());
    let arguments = ["run", "--quiet", "--package", "xtask", "--", "generate"];
    let done = Command::new(cargo).args(arguments).current_dir(root).status().context("cannot start cargo")?;
    ensure!(done.success(), "the method is there, but `cargo xtask generate` failed");
    Ok(ExitCode::SUCCESS)
}
