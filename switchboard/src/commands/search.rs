//! `switchboard operator search …`: the earlier name of `switchboard operator rebuild`.

use clap::Subcommand;

#[derive(Debug, Subcommand)]
pub(super) enum Command {
    /// The same as `switchboard operator rebuild`.
    Rebuild,
}
