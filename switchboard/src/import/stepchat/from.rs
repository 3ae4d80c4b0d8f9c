//! Imports a running workspace: its users by way of a work file and a file like that of `csv-users`, then its
//! conversations. An import that was interrupted anywhere goes on where it stopped.

use super::super::beside;
use super::api::Api;
use super::conversations::{self, People};
use super::file::{ids_file, import_file};
use super::options::Options;
use super::work_file::WorkFile;
use crate::direct_writer::BulkStore;
use anyhow::Result;
use shared::context::App;
use std::path::{Path, PathBuf};

/// Imports a running workspace. Returns whether everything could be imported.
pub(super) async fn import(
    app: &App,
    bulk: &BulkStore,
    options: &Options,
    url: &str,
    file: Option<&Path>,
) -> Result<bool> {
    let api = Api::open(url, &options.origin)?;
    let host = url.parse::<http::Uri>()?.host().unwrap_or("workspace").to_owned();
    let file = file.map_or_else(|| PathBuf::from(format!("{host}.csv")), Path::to_owned);
    let mut work_file = WorkFile::open(beside(&file, ".jsonl"), url)?;
    work_file.read_users(&api).await?;
    work_file.write_csv(&file)?;
    println!("{} users of {host} are in {}", work_file.people.len(), file.display());
    let Some(rejected) = import_file(app, bulk, options, &file).await? else {
        work_file.finish()?;
        return Ok(false);
    };
    let mut left = 0;
    if options.origin.conversations && options.dry_run {
        println!("conversations are not looked at in a dry run");
    } else if options.origin.conversations {
        let people = People::new(app, &bulk.store, options, &ids_file(options, &file))?;
        left = conversations::take_all(&api, people, &mut work_file).await?;
    }
    // The next run reads everything anew, since what a dry run has read may have changed by then.
    work_file.finish()?;
    Ok(rejected == 0 && left == 0)
}
