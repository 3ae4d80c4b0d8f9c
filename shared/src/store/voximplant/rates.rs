//! The operator's rate table (decision D7): what one unit of a currency is worth in another. For the whole deployment.

use crate::ledger::Rate;
use crate::store::grants::{Action, Grant};
use crate::store::read::Partition;
use crate::store::{Key, Store, StoreError, Table, Txn, Write};
use crate::voximplant::Currency;
use serde::{Deserialize, Serialize};

/// What [`find`] needs.
pub const FIND: &[Grant] = &[Grant::on(Table::Voximplant, Action::GetItem)];

const RATES: &str = "RATES";

#[derive(Debug, Serialize, Deserialize)]
struct RateItem {
    pk: String,
    sk: String,
    given: Currency,
    wanted: Currency,
    rate: String,
}

fn key(given: &Currency, wanted: &Currency) -> Key {
    Key::new(RATES, format!("{given}#{wanted}"))
}

fn read(item: &RateItem) -> Result<Rate, StoreError> {
    Rate::parse(&item.rate).ok_or_else(|| StoreError::Corrupt(format!("rate {}", item.rate)))
}

/// What one `given` is worth in `wanted`, if the operator has said so.
pub async fn find(store: &Store, given: &Currency, wanted: &Currency) -> Result<Option<Rate>, StoreError> {
    let item: Option<RateItem> = store.get(Table::Voximplant, &key(given, wanted)).await?;
    item.as_ref().map(read).transpose()
}

/// The whole table. Operator work: no method may do this.
pub async fn list(store: &Store) -> Result<Vec<(Currency, Currency, Rate)>, StoreError> {
    let partition = Partition::of(Table::Voximplant, RATES);
    let items = store.all(&partition).await?.into_iter();
    let rates = items.map(|item| {
        let item: RateItem = serde_dynamo::from_item(item)?;
        let rate = read(&item)?;
        Ok((item.given, item.wanted, rate))
    });
    rates.collect()
}

/// Sets a rate; without one, removes it. Operator work: no method may do this.
pub async fn set(store: &Store, given: &Currency, wanted: &Currency, rate: Option<Rate>) -> Result<(), StoreError> {
    let key = key(given, wanted);
    let mut txn = Txn::<std::convert::Infallible>::default();
    match rate {
        Some(rate) => {
            let Key { pk, sk } = key;
            let (given, wanted) = (given.clone(), wanted.clone());
            let item = RateItem { pk, sk: sk.unwrap_or_default(), given, wanted, rate: rate.to_string() };
            txn.push(Write::put(Table::Voximplant, &item)?);
        }
        None => txn.push(Write::delete(Table::Voximplant, key)),
    }
    store.commit(&txn).await.map_err(|error| match error {
        crate::store::CommitError::Store(error) => error,
        other => StoreError::Refused(other.to_string()),
    })
}
