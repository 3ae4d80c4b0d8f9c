//! A deployment with many users, and some of them to ask about.

use crate::seed::{self, Family, Place, Sink};
use anyhow::{Context, Result};
use serde_json::{Value, json};
use shared::ids::ApplicationId;
use shared::store::{Endpoint, connect_with};
use std::sync::Arc;
use std::time::Instant;
use switchboard::embedded;
use tests::App;

/// The last name of the ten users whom a search is to find among all others.
pub(super) const NEEDLE: &str = "Quetzalcoatlus";
/// The number of these users.
pub(super) const NEEDLES: usize = 10;
/// The seed of every benchmark.
const SEED: u64 = 1;

/// A deployment with many users.
pub(super) struct World {
    /// The deployment.
    pub(super) app: App,
    /// Seconds that making the users took.
    pub(super) seconds: f64,
    /// StepChat: some users with an address and a phone, as `get-users` shows them. Voximplant: some users.
    pub(super) some: Vec<Value>,
    /// StepChat: the needles' ids.
    pub(super) needles: Vec<u64>,
    /// StepChat: a conversation with some messages.
    pub(super) conversation: u64,
    /// Voximplant: a skill and a queue.
    pub(super) skill: u64,
    /// The queue.
    pub(super) queue: u64,
    /// The folder of the database; removed with this value.
    _folder: Folder,
}

/// A folder that is removed when this is dropped.
struct Folder(std::path::PathBuf);

impl Drop for Folder {
    fn drop(&mut self) {
        let _ = std::fs::remove_dir_all(&self.0);
    }
}

impl World {
    /// Makes a deployment with this many users of one protocol.
    pub(super) async fn new(family: Family, size: u64) -> Result<Self> {
        let folder = Folder(std::env::temp_dir().join(format!("switchboard-bench-{}-{size}", std::process::id())));
        std::fs::create_dir_all(&folder.0).context("cannot make a folder for the database")?;
        let file = folder.0.join("bench.db");
        let database = dynoxide::Database::new(file.to_str().context("the temporary folder is not a text path")?);
        let database = database.map_err(|error| anyhow::anyhow!("cannot open a database: {error}"))?;
        database.enable_bulk_loading().map_err(|error| anyhow::anyhow!("{error}"))?;
        let endpoint = Endpoint::emulator(Some("http://embedded".into()));
        let client = connect_with(&endpoint, embedded::transport(&database)?);
        let app = App::on(database, client, |_| None).await;
        // What is checked at the end of a test takes long with so many users: that is not measured here.
        app.expect_damage();
        let started = Instant::now();
        let (deployed, sink) = (Arc::clone(&app.app), Sink::file(&file)?);
        match family {
            Family::Stepchat => {
                seed::stepchat(&deployed, sink, size, SEED, |_| ()).await?;
            }
            Family::Voximplant => {
                let application = ApplicationId::new(app.application).context("no application")?;
                let place = Place { account: app.account.id, application, own_balances: 50 };
                seed::voximplant(&deployed, sink, place, size, SEED, |_| ()).await?;
            }
        }
        let seconds = started.elapsed().as_secs_f64();
        // The first admin was active when the deployment was made, and must not count as online any more.
        app.wait_millis(3_600_000);
        let (some, needles, conversation, skill, queue) = (Vec::new(), Vec::new(), 0, 0, 0);
        let mut world = Self { app, seconds, some, needles, conversation, skill, queue, _folder: folder };
        match family {
            Family::Stepchat => world.prepare_stepchat().await,
            Family::Voximplant => world.prepare_voximplant().await,
        }
        Ok(world)
    }

    async fn prepare_stepchat(&mut self) {
        let app = &self.app;
        let list = json!({ "user_types": ["user"], "extra": true, "sorting": ["creation_time", "ASC"] });
        let rows = app.stepchat("get-users", list).await.response();
        let has = |row: &Value, place: &str| row.pointer(place).is_some_and(Value::is_string);
        let reachable = |row: &&Value| has(row, "/extra/phone") && has(row, "/email");
        self.some = rows.as_array().into_iter().flatten().filter(reachable).cloned().collect();
        for n in 0..NEEDLES {
            let fields = json!({ "first_name": format!("Ann{n}"), "last_name": NEEDLE, "user_type": "user" });
            self.needles.extend(app.stepchat("add-user", fields).await.response().as_u64());
        }
        let owner = self.user(0)["id"].clone();
        let made = app.stepchat("new-conversation", json!({ "user_id": owner })).await.response();
        self.conversation = number(&made, "/details/id");
        for n in 0..5 {
            let fields = json!({
                "user_id": owner, "conversation_id": self.conversation, "message": format!("Message number {n}")
            });
            app.stepchat("send-message", fields).await.response();
        }
    }

    async fn prepare_voximplant(&mut self) {
        let app = &self.app;
        let rows = app.voximplant("GetUsers", json!({ "count": 100, "order_by": "user_id" })).await.json();
        self.some = rows.pointer("/result").and_then(Value::as_array).cloned().unwrap_or_default();
        let skill = app.voximplant("AddSkill", json!({ "skill_name": "bench" })).await.json();
        self.skill = number(&skill, "/skill_id");
        let fields = json!({ "acd_queue_name": "bench", "application_id": app.application, "auto_binding": false });
        self.queue = number(&app.voximplant("AddQueue", fields).await.json(), "/acd_queue_id");
        let ids: Vec<String> = self.some.iter().take(10).map(|user| number(user, "/user_id").to_string()).collect();
        let fields = json!({ "skill_id": self.skill, "user_id": ids.join(";") });
        app.voximplant("BindSkill", fields).await;
        for n in 0..NEEDLES {
            let name = json!({ "user_display_name": format!("Ann{n} {NEEDLE}") });
            app.add_voximplant_user(&format!("ann-{n}"), name).await;
        }
    }

    /// One of the users in `some`, by its number; after the last comes the first again.
    pub(super) fn user(&self, n: usize) -> &Value {
        static NOBODY: Value = Value::Null;
        let place = n.checked_rem(self.some.len()).unwrap_or(0);
        self.some.get(place).unwrap_or(&NOBODY)
    }

    /// A field of that user.
    pub(super) fn of(&self, n: usize, field: &str) -> Value {
        self.user(n).get(field).cloned().unwrap_or_default()
    }
}

/// A number in an answer, whether it is written as a number or as a text.
fn number(answer: &Value, place: &str) -> u64 {
    let value = answer.pointer(place);
    let text = value.and_then(Value::as_str).and_then(|text| text.parse().ok());
    value.and_then(Value::as_u64).or(text).unwrap_or_default()
}
