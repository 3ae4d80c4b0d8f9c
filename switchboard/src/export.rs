//! `switchboard export …`: everything that is kept of one user, or of all, as JSON.

use crate::database::Place;
use crate::progress::Progress;
use crate::stack;
use anyhow::{Context as _, Result, bail};
use clap::{Args, Subcommand};
use futures_util::stream::{self, StreamExt as _};
use serde_json::{Value, json};
use shared::context::App;
use shared::ids::{AccountId, PhoneUserId, UserId};
use shared::ledger::Money;
use shared::limits::MAX_PARALLEL;
use shared::stepchat::{Message, User, UserType};
use shared::store::ledger;
use shared::store::ledger::history::{self as ledger_history, Wanted};
use shared::store::stepchat::archive;
use shared::store::stepchat::lists::{self, Column, SortOrder};
use shared::store::voximplant::users as phone;
use shared::store::voximplant::{accounts, applications, queues, skills};
use shared::timestamp::Timestamp;
use shared::wire::voximplant::UserInfo;
use std::collections::BTreeSet;
use std::io::{self, BufWriter, Write};
use std::path::{Path, PathBuf};
use tempfile::NamedTempFile;

/// Users read at once from a list.
const PAGE: usize = 100;

/// What to export, and from which deployment.
#[derive(Debug, Args)]
pub struct Arguments {
    #[command(flatten)]
    place: Place,
    /// The file to write, readable by its owner only; it must not exist. Default: standard output.
    #[arg(long, global = true)]
    out: Option<PathBuf>,
    #[command(subcommand)]
    command: Command,
}

#[derive(Debug, Subcommand)]
enum Command {
    /// Users of the support chat: profile, extras, conversations, messages written elsewhere.
    #[command(after_help = "Examples:\n  switchboard export stepchat 7 --out ivan.json\n  \
                            switchboard export stepchat --out everybody.jsonl")]
    Stepchat {
        /// The user, as JSON. Default: all users but the bot, one a line.
        #[arg(value_parser = crate::commands::stepchat_id)]
        id: Option<UserId>,
    },
    /// Users of a telephony account: record, skills, queues, money and its history.
    #[command(after_help = "Examples:\n  switchboard export voximplant --account 1 5\n  \
                            switchboard export voximplant --account 1 --out everybody.jsonl")]
    Voximplant {
        /// The account.
        #[arg(long, value_parser = crate::commands::account_id)]
        account: AccountId,
        /// The user, as JSON. Default: all users of the account, one a line.
        #[arg(value_parser = crate::commands::user_id)]
        id: Option<PhoneUserId>,
    },
}

/// Exports.
pub async fn run(arguments: Arguments) -> Result<()> {
    let opened = arguments.place.open().await?;
    let app = &opened.app;
    let mut out = Output::open(arguments.out)?;
    match arguments.command {
        Command::Stepchat { id: Some(id) } => match stepchat_user(app, id).await? {
            Some(user) => out.document(&user)?,
            None => bail!("there is no user {id}"),
        },
        Command::Stepchat { id: None } => stepchat_users(app, &mut out).await?,
        Command::Voximplant { account, id: Some(id) } => match phone_users(app, account, &[id]).await?.pop() {
            Some(user) => out.document(&user)?,
            None => bail!("account {account} has no user {id}"),
        },
        Command::Voximplant { account, id: None } => all_phone_users(app, account, &mut out).await?,
    }
    out.close()
}

/// Where the export is written. A file gets its name only when it is complete, so an export that fails leaves none.
struct Output {
    writer: BufWriter<Box<dyn Write + Send>>,
    file: Option<(NamedTempFile, PathBuf)>,
}

impl Output {
    fn open(path: Option<PathBuf>) -> Result<Self> {
        let Some(path) = path else {
            return Ok(Self { writer: BufWriter::new(Box::new(io::stdout())), file: None });
        };
        let cannot = || format!("cannot make the file {}", path.display());
        if path.symlink_metadata().is_ok() {
            bail!("{}: it is there already, and an export overwrites nothing", cannot());
        }
        let folder = path.parent().filter(|folder| !folder.as_os_str().is_empty()).unwrap_or(Path::new("."));
        // The temporary file is readable by its owner only.
        let file = NamedTempFile::new_in(folder).with_context(cannot)?;
        let writer = BufWriter::new(Box::new(file.reopen().with_context(cannot)?) as Box<dyn Write + Send>);
        Ok(Self { writer, file: Some((file, path)) })
    }

    fn document(&mut self, value: &Value) -> Result<()> {
        Ok(writeln!(self.writer, "{value:#}")?)
    }

    fn line(&mut self, value: &Value) -> Result<()> {
        Ok(writeln!(self.writer, "{value}")?)
    }

    /// Makes sure that everything is written.
    fn close(mut self) -> Result<()> {
        self.writer.flush()?;
        if let Some((file, path)) = self.file {
            let cannot = || format!("cannot write {}", path.display());
            file.as_file().sync_all().with_context(cannot)?;
            file.persist_noclobber(&path).with_context(cannot)?;
            eprintln!("written to {}", path.display());
        }
        Ok(())
    }
}

async fn stepchat_users(app: &App, out: &mut Output) -> Result<()> {
    let mut walk = lists::walk(&app.store, SortOrder::by(Column::CreationTime, false), &UserType::LISTED, None).await?;
    let mut progress = Progress::new(None, "users");
    loop {
        let ids = walk.next_ids(PAGE).await?;
        let reads = ids.iter().map(|id| stepchat_user(app, *id)).collect::<Vec<_>>();
        let mut users = stream::iter(reads).buffered(MAX_PARALLEL);
        while let Some(user) = users.next().await {
            // `None` is a user who was deleted after the list was read.
            if let Some(user) = user? {
                out.line(&user)?;
                progress.advance(1);
            }
        }
        if ids.len() < PAGE {
            progress.finish();
            return Ok(());
        }
    }
}

/// Everything that is kept of a user but secrets, which are kept as hashes only.
async fn stepchat_user(app: &App, id: UserId) -> Result<Option<Value>> {
    let Some(archive) = archive::read(&app.store, id).await? else { return Ok(None) };
    let conversations = archive.conversations.iter().map(|(conversation, messages)| {
        json!({
            "id": conversation.id,
            "title": conversation.title,
            "status_code": conversation.status,
            "creation_time": conversation.creation_time.wire(),
            "department": conversation.department,
            "agent_id": conversation.agent,
            "source": conversation.source,
            "extra": conversation.extra,
            "messages": messages.iter().map(message).collect::<Vec<_>>(),
        })
    });
    Ok(Some(json!({
        "user": profile(&archive.stored.user),
        "details": archive.stored.details.iter().map(|detail| {
            json!({ "slug": detail.slug, "name": detail.name, "value": detail.value })
        }).collect::<Vec<_>>(),
        "conversations": conversations.collect::<Vec<_>>(),
        "messages_in_other_conversations": archive.elsewhere.iter().map(message).collect::<Vec<_>>(),
    })))
}

fn profile(user: &User) -> Value {
    json!({
        "id": user.id,
        "first_name": user.first_name,
        "last_name": user.last_name,
        "email": user.email,
        "profile_image": user.profile_image,
        "user_type": user.user_type,
        "creation_time": user.creation_time.wire(),
        "last_activity": user.last_activity.wire(),
        "department": user.department,
    })
}

fn message(message: &Message) -> Value {
    json!({
        "id": message.id,
        "conversation_id": message.conversation,
        "user_id": message.author,
        "message": message.text,
        "creation_time": message.creation_time.wire(),
        "attachments": message.attachments.as_str(),
        "payload": message.payload.as_str(),
    })
}

async fn all_phone_users(app: &App, account: AccountId, out: &mut Output) -> Result<()> {
    if accounts::find(&app.store, account).await?.is_none() {
        bail!("there is no account {account}: see `{}`", stack::command("operator account list"));
    }
    let applications = applications::list(&app.store, account).await?;
    let applications: Vec<_> = applications.iter().map(|application| application.id).collect();
    let ids = phone::ids(&app.store, account, &applications, usize::MAX).await?;
    let mut progress = Progress::new(u64::try_from(ids.len()).ok(), "users");
    for page in ids.chunks(PAGE) {
        for user in phone_users(app, account, page).await? {
            out.line(&user)?;
            progress.advance(1);
        }
    }
    progress.finish();
    Ok(())
}

/// Everything that is kept of these users except secrets. Users that do not exist are left out.
async fn phone_users(app: &App, account: AccountId, ids: &[PhoneUserId]) -> Result<Vec<Value>> {
    let store = &app.store;
    if accounts::find(store, account).await?.is_none() {
        bail!("there is no account {account}: see `{}`", stack::command("operator account list"));
    }
    let (users, balances) =
        futures_util::try_join!(phone::find_all(store, account, ids), ledger::user_balances(store, account, ids))?;
    let mut found: Vec<_> = ids.iter().filter_map(|id| users.get(id)).map(|stored| &stored.user).collect();
    found.sort_unstable_by_key(|user| user.id);
    let skill_ids = unique(found.iter().flat_map(|user| user.skills.iter().copied()));
    let queue_ids = unique(found.iter().flat_map(|user| user.queues.iter().map(|link| link.queue)));
    let (skills, queues) =
        futures_util::try_join!(skills::names(store, account, &skill_ids), queues::names(store, account, &queue_ids))?;
    let histories = found.iter().map(|user| history(app, account, user.id)).collect::<Vec<_>>();
    let mut histories = stream::iter(histories).buffered(MAX_PARALLEL);
    let mut exported = Vec::with_capacity(found.len());
    for user in found {
        let balance = balances.get(&user.id).copied().unwrap_or(Money::ZERO);
        let lines = histories.next().await.transpose()?.unwrap_or_default();
        exported.push(json!({
            "account_id": account,
            "application_id": user.application,
            "user": UserInfo::new(user, balance),
            "skills": user.skills.iter().filter_map(|id| skills.get(id)).collect::<Vec<_>>(),
            "acd_queues": user.queues.iter().filter_map(|link| queues.get(&link.queue)).collect::<Vec<_>>(),
            "transactions": lines,
        }));
    }
    Ok(exported)
}

fn unique<T: Ord>(ids: impl Iterator<Item = T>) -> Vec<T> {
    ids.collect::<BTreeSet<_>>().into_iter().collect()
}

/// Every movement on a user's own balance.
async fn history(app: &App, account: AccountId, user: PhoneUserId) -> Result<Vec<Value>> {
    let wanted = Wanted {
        account,
        from: Timestamp::from_millis(0),
        to: app.clock.now(),
        users: vec![user],
        users_only: true,
        kinds: Vec::new(),
        ids: Vec::new(),
        descending: false,
        after: None,
        offset: 0,
        count: usize::MAX,
        total: false,
    };
    let found = ledger_history::find(&app.store, &wanted).await?;
    let lines = found.lines.iter().map(|line| {
        json!({
            "transaction_id": line.id,
            "performed_at": line.at.wire(),
            "amount": line.amount,
            "transaction_type": line.kind.as_str(),
            "transaction_description": line.text,
        })
    });
    Ok(lines.collect())
}
