//! The options of `switchboard import stepchat`.

use super::super::columns::Mapping;
use super::super::field::NameOrder;
use super::super::table;
use clap::{Args, ValueEnum};
use encoding_rs::Encoding;
use std::path::PathBuf;

/// What to import and how.
#[derive(Debug, Args)]
pub(in crate::import) struct Options {
    /// The file: text or a workbook (.xlsx, .xls, .ods), its first line the header. With --from, what is read there is
    /// written to it; by default it has that host's name.
    #[arg(required_unless_present = "from")]
    pub(super) file: Option<PathBuf>,
    #[command(flatten)]
    pub(super) origin: Origin,
    /// What a column is: a field of the profile (`first_name`, `email`, `department` and so on), `full_name`, `phone`,
    /// `creation_time`, `last_activity`, `password_hash`, `id`, `extra:SLUG` or `ignore`. Columns that are not named here
    /// go by their header; what is no field becomes an extra. Of columns with one header, `Notes#2` is the second.
    #[arg(long = "map", value_name = "HEADER=FIELD")]
    pub(super) mappings: Vec<Mapping>,
    /// What stands between two cells: one character, or `tab`. Default: detected.
    #[arg(long, value_parser = delimiter)]
    pub(super) delimiter: Option<u8>,
    /// The encoding of the text, such as windows-1251. Default: detected.
    #[arg(long, value_parser = table::encoding)]
    pub(super) encoding: Option<&'static Encoding>,
    /// The sheet of a workbook. Default: the first.
    #[arg(long)]
    pub(super) sheet: Option<String>,
    /// In which order a full name in one cell is written.
    #[arg(long, value_enum, default_value_t)]
    pub(super) name_order: NameOrder,
    /// Users keep the ids of the file. New users get ids behind the largest; a row whose id is taken is rejected with who
    /// has it. Without this, users get new ids, and the file of ids says which.
    #[arg(long)]
    pub(super) keep_ids: bool,
    /// What becomes of a row whose e-mail address or phone number somebody here has; with --keep-ids, whose id as well.
    #[arg(long, value_enum, default_value_t)]
    pub(super) on_duplicate: OnDuplicate,
    /// Do not ask whether the columns are understood rightly; import also where no column is known to be a name, an e-mail
    /// address or a phone number.
    #[arg(long)]
    pub(super) yes: bool,
    /// Read and check everything and write nothing to the deployment. The report of rejected rows is written and, with
    /// --from, the file of users and its work file (.jsonl).
    #[arg(long)]
    pub(super) dry_run: bool,
    /// The report of rejected rows. Default: the file's name with `.rejected.csv` behind it.
    #[arg(long)]
    pub(super) rejected: Option<PathBuf>,
    /// The file of ids: which user here has which id of the file. Default: the file's name with `.ids.csv` behind it.
    #[arg(long)]
    pub(super) ids: Option<PathBuf>,
}

/// The workspace that users come from, if not from a file.
#[derive(Debug, Args)]
pub(super) struct Origin {
    /// The address of a running workspace's API, such as `https://chat.example.com/include/api.php`: users come from there,
    /// with all extras.
    #[arg(long, value_name = "URL")]
    pub(super) from: Option<String>,
    /// The file that holds an admin's token there.
    #[arg(long, value_name = "FILE", requires = "from")]
    pub(super) token_file: Option<PathBuf>,
    /// An admin's token there. Other users of this machine may see it while the command runs: better --token-file.
    #[arg(long, requires = "from", conflicts_with = "token_file")]
    pub(super) token: Option<String>,
    /// Conversations come along with their messages.
    #[arg(long, requires = "from")]
    pub(super) conversations: bool,
    /// Calls a second there, at most.
    #[arg(long, default_value_t = 5.0, requires = "from")]
    pub(super) rate: f64,
    /// A certificate authority to trust instead of the system's.
    #[arg(long, requires = "from")]
    pub(super) ca: Option<PathBuf>,
}

/// What becomes of a row whose e-mail address or phone number somebody has.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Default, ValueEnum)]
pub(super) enum OnDuplicate {
    /// It is rejected.
    #[default]
    Reject,
    /// It is passed over.
    Skip,
    /// Whoever has it gets what the row says; empty cells change nothing.
    Update,
}

fn delimiter(text: &str) -> Result<u8, String> {
    match (text, text.as_bytes()) {
        ("\\t" | "tab", _) => Ok(b'\t'),
        (_, [one]) if one.is_ascii() => Ok(*one),
        _ => Err("a delimiter is one ASCII character, or `tab`".to_owned()),
    }
}
