//! Who is there: last activity, and the page a user looks at.

use super::items::{DetailItem, PlacedDetail, active_key, detail_key, profile_key};
use super::lists::after_second;
use super::people::{MOVES_ON, existing, moves_on, possible};
use crate::ids::UserId;
use crate::stepchat::{Refusal, Slug, User, UserType};
use crate::store::grants::{Action, Grant};
use crate::store::read::Partition;
use crate::store::{Store, StoreError, Table, Txn, Write};
use crate::timestamp::Timestamp;
use aws_sdk_dynamodb::error::ProvideErrorMetadata;
use aws_sdk_dynamodb::types::AttributeValue;
use futures_util::future::try_join_all;

/// What [`touch`] needs.
pub const TOUCH: &[Grant] = &[Grant::on(Table::Stepchat, Action::UpdateItem)];
/// What [`any_staff_active`] needs.
pub const ANY_STAFF_ACTIVE: &[Grant] = &[Grant::query(Table::Stepchat, "by_active")];
/// What [`detail`] needs.
pub const DETAIL: &[Grant] = &[Grant::on(Table::Stepchat, Action::GetItem)];
/// What [`detail_change`] needs.
pub const CHANGE_DETAIL: &[Grant] = &[
    Grant::on(Table::Stepchat, Action::PutItem),
    Grant::on(Table::Stepchat, Action::DeleteItem),
    Grant::on(Table::Stepchat, Action::ConditionCheckItem),
];

/// The database's error codes for a heartbeat that was not needed.
const SUPERFLUOUS: [&str; 2] = ["ConditionalCheckFailedException", "TransactionConflictException"];

/// Moves a user's last activity on: never back, and not more often than every few seconds, so that a heartbeat every
/// second costs nothing. A repeated write sets the same moment again, so no transaction is needed.
pub async fn touch(store: &Store, user: &User, now: Timestamp) -> Result<(), StoreError> {
    if !moves_on(user, now) {
        return Ok(());
    }
    let mut update = store
        .client()
        .update_item()
        .table_name(store.table_name(Table::Stepchat))
        .set_key(Some(profile_key(user.id).attributes()))
        .condition_expression(MOVES_ON)
        .expression_attribute_values(":possible", AttributeValue::N(possible(now).to_string()))
        .expression_attribute_values(":now", AttributeValue::N(now.millis().to_string()));
    // No index shows the bot.
    update = if user.user_type == UserType::Bot {
        update.update_expression("SET active = :now")
    } else {
        let order = AttributeValue::S(active_key(user, now));
        update.update_expression("SET active = :now, s_active = :order").expression_attribute_values(":order", order)
    };
    match update.send().await {
        Ok(_) => Ok(()),
        // Another call moved last activity on or is changing the user at this moment, or the user has gone: there is
        // nothing left to do, or the next heartbeat does it.
        Err(error) if error.code().is_some_and(|code| SUPERFLUOUS.contains(&code)) => Ok(()),
        Err(error) => Err(error.into()),
    }
}

/// Whether a user was active after this many seconds since the epoch, strictly (reference/stepchat.md §3.3). An
/// activity in the future was dated by a wrong clock and does not count: nobody stays online by it.
#[must_use]
pub fn is_active(user: &User, after_seconds: i64, now: Timestamp) -> bool {
    user.last_activity.seconds() > after_seconds && user.last_activity.is_possible(now)
}

/// Whether any member of the staff was active after this many seconds since the epoch, and not in the future. One index
/// entry is read per type; the index is exact only for staff. A user who joins the staff while its heartbeat is on its
/// way may be seen only with the next heartbeat.
pub async fn any_staff_active(store: &Store, after_seconds: i64, now: Timestamp) -> Result<bool, StoreError> {
    let low = after_second(after_seconds);
    let high = after_second(Timestamp::from_millis(possible(now)).seconds());
    let newest = UserType::STAFF.into_iter().map(|kind| {
        let (low, high) = (low.as_str(), high.as_str());
        async move {
            let partition = Partition::of(Table::Stepchat, kind.as_str())
                .index(("by_active", "lp", "s_active"))
                .between(low, high)
                .descending()
                .page_size(1);
            Ok::<_, StoreError>(!store.page(&partition, None).await?.items.is_empty())
        }
    });
    Ok(try_join_all(newest.collect::<Vec<_>>()).await?.contains(&true))
}

/// One extra of a user.
pub async fn detail(store: &Store, user: UserId, slug: &Slug) -> Result<Option<PlacedDetail>, StoreError> {
    let item: Option<DetailItem> = store.get(Table::Stepchat, &detail_key(user, slug)).await?;
    Ok(item.map(DetailItem::placed))
}

/// The transaction that sets or removes one extra that nothing is looked up by; stale if the user does not exist.
pub fn detail_change(user: UserId, slug: &Slug, detail: Option<&PlacedDetail>) -> Result<Txn<Refusal>, StoreError> {
    let mut txn = Txn::default();
    txn.push(existing(user).or_stale());
    match detail {
        Some(PlacedDetail { detail, position }) => {
            txn.push(Write::put(Table::Stepchat, &DetailItem::new(user, detail, *position))?);
        }
        None => txn.push(Write::delete(Table::Stepchat, detail_key(user, slug))),
    }
    Ok(txn)
}
