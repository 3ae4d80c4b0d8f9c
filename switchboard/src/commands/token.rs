//! `switchboard operator token …`

use super::{moment, parse};
use crate::operator::Operator;
use crate::stack;
use anyhow::{Result, bail};
use clap::Subcommand;
use shared::ids::UserId;
use shared::stepchat::{Scope, TokenName};

#[derive(Debug, Subcommand)]
pub(super) enum Command {
    /// Mint a token and print it: it is shown this once.
    ///
    /// Whoever has it acts as the admin on whose behalf it was minted. It opens nothing any more once it is revoked, or
    /// its admin is deleted or no admin.
    #[command(after_help = "Examples:\n  token=$(switchboard operator token create --name crm-2026 --scope read)\n  \
                            switchboard operator token create --name importer --scope write --admin 7")]
    Create {
        /// 1 to 40 lower-case letters, digits and hyphens; no name is given twice.
        #[arg(long, value_parser = parse::token_name)]
        name: TokenName,
        /// read: methods that change nothing. write: every method.
        #[arg(long, value_parser = parse::scope)]
        scope: Scope,
        /// The admin on whose behalf it is minted; default: the oldest one, made if there is none.
        #[arg(long, value_parser = parse::admin_id)]
        admin: Option<UserId>,
    },
    /// List all tokens, revoked ones included. Their last use is shown to some minutes.
    List,
    /// Make a token useless at once.
    #[command(after_help = "Example:\n  switchboard operator token revoke crm-2026")]
    Revoke {
        /// The token's name, as `token list` and the token itself show it.
        #[arg(value_parser = parse::token_name)]
        name: TokenName,
    },
}

impl Command {
    pub(super) async fn run(self, operator: &Operator) -> Result<()> {
        match self {
            Self::Create { name, scope, admin } => println!("{}", operator.create_token(name, scope, admin).await?),
            Self::List => {
                println!("NAME\tSCOPE\tADMIN\tCREATED\tLAST USED\tREVOKED");
                for token in operator.tokens().await? {
                    let (created, used) = (token.created.wire(), moment(token.used_at));
                    let (scope, revoked) = (token.scope.as_str(), moment(token.revoked_at));
                    println!("{}\t{scope}\t{}\t{created}\t{used}\t{revoked}", token.name, token.owner);
                }
            }
            Self::Revoke { name } => {
                if !operator.revoke_token(&name).await? {
                    bail!("there is no token {name}: see `{}`", stack::command("operator token list"));
                }
                println!("token {name} revoked");
            }
        }
        Ok(())
    }
}
