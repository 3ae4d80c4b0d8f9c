//! When the keys of accounts were last used. (API tokens of StepChat: `api_tokens.rs`.)

use serde_json::json;
use shared::timestamp::Timestamp;
use tests::App;

const MINUTE: i64 = 60_000;

/// When the service key, and when the API key was last used, as the operator's lists say.
async fn last_uses(app: &App) -> [Option<Timestamp>; 2] {
    let account = app.account.id;
    let (keys, api_keys) = (app.operator.keys(account).await.unwrap(), app.operator.api_keys(account).await.unwrap());
    assert_eq!((keys.len(), api_keys.len()), (1, 1));
    [keys[0].used_at, api_keys[0].used_at]
}

async fn by_api_key(app: &App, more: &str) -> tests::Answer {
    let form = format!("account_id={}&api_key={}{more}", app.account.id, app.api_key);
    app.post("/platform_api/GetSkills", form).await
}

#[tokio::test]
async fn the_last_use_of_a_key_is_noted_once_in_five_minutes_behind_what_was_asked() {
    let app = App::new().await;
    let start = app.app.clock.now();
    assert_eq!(last_uses(&app).await, [Some(start); 2]);
    app.voximplant("GetSkills", json!({})).await;
    let quiet = app.last_line();
    assert_eq!(quiet["write_units"], 0.0, "{quiet}");
    app.wait_millis(6 * MINUTE);
    for noted in [true, false] {
        app.voximplant("GetSkills", json!({})).await;
        let line = app.last_line();
        assert_eq!(line["round_trips"], 1 + u64::from(noted), "{line}");
        assert_eq!(line["write_units"].as_f64().unwrap() > 0.0, noted, "{line}");
    }
    assert_eq!(last_uses(&app).await, [Some(start.plus_millis(6 * MINUTE)), Some(start)]);
    app.wait_millis(MINUTE);
    assert!(by_api_key(&app, "").await.json()["result"].is_array());
    assert_eq!(last_uses(&app).await, [6, 7].map(|minutes| Some(start.plus_millis(minutes * MINUTE))));
}

#[tokio::test]
async fn a_use_that_was_refused_is_none() {
    let app = App::new().await;
    let before = last_uses(&app).await;
    app.wait_millis(60 * MINUTE);
    let refused = by_api_key(&app, "&account_name=another").await;
    assert_eq!(refused.code(), 100);
    assert_eq!(last_uses(&app).await, before);
}
