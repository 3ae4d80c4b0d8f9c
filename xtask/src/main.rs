//! `cargo xtask`: see `cargo xtask --help`.

use anyhow::{Context, Result, ensure};
use clap::{Parser, Subcommand};
use std::path::{Path, PathBuf};
use std::process::ExitCode;
use xtask::new_method::{self, Refusal};
use xtask::{bench, bless, bundle, generate, seed, sim, sizes, vendor, workspace};

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
    /// The SAM template, the watch routes, the front doors' dependencies, the OpenAPI documents, and the documents on
    /// methods, access patterns and costs.
    #[command(after_help = "Examples:\n  cargo xtask generate\n  cargo xtask generate --check")]
    Generate {
        /// Write nothing; name the stale files and exit with 1 if there are any.
        #[arg(long)]
        check: bool,
    },
    /// Print the SAM template as it follows from the code; write nothing.
    Template,
    /// Build every function once and deploy them with SAM: the same as `./deploy.sh`, which asks before this is compiled.
    ///
    /// Needs cargo-lambda, the SAM and the AWS command lines, and `aws configure`. The stages are those of samconfig.toml.
    #[command(after_help = "Examples:\n  cargo xtask deploy dev\n  \
                            cargo xtask deploy prod --parameter AlarmEmail=ops@example.com")]
    Deploy(::deploy::Arguments),
    /// Build every function and `switchboard`, and pack them with what deploys them, for owners of accounts without Rust.
    #[command(after_help = "Examples:\n  cargo xtask bundle\n  cargo xtask bundle --arm64")]
    Bundle(bundle::Arguments),
    /// Build functions as they are deployed and say how big they are; exit code 1 if one is over the budget.
    #[command(after_help = "Examples:\n  cargo xtask sizes\n  cargo xtask sizes stepchat-get-user --plain")]
    Sizes(sizes::Arguments),
    /// Fetch the pages' libraries anew from the npm registry, as `switchboard/assets/vendored.json` lists them.
    ///
    /// To renew one, change its version there first. Needs Node.js.
    Vendor,
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
    /// Write the answers that the golden cases get now into their `cases.json`.
    ///
    /// For a change of the wire that is meant: read the diff. Promises, calls and parameters stay as they are; so do `$any`,
    /// `$time`, `$token` and kept values where they still hold.
    #[command(after_help = "Examples:\n  cargo xtask bless\n  cargo xtask bless get-user")]
    Bless {
        /// One method only, by its name on the wire.
        method: Option<String>,
    },
    /// Measure what each method costs with a thousand users and with a hundred thousand.
    ///
    /// Prints a table; without options it also writes docs/benchmarks.md. Exits with 1 if a target is missed.
    #[command(
        after_help = "Examples:\n  cargo run --release --package xtask -- bench\n  cargo xtask bench --users 1000,20000 --only get-users\n  \
                            cargo xtask bench --functions"
    )]
    Bench {
        /// Measure instead what deployed functions take to start and to answer, beside bare ones; writes docs/functions.md.
        #[arg(long, conflicts_with_all = ["users", "family", "only"])]
        functions: bool,
        /// Starts of each function.
        #[arg(long, default_value_t = 40, requires = "functions")]
        rounds: usize,
        /// Numbers of users to compare.
        #[arg(long, value_delimiter = ',', default_values_t = bench::DEFAULT_SIZES)]
        users: Vec<u64>,
        /// One protocol only.
        #[arg(long, value_enum)]
        family: Option<seed::Family>,
        /// One method only, by its name on the wire.
        #[arg(long)]
        only: Option<String>,
    },
    /// Run the simulator for more seeds than the tests do.
    #[command(after_help = "Examples:\n  cargo xtask sim --seeds 1000\n  cargo xtask sim --seeds 1 --from 17")]
    Sim {
        /// How many seeds.
        #[arg(long, default_value_t = 200)]
        seeds: u64,
        /// The first of them.
        #[arg(long, default_value_t = 0)]
        from: u64,
    },
    /// Fill a state folder with users, for `switchboard serve` to serve.
    ///
    /// The same seed makes the same users in a fresh folder. A run that is cut off leaves a folder to throw away.
    #[command(after_help = "Examples:\n  cargo xtask seed --state /tmp/many --users 100000\n  \
                            cargo xtask seed --state /tmp/many --users 100000 --family voximplant --seed 7")]
    Seed {
        /// The state folder. No server may be using it.
        #[arg(long)]
        state: PathBuf,
        /// How many users to add.
        #[arg(long)]
        users: u64,
        /// Whose users.
        #[arg(long, value_enum, default_value = "stepchat")]
        family: seed::Family,
        /// Another seed makes other users.
        #[arg(long, default_value_t = 1)]
        seed: u64,
    },
}

fn main() -> ExitCode {
    let done = match Arguments::parse().chore {
        Chore::Generate { check: false } => write(&workspace::root()),
        Chore::Generate { check: true } => check(&workspace::root()),
        Chore::Template => {
            print!("{}", generate::template().text);
            Ok(ExitCode::SUCCESS)
        }
        Chore::Deploy(arguments) => Ok(::deploy::run(&workspace::root(), &arguments)),
        Chore::Bundle(arguments) => bundle::bundle(&workspace::root(), &arguments).map(|archive| {
            println!("{}", archive.display());
            ExitCode::SUCCESS
        }),
        Chore::Sizes(arguments) => {
            sizes::sizes(&workspace::root(), &arguments).map(|well| ExitCode::from(u8::from(!well)))
        }
        Chore::Vendor => vendor::fetch(&workspace::root()).map(|changed| {
            for name in &changed {
                println!("wrote {name}");
            }
            println!("{} files of libraries are other than before", changed.len());
            ExitCode::SUCCESS
        }),
        Chore::NewMethod { family, name, root, no_generate } => {
            add(&root.unwrap_or_else(workspace::root), &family, &name, no_generate)
        }
        Chore::Bless { method } => bless::run(&workspace::root(), method.as_deref()).map(|changed| {
            for (path, answers) in &changed {
                println!("wrote {}: {answers} other answers", path.display());
            }
            println!("{} files have other answers than before", changed.len());
            ExitCode::SUCCESS
        }),
        Chore::Bench { functions: true, rounds, .. } => bench::functions::run(&workspace::root(), rounds).map(code),
        Chore::Bench { users, family, only, .. } => {
            bench::run(&workspace::root(), &bench::Options { sizes: users, family, only }).map(code)
        }
        Chore::Sim { seeds, from } => sim::run(&workspace::root(), from, seeds).map(code),
        Chore::Seed { state, users, family, seed } => {
            seed::folder(&state, family, users, seed).map(|()| ExitCode::SUCCESS)
        }
    };
    done.unwrap_or_else(|error| {
        eprintln!("error: {error:#}");
        // A wrong request exits with 2, like clap's own refusals; a failure exits with 1.
        ExitCode::from(if error.is::<Refusal>() { 2 } else { 1 })
    })
}

/// The exit code of a chore that judges something: 0 if it is good, else 1.
fn code(good: bool) -> ExitCode {
    ExitCode::from(u8::from(!good))
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
    let arguments = ["run", "--quiet", "--package", "xtask", "--", "generate"];
    let done = ::deploy::cargo::cargo().args(arguments).current_dir(root).status().context("cannot start cargo")?;
    ensure!(done.success(), "the method is there, but `cargo xtask generate` failed");
    Ok(ExitCode::SUCCESS)
}
