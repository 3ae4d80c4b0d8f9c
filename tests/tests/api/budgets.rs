//! What each method costs, and that it does nothing it has no grant for.

use shared::store::grants::Grant;
use shared::store::meter::{Use, metered};
use std::collections::{BTreeMap, BTreeSet};
use switchboard::methods::families;
use tests::{App, cases};

/// Sequential round trips of each method, authentication included, over all of its stories.
const BUDGETS: [(&str, u32); 10] = [
    ("AddApplication", 3),
    ("AddUser", 4),
    ("GetAccountInfo", 2),
    ("GetUsers", 4),
    ("add-user", 3),
    ("count-users", 2),
    ("delete-user", 6),
    ("get-user", 2),
    ("get-user-by", 3),
    ("update-user", 3),
];

#[tokio::test]
async fn no_method_exceeds_its_round_trips() {
    let budgets = BTreeMap::from(BUDGETS);
    let mut over = Vec::new();
    for family in families() {
        for entry in family.methods {
            let budget = budgets.get(entry.name).copied().unwrap_or_else(|| panic!("{} has no budget", entry.name));
            for case in cases::of(entry) {
                let app = App::new().await;
                let mut kept = BTreeMap::new();
                for step in &case.steps {
                    let answer = step.call(&app, family.name, &kept).await;
                    step.check(&case.promise, &answer, &mut kept);
                }
                // The last line is the method's own.
                let spent = app.last_line()["round_trips"].as_u64().unwrap();
                if spent > u64::from(budget) {
                    over.push(format!("{}: {spent} > {budget} ({})", entry.name, case.promise));
                }
            }
        }
    }
    assert!(over.is_empty(), "{over:#?}");
}

/// Runs all stories of a method and collects which grants its own calls needed.
async fn uses(family: &'static str, entry: &shared::method::Entry) -> BTreeSet<Grant> {
    let mut used = BTreeSet::new();
    for case in cases::of(entry) {
        let app = App::new().await;
        let mut kept = BTreeMap::new();
        for (number, step) in case.steps.iter().enumerate() {
            let mut fields = step.fields(&kept);
            if step.call == entry.name {
                // An idempotency key, so that its reads and writes are seen too.
                fields.insert("request_id".into(), number.into());
            }
            let step = cases::Step { with: fields, ..step.clone() };
            let answer = step.call(&app, family, &BTreeMap::new()).await;
            step.check(&case.promise, &answer, &mut kept);
            if step.call == entry.name {
                used.extend(app.uses().into_iter().map(|need| grant(&app, &need)));
            }
        }
    }
    used
}

fn grant(app: &App, need: &Use) -> Grant {
    let table = app.app.config.tables.table(&need.table).unwrap();
    let index =
        need.index.as_deref().map(|name| table.schema().indexes.iter().find(|index| index.name == name).unwrap().name);
    Grant { table, index, action: need.action }
}

#[tokio::test]
async fn every_grant_is_used_and_every_use_is_granted() {
    let mut wrong = Vec::new();
    for family in families() {
        for entry in family.methods {
            let used = uses(family.name, entry).await;
            let granted: BTreeSet<Grant> = entry.grants().into_iter().collect();
            for excess in granted.difference(&used) {
                if !excused(entry.name, excess) {
                    wrong.push(format!("{} never used: {excess}", entry.name));
                }
            }
            for missing in used.difference(&granted) {
                wrong.push(format!("{} not granted: {missing}", entry.name));
            }
        }
    }
    assert!(wrong.is_empty(), "{wrong:#?}");
}

/// Grants that golden stories cannot reach because they need another setting or another credential; each has a test of
/// its own in this folder.
fn excused(method: &str, grant: &Grant) -> bool {
    use shared::store::Table;
    use shared::store::grants::Action;
    match (grant.table, grant.action) {
        // A token that names a child account (access.rs).
        (Table::Voximplant, Action::GetItem) => true,
        // The limit on users per account (voximplant.rs).
        (Table::Voximplant, Action::Query) => method == "AddUser",
        _ => false,
    }
}

#[tokio::test]
async fn the_meter_counts_calls_in_the_air_together_as_one_round_trip() {
    let app = App::new().await;
    let store = &app.app.store;
    let together = async {
        futures_util::try_join!(
            shared::store::stepchat::counters::count(store),
            shared::store::ledger::balance(store, app.account.id)
        )
    };
    let (_, readings) = metered(together).await;
    assert_eq!((readings.calls, readings.round_trips), (2, 1));
    let same = async {
        futures_util::try_join!(
            shared::store::ledger::balance(store, app.account.id),
            shared::store::voximplant::accounts::find(store, app.account.id)
        )
    };
    let (_, readings) = metered(same).await;
    assert_eq!((readings.calls, readings.round_trips), (2, 1));
    let apart = async {
        shared::store::stepchat::counters::count(store).await.unwrap();
        shared::store::ledger::balance(store, app.account.id).await.unwrap();
    };
    let ((), readings) = metered(apart).await;
    assert_eq!((readings.calls, readings.round_trips), (2, 2));
    assert!(readings.read_units >= 2.0, "{readings:?}");
}
