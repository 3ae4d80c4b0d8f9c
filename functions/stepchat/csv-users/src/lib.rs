//! `csv-users`: all users in a CSV file, and a link to it (page "csv-users"; reference/stepchat.md §3.5).

pub mod columns;
pub mod sheet;

use columns::Columns;
use futures_util::TryStreamExt;
use shared::auth::stepchat::Admin;
use shared::families::stepchat::{Access, Stepchat};
use shared::prelude::*;
use shared::store::files::{self, FileKey, Upload};
use shared::store::stepchat::export;
use shared::store::stepchat::lists::{Column, Place, SortOrder};
use shared::wire::stepchat::{Answer, Error, PlaceCursor, UserRefs};
use sheet::Sheet;
use std::pin::pin;
use std::time::Duration;
use tokio::time::Instant;

/// The method.
#[derive(Debug)]
pub struct CsvUsers;

/// Its parameters.
#[derive(Debug, Deserialize, JsonSchema)]
pub struct Request {
    /// Only these users.
    #[serde(default)]
    user_ids: UserRefs,
    /// Another name of `user_ids` (decision D15).
    #[serde(default)]
    users_id: UserRefs,
    /// Continues after an answer that ended with `next_cursor`, in a file of its own.
    #[serde(default)]
    cursor: PlaceCursor,
}

impl Method for CsvUsers {
    type Family = Stepchat;
    const NAME: &'static str = "csv-users";
    const SUMMARY: &'static str = "Exports users to a CSV file and returns a link to it.";
    const ACCESS: Access = Access::Admin;
    // A repeated call makes another file, of the users as they are then.
    const EFFECT: Effect = Effect::Repeatable;
    const GRANTS: Grants = &[export::READ, files::EXPORT];
    type Caller = Admin;
    type Request = Request;
    type Response = Answer<String>;

    async fn call(ctx: &Ctx, _: &Admin, request: Request) -> Result<Self::Response, Error> {
        let settings = ctx.config().stepchat.export;
        let order = SortOrder { column: Column::FirstName, descending: false, after: request.cursor.read()? };
        let named = request.user_ids.named().or(request.users_id.named());
        let (mut columns, mut sheet) = (Columns::default(), Sheet::new());
        let mut next_cursor = None;
        let mut users = pin!(export::read(ctx.store(), named, order.clone()).await?);
        let mut last: Option<Place> = None;
        while let Some(stored) = users.try_next().await? {
            // The file ends when the time, the space or the configured number of users is used up, with `next_cursor`.
            let ends = sheet.rows() >= settings.users || sheet.is_full() || Instant::now() >= ctx.read_until();
            if ends && let Some(place) = &last {
                next_cursor = Some(place.text());
                break;
            }
            sheet.add(&columns.row(&stored, &ctx.config().stepchat.default_profile_image))?;
            last = Some(order.place(&stored.user));
        }
        let key = FileKey::fresh_export();
        let mut upload = Upload::new(ctx.files(), &key);
        let mut rows = sheet.finish(&columns)?;
        while let Some(piece) = rows.next_piece()? {
            upload.write(&piece).await?;
        }
        upload.finish().await?;
        let link = ctx.files().link(&key, Duration::from_secs(settings.link_seconds), &ctx.origin()).await?;
        Ok(Answer::with_cursor(link, next_cursor))
    }
}
