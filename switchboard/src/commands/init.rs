//! `switchboard operator init`: what a new deployment needs before anybody can call it.

use super::key::{self, write_credentials};
use crate::operator::Operator;
use crate::stack;
use anyhow::{Context as _, Result, bail};
use clap::Args;
use shared::ids::UserId;
use shared::voximplant::Role;
use std::env;
use std::path::PathBuf;

/// The first account.
#[derive(Debug, Args)]
pub(crate) struct Arguments {
    /// Name of the first Voximplant account: 3 to 50 lower-case letters, digits and hyphens.
    #[arg(long, default_value = "main")]
    account: String,
    /// The owner's e-mail address.
    #[arg(long)]
    email: String,
    /// The currency of all of the account's money, for ever.
    #[arg(long, default_value = "USD")]
    currency: String,
    /// The id of the first StepChat admin, which is made. Default: 1. Give it one above the ids that an import shall keep.
    #[arg(long, value_parser = crate::commands::stepchat_id)]
    admin_id: Option<UserId>,
    /// The credentials file to write for Voximplant's clients; it must not exist.
    #[arg(long, default_value = "voximplant.json")]
    out: PathBuf,
}

impl Arguments {
    /// Makes what does not exist yet. A second run makes nothing and shows no secret again.
    pub(crate) async fn run(self, operator: &Operator) -> Result<()> {
        let account = operator.account_by_name(&self.account).await?;
        let keys = match &account {
            Some(account) => operator.keys(account.id).await?.len(),
            None => 0,
        };
        if keys == 0 && self.out.exists() {
            bail!(
                "{} exists already: a credentials file is never overwritten. Choose another --out",
                self.out.display()
            );
        }
        let (stepchat, voximplant) = (url(0), url(1));
        if let Some(admin) = operator.admin().await? {
            operator.first_admin_as(self.admin_id).await?;
            println!(
                "StepChat: admin {} is there already. Its token is shown once only; make another way in with",
                admin.id
            );
            println!("  {} …", stack::command("operator token create"));
        } else {
            let admin = operator.first_admin_as(self.admin_id).await?;
            println!("StepChat: admin {} made. Its token, shown this once:\n  {}", admin.id, operator.token(&admin));
            println!("  curl {stepchat} -d function=count-users -d token=…");
        }
        let (account, made) = match account {
            Some(account) => (account, "is there already"),
            None => (operator.create_account(&self.account, &self.email, &self.currency, None).await?, "made"),
        };
        println!("Voximplant: account {} ({}, {}) {made}.", account.id, account.name.as_str(), account.currency);
        if keys > 0 {
            println!("  It has {keys} key(s); make another with `{}`.", stack::command("operator key create"));
            return Ok(());
        }
        let credentials = operator.create_key(&account, &[Role::Owner], "made by init").await?;
        let text = format!("{:#}\n", serde_json::to_value(&credentials)?);
        write_credentials(&self.out, &text).with_context(|| key::lost(&account, &credentials.key_id))?;
        println!("  Owner key {} written to {}: it is nowhere else.", credentials.key_id, self.out.display());
        println!("  {voximplant}");
        Ok(())
    }
}

/// The base URL of an API, if the environment of `--stack` has it; else the placeholder `URL`.
fn url(family: usize) -> String {
    let known = stack::URLS.get(family).and_then(|name| env::var(name).ok());
    known.unwrap_or_else(|| "URL".to_owned())
}
