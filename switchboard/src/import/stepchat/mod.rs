//! Imports users from a file or from a running workspace.

mod api;
mod conversations;
mod file;
mod from;
mod ids;
mod options;
mod source;
mod target;
mod work_file;

pub(super) use options::Options;

use crate::direct_writer::BulkStore;
use anyhow::{Result, bail};
use file::import_file;
use shared::context::App;

pub(super) const EXAMPLES: &str = "Examples:\n  \
    switchboard import stepchat users.csv --dry-run\n  \
    switchboard import stepchat users.csv\n  \
    switchboard import stepchat contacts.xlsx --sheet Customers --name-order last-first\n  \
    switchboard import stepchat crm.csv --map Mail=email --map 'Tel. 2=phone' --map Notes=ignore --yes\n  \
    switchboard import stepchat old-workspace.csv --keep-ids --map Hash=password_hash\n  \
    switchboard import stepchat newsletter.csv --on-duplicate skip\n  \
    switchboard import stepchat --from https://chat.example.com/include/api.php --token-file token --keep-ids --conversations";

/// Imports the users, written through `bulk`. Returns whether everything could be imported.
pub(super) async fn import(app: &App, bulk: &BulkStore, options: &Options) -> Result<bool> {
    match (&options.origin.from, &options.file) {
        (Some(url), file) => from::import(app, bulk, options, url, file.as_deref()).await,
        (None, Some(file)) => Ok(import_file(app, bulk, options, file).await?.is_some_and(|rejected| rejected == 0)),
        (None, None) => bail!("say which file"),
    }
}
