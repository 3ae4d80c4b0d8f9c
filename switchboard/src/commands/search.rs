//! `switchboard operator search …`: an earlier name.

use clap::Subcommand;

#[derive(Debug, Subcommand)]
pub(super) enum Command {
    /// The same as `switchboard operator rebuild`.
    Rebuild,
}
