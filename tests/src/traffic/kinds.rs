//! The kinds of traffic that meet somewhere, each at the rate that one workspace or account is meant to carry.

use super::Measured;
use super::book::Network;
use crate::App;
use serde_json::{Value, json};
use std::sync::Arc;

/// A kind of traffic.
#[derive(Debug)]
pub struct Kind {
    /// What it is.
    pub name: &'static str,
    /// Calls in a second that it is meant to carry.
    pub wanted: f64,
    /// The wanted rate in words, where it is not a number of calls.
    pub in_words: &'static str,
    /// What it carried before partitions were looked at, in words.
    pub before: &'static str,
    /// What to do when it has to carry more.
    pub more: &'static str,
    what: What,
}

#[derive(Debug, Clone, Copy)]
enum What {
    Heartbeats,
    Messages,
    PhoneUsers,
    Visitors,
    PageViews,
    Transfers,
    Reads,
}

static KINDS: [Kind; 7] = [
    Kind {
        name: "Heartbeats of users who are there all the time, every five seconds each",
        wanted: 10_000.0,
        in_words: "50,000 users of one type",
        before: "2,500 users",
        more: "a longer `ACTIVITY_STEP_SECONDS`: lists over several pages are sorted by last activity less exactly",
        what: What::Heartbeats,
    },
    Kind {
        name: "`send-message` by one bot, agent or integration",
        wanted: 1_000.0,
        in_words: "",
        before: "50 a second",
        more: "numbers for messages in blocks: each takes the next one from one item",
        what: What::Messages,
    },
    Kind {
        name: "`AddUser` to one application",
        wanted: 500.0,
        in_words: "",
        before: "50 a second",
        more: "several applications; more shards of their counter",
        what: What::PhoneUsers,
    },
    Kind {
        name: "`add-user` of visitors",
        wanted: 1_000.0,
        in_words: "",
        before: "330 a second",
        more: "several partitions for the lists by id and by creation, and numbers for users in blocks",
        what: What::Visitors,
    },
    Kind {
        name: "`current-url`: page views",
        wanted: 5_000.0,
        in_words: "",
        before: "500 a second",
        more: "as for heartbeats: a page view is one",
        what: What::PageViews,
    },
    Kind {
        name: "`TransferMoneyToUser` of one account",
        wanted: 50.0,
        in_words: "",
        before: "50 a second",
        more: "one transfer to many users in place of many to one each; beyond it 340, before anything is written",
        what: What::Transfers,
    },
    Kind {
        name: "Calls with one admin's token",
        wanted: 10_000.0,
        in_words: "",
        before: "3,000 a second",
        more: "a token of its own for each integration",
        what: What::Reads,
    },
];

/// All kinds.
pub fn all() -> &'static [Kind] {
    &KINDS
}

impl Kind {
    /// Runs some of it through the methods, by turns for several users.
    pub async fn measure(&'static self) -> Measured {
        // Shards are drawn: the same ones every time.
        fastrand::seed(2_026);
        let (network, database, client) = Network::new();
        let app = App::on(database, client, |_| None).await;
        let world = World { app, network };
        let calls = world.run(self.what, self.wanted).await;
        Measured { kind: self, calls, asked: world.network.take() }
    }
}

struct World {
    app: App,
    network: Arc<Network>,
}

/// Letters of names: no two begin alike.
const LETTERS: &[u8] = b"ABCDEFGHIJKLMNOPQRSTUVWXYZ";

fn letter(n: usize) -> char {
    char::from(LETTERS[n % LETTERS.len()])
}

impl World {
    async fn run(&self, what: What, wanted: f64) -> usize {
        match what {
            What::Heartbeats => self.heartbeats().await,
            What::Messages => self.messages(wanted).await,
            What::PhoneUsers => self.phone_users().await,
            What::Visitors => self.visitors().await,
            What::PageViews => self.page_views().await,
            What::Transfers => self.transfers().await,
            What::Reads => self.reads().await,
        }
    }

    /// From now on it counts.
    fn begin(&self) {
        self.network.take();
    }

    async fn stepchat(&self, caller: usize, function: &str, fields: Value) -> Value {
        self.network.caller(caller);
        self.app.stepchat(function, fields).await.response()
    }

    async fn users(&self, number: usize) -> Vec<String> {
        let mut users = Vec::with_capacity(number);
        for n in 0..number {
            let fields = json!({ "first_name": format!("{}a", letter(n)), "email": format!("{n}@example.com") });
            users.push(self.app.add_stepchat_user(fields).await);
        }
        users
    }

    /// Everybody is there for four minutes.
    async fn heartbeats(&self) -> usize {
        const USERS: usize = 30;
        const EACH: usize = 48;
        let users = self.users(USERS).await;
        self.app.wait_millis(10_000);
        self.begin();
        for _ in 0..EACH {
            for (caller, user) in users.iter().enumerate() {
                self.stepchat(caller, "update-users-last-activity", json!({ "user_id": user })).await;
            }
            self.app.wait_millis(5_000);
        }
        USERS * EACH
    }

    /// One bot writes in everybody's conversation.
    async fn messages(&self, wanted: f64) -> usize {
        const CONVERSATIONS: usize = 40;
        const EACH: usize = 5;
        let bot = self.app.stepchat("get-bot-id", json!({})).await.response().to_string().replace('"', "");
        let mut places = Vec::with_capacity(CONVERSATIONS);
        for user in self.users(CONVERSATIONS).await {
            let started = self.app.stepchat("new-conversation", json!({ "user_id": user })).await.response();
            places.push(started["details"]["id"].clone());
        }
        self.app.wait_millis(10_000);
        self.begin();
        let mut millis = 0.0;
        for _ in 0..EACH {
            for (caller, place) in places.iter().enumerate() {
                let fields = json!({ "user_id": bot, "conversation_id": place, "message": "Здравствуйте!" });
                self.stepchat(caller, "send-message", fields).await;
                millis += 1_000.0 / wanted;
                if millis >= 1.0 {
                    self.app.wait_millis(1);
                    millis -= 1.0;
                }
            }
        }
        CONVERSATIONS * EACH
    }

    async fn phone_users(&self) -> usize {
        const USERS: usize = 480;
        self.begin();
        for n in 0..USERS {
            self.network.caller(n);
            self.app.add_voximplant_user(&format!("{}{n:04}", letter(n).to_ascii_lowercase()), json!({})).await;
        }
        USERS
    }

    async fn visitors(&self) -> usize {
        const USERS: usize = 1_000;
        self.begin();
        for n in 0..USERS {
            let fields = json!({ "first_name": format!("{}{}", letter(n * 7), letter(n)), "last_name": format!("{}", letter(n * 11)) });
            self.stepchat(n, "add-user", fields).await;
        }
        USERS
    }

    /// Everybody looks at a page every ten seconds, for two minutes.
    async fn page_views(&self) -> usize {
        const USERS: usize = 60;
        const EACH: usize = 12;
        let users = self.users(USERS).await;
        for user in &users {
            let fields = json!({ "user_id": user, "url": "https://example.com/a-long-address-to-begin-with" });
            self.app.stepchat("current-url", fields).await.response();
        }
        self.app.wait_millis(10_000);
        self.begin();
        for page in 0..EACH {
            for (caller, user) in users.iter().enumerate() {
                let url = format!("https://example.com/{page}");
                self.stepchat(caller, "current-url", json!({ "user_id": user, "url": url })).await;
            }
            self.app.wait_millis(10_000);
        }
        USERS * EACH
    }

    async fn transfers(&self) -> usize {
        const USERS: usize = 40;
        let mut users = Vec::with_capacity(USERS);
        for n in 0..USERS {
            let own = json!({ "parent_accounting": false });
            users.push(self.app.add_voximplant_user(&format!("payee{n}"), own).await);
        }
        self.begin();
        for (caller, user) in users.iter().enumerate() {
            self.network.caller(caller);
            let fields = json!({ "user_id": user, "amount": "0.01" });
            let answer = self.app.voximplant("TransferMoneyToUser", fields).await.json();
            assert_eq!(answer["result"], 1, "{answer}");
            self.app.wait_millis(20);
        }
        USERS
    }

    async fn reads(&self) -> usize {
        const CALLS: usize = 1_600;
        let users = self.users(20).await;
        self.begin();
        for n in 0..CALLS {
            let caller = n % users.len();
            self.stepchat(caller, "is-online", json!({ "user_id": users[caller] })).await;
        }
        CALLS
    }
}
