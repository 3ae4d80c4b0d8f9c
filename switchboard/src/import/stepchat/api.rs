//! The API of a running workspace. Calls follow its page; answers are read as the API really gives them
//! (reference/stepchat.md): a text may be a number, a missing value `false`, an empty object an empty list.

use super::super::http::{self, Failure, Http};
use super::options::Origin;
use ::http::{Method, Request, header};
use anyhow::{Context as _, Result, anyhow, ensure};
use serde_json::Value;
use shared::crypto::Secret;
use std::fs;
use std::sync::Mutex;
use std::time::Duration;
use tokio::time::Instant;

/// The smallest `--rate`, in calls a second.
const SLOWEST: f64 = 0.01;

/// A running workspace.
pub(super) struct Api {
    http: Http,
    pub(super) url: String,
    token: Secret,
    /// The time between two calls.
    pace: Duration,
    next: Mutex<Instant>,
}

/// What a method answers.
struct Answer {
    response: Value,
    /// Where the rest of an answer that was too large begins. Only a Switchboard workspace sends it.
    cursor: Option<String>,
}

impl Api {
    pub(super) fn open(url: &str, origin: &Origin) -> Result<Self> {
        http::check(url)?;
        let token = match (&origin.token, &origin.token_file) {
            (Some(token), _) => token.clone(),
            (None, Some(file)) => {
                fs::read_to_string(file).with_context(|| format!("cannot read {}", file.display()))?
            }
            (None, None) => return Err(anyhow!("say --token-file FILE: a file that holds an admin's token of {url}")),
        };
        ensure!(origin.rate >= SLOWEST, "--rate is calls a second: {SLOWEST} at least");
        Ok(Self {
            http: Http::new(origin.ca.as_deref())?,
            url: url.to_owned(),
            token: Secret::new(token.trim()),
            pace: Duration::from_secs_f64(1.0 / origin.rate),
            next: Mutex::new(Instant::now()),
        })
    }

    /// Waits for this call's turn, then calls the method once.
    async fn attempt(&self, function: &str, fields: &[(&str, String)]) -> Result<Answer, Failure> {
        tokio::time::sleep_until(self.turn()).await;
        let mut all = vec![("function", function.to_owned()), ("token", self.token.expose().to_owned())];
        all.extend_from_slice(fields);
        let request = Request::builder()
            .method(Method::POST)
            .uri(&self.url)
            .header(header::CONTENT_TYPE, "application/x-www-form-urlencoded")
            .header(header::ACCEPT, "application/json")
            .body(http::form(&all))
            .map_err(|error| Failure::Permanent(error.into()))?;
        let (status, body) = self.http.send(request).await?;
        let answer: Value = serde_json::from_slice(&body)
            .with_context(|| format!("HTTP status {status} and no JSON: is {} the right address?", self.url))
            .map_err(Failure::Permanent)?;
        if answer.get("success") != Some(&Value::Bool(true)) {
            let said = answer.get("message").or_else(|| answer.get("response")).map(text).unwrap_or_default();
            return Err(Failure::Permanent(anyhow!("it says {said}")));
        }
        let cursor = answer.get("next_cursor").map(text).filter(|cursor| !cursor.is_empty());
        Ok(Answer { response: answer.get("response").cloned().unwrap_or_default(), cursor })
    }

    /// The moment of this call; the next one comes `pace` later.
    fn turn(&self) -> Instant {
        let mut next = self.next.lock().unwrap_or_else(std::sync::PoisonError::into_inner);
        let turn = (*next).max(Instant::now());
        *next = turn + self.pace;
        turn
    }

    /// All of a method's answer, with a call for each piece.
    pub(super) async fn pieces(&self, function: &str, fields: &[(&str, String)]) -> Result<Vec<Value>> {
        let (mut pieces, mut cursor) = (Vec::new(), None::<String>);
        loop {
            let mut fields = fields.to_vec();
            fields.extend(cursor.map(|cursor| ("cursor", cursor)));
            let answer = http::with_retries(function, || self.attempt(function, &fields)).await?;
            pieces.push(answer.response);
            cursor = answer.cursor;
            if cursor.is_none() {
                return Ok(pieces);
            }
        }
    }

    /// All rows of a list; an answer of `false` means that there are none.
    pub(super) async fn rows(&self, function: &str, fields: &[(&str, String)]) -> Result<Vec<Value>> {
        let pieces = self.pieces(function, fields).await?.into_iter();
        Ok(pieces.flat_map(|piece| if let Value::Array(rows) = piece { rows } else { Vec::new() }).collect())
    }
}

/// A text or number as text; any other value as an empty text.
pub(super) fn text(value: &Value) -> String {
    match value {
        Value::String(text) => text.clone(),
        Value::Number(number) => number.to_string(),
        Value::Null | Value::Bool(_) | Value::Array(_) | Value::Object(_) => String::new(),
    }
}

/// A member of a row as text.
pub(super) fn member(row: &Value, name: &str) -> String {
    row.get(name).map(text).unwrap_or_default()
}
