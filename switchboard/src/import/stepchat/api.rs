//! The API of a running workspace, called as its page says and read as it really answers (reference/stepchat.md): texts may be
//! numbers, nothing may be `false`, an empty object an empty list.

use super::super::http::{self, Failure, Http};
use super::Origin;
use ::http::{Method, Request, header};
use anyhow::{Context as _, Result, anyhow, ensure};
use serde_json::Value;
use shared::crypto::Secret;
use std::fs;
use std::sync::Mutex;
use std::time::Duration;
use tokio::time::Instant;

/// The fewest calls a second that may be asked for.
const SLOWEST: f64 = 0.01;

/// A running workspace.
pub(super) struct Api {
    http: Http,
    pub(super) url: String,
    token: Secret,
    /// Between two calls.
    pace: Duration,
    next: Mutex<Instant>,
}

/// What a method answers.
struct Answer {
    response: Value,
    /// Of our own kind only: where the rest of an answer that was too large begins.
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

    /// Calls a method, when it is its turn.
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
            .map_err(|error| Failure::Lasting(error.into()))?;
        let (status, body) = self.http.send(request).await?;
        let answer: Value = serde_json::from_slice(&body)
            .with_context(|| format!("HTTP status {status} and no JSON: is {} the right address?", self.url))
            .map_err(Failure::Lasting)?;
        if answer.get("success") != Some(&Value::Bool(true)) {
            let said = answer.get("message").or_else(|| answer.get("response")).map(text).unwrap_or_default();
            return Err(Failure::Lasting(anyhow!("it says {said}")));
        }
        let cursor = answer.get("next_cursor").map(text).filter(|cursor| !cursor.is_empty());
        Ok(Answer { response: answer.get("response").cloned().unwrap_or_default(), cursor })
    }

    /// The moment of the next call.
    fn turn(&self) -> Instant {
        let mut next = self.next.lock().unwrap_or_else(std::sync::PoisonError::into_inner);
        let turn = (*next).max(Instant::now());
        *next = turn + self.pace;
        turn
    }

    /// What a method answers, in as many pieces as it takes.
    pub(super) async fn pieces(&self, function: &str, fields: &[(&str, String)]) -> Result<Vec<Value>> {
        let (mut pieces, mut cursor) = (Vec::new(), None::<String>);
        loop {
            let mut fields = fields.to_vec();
            fields.extend(cursor.map(|cursor| ("cursor", cursor)));
            let answer = http::patiently(function, || self.attempt(function, &fields)).await?;
            pieces.push(answer.response);
            cursor = answer.cursor;
            if cursor.is_none() {
                return Ok(pieces);
            }
        }
    }

    /// All rows of a list; `false` is none.
    pub(super) async fn rows(&self, function: &str, fields: &[(&str, String)]) -> Result<Vec<Value>> {
        let pieces = self.pieces(function, fields).await?.into_iter();
        Ok(pieces.flat_map(|piece| if let Value::Array(rows) = piece { rows } else { Vec::new() }).collect())
    }
}

/// A value as text; nothing where there is none.
pub(super) fn text(value: &Value) -> String {
    match value {
        Value::String(text) => text.clone(),
        Value::Number(number) => number.to_string(),
        Value::Null | Value::Bool(_) | Value::Array(_) | Value::Object(_) => String::new(),
    }
}

/// A member as text.
pub(super) fn member(row: &Value, name: &str) -> String {
    row.get(name).map(text).unwrap_or_default()
}
