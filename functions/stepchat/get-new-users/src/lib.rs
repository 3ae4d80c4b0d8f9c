//! `get-new-users`: users created after a moment or behind an id, newest first (page "get-new-users"; reference/stepchat.md
//! §3.2).

use shared::auth::stepchat::Admin;
use shared::prelude::*;
use shared::stepchat::Refusal;
use shared::store::stepchat::lists::Since;
use shared::store::stepchat::{lists, people};
use shared::timestamp::Timestamp;
use shared::wire::stepchat::{Access, Answer, Error, Stepchat, Text, UserCursor, UserRow, rows};

/// The method.
#[derive(Debug)]
pub struct GetNewUsers;

/// Its parameters.
#[derive(Debug, Deserialize, JsonSchema)]
pub struct Request {
    /// An id, or a moment `YYYY-MM-DD HH:MM:SS` or `YYYY-MM-DD` in UTC.
    datetime: Text,
    /// Continues after an answer that ended with `next_cursor`.
    #[serde(default)]
    cursor: UserCursor,
}

fn since(text: &str) -> Result<Since, Refusal> {
    let text = text.trim();
    if let Ok(id) = text.parse() {
        return Ok(Since::Id(id));
    }
    // The time may be left out, and a `T` may stand between date and time.
    let text = if text.len() == 10 { format!("{text} 00:00:00") } else { text.replacen('T', " ", 1) };
    Timestamp::parse_wire(&text).map(|moment| Since::Seconds(moment.seconds())).ok_or(Refusal::InvalidDatetime)
}

impl Method for GetNewUsers {
    type Family = Stepchat;
    const NAME: &'static str = "get-new-users";
    const SUMMARY: &'static str = "Returns users created after a moment or an id.";
    const ACCESS: Access = Access::Admin;
    const EFFECT: Effect = Effect::Read;
    const TOKENS: bool = true;
    const GRANTS: Grants = &[lists::SINCE, people::FIND];
    type Request = Request;
    type Response = Answer<Vec<UserRow>>;

    async fn call(ctx: &Ctx, _: &Admin, request: Request) -> Result<Self::Response, Error> {
        let (since, cursor) = (since(request.datetime.as_str())?, request.cursor.read()?);
        let mut ids = lists::since(ctx.store(), since).await?;
        ids.retain(|id| cursor.is_none_or(|cursor| *id < cursor));
        let filled = rows(ctx, &ids).await?;
        Ok(Answer::with_cursor(filled.rows, filled.next_cursor))
    }
}
