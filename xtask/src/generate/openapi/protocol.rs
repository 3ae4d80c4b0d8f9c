//! What the families' documents say besides the methods: how to call, credentials, answers and errors.

use super::parts::{content, reference};
use anyhow::{Result, bail};
use serde_json::{Map, Value, json};
use shared::families::stepchat::Stepchat;
use shared::families::voximplant::Voximplant;
use shared::method::Family;
use switchboard::methods::FamilyEntry;

const STEPCHAT: &str = "This is the StepChat side: the users of a support chat, who of them is online, what they type, \
                        and their conversations.";

const STEPCHAT_CALL: &str = "Post a form to the method's path:\n\n\
    ```\ncurl http://127.0.0.1:9000/stepchat/add-user \\\n  \
    -d token=$TOKEN -d first_name=Ivan -d email=ivan@example.com \\\n  \
    -d 'extra={\"phone\":[\"+79191231212\",\"Phone\"]}'\n```\n\n\
    Values inside a field may be JSON texts, as above, or use PHP's brackets: `extra[phone][0]=+79191231212`.";

const STEPCHAT_CREDENTIALS: &str = "The token of an admin, or one that the operator has minted (`switchboard \
    operator token`), in the field `token` or as `Authorization: Bearer`. `switchboard serve` writes its first admin's \
    into `stepchat.json` in the state folder. Each method says whose token it wants.";

const STEPCHAT_ANSWERS: &str = "Answers are JSON texts, sent as `text/plain` unless `Accept` names \
    `application/json`. The status is 200 also for errors, so look at `success`:\n\n\
    | Answer | Meaning |\n| --- | --- |\n\
    | `{\"success\":true,\"response\":…}` | Done. |\n\
    | `{\"success\":false,\"response\":\"duplicate-email\"}` | A rule of the workspace said no; nothing has changed. |\n\
    | `{\"success\":false,\"status\":\"error\",\"response\":\"invalid-token\",\"message\":\"…\"}` | The call itself cannot \
    be answered. |\n\n\
    Only throttling (429) and an outage (503) have a status of their own; the body is the last of the three. After 429 \
    nothing has changed; after 503 it may have, so repeat a write with the same idempotency key.";

const VOXIMPLANT: &str = "This is the Voximplant side: the users of telephony applications, their skills and queues, \
                          and their money.";

const VOXIMPLANT_CALL: &str = "Post a form to the method's path, or use an official client with the credentials file:\n\n\
    ```\ncurl http://127.0.0.1:9000/platform_api/AddUser/ \\\n  \
    -d account_id=1 -d api_key=$KEY -d application_id=1 \\\n  \
    -d user_name=ivan -d user_display_name=Ivan -d 'user_password=Passw0rd!'\n```\n\n\
    A path may end with a slash. Lists inside a field are separated by semicolons. Times are UTC, \
    `YYYY-MM-DD HH:MM:SS`. Amounts have up to four decimals.";

const VOXIMPLANT_CREDENTIALS: &str = "Either an API key (`api_key` with `account_id`, `account_name` or \
    `account_email`), which may do all its account may; or a service account: a token signed with its key, as the \
    official clients make it from a credentials file, which may do what its roles allow. `switchboard serve` writes \
    both into the state folder, `voximplant-apikey.json` and `voximplant.json`. Each method says which roles it wants.";

const VOXIMPLANT_ANSWERS: &str = "The status is always 200; an answer with `error` is a failure, and nothing has \
    changed, unless `code` is 2: then it may have, so repeat a write with the same idempotency key.\n\n\
    ```\n{\"error\":{\"msg\":\"The user name is not unique.\",\"code\":118},\"errors\":[…]}\n```\n\n\
    `code` is for programs, `msg` for people; `field_name`, if it is there, says which parameter is to blame.";

/// The family that a document is about.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) enum Protocol {
    Stepchat,
    Voximplant,
}

impl Protocol {
    pub(super) fn of(family: &str) -> Result<Self> {
        match family {
            Stepchat::NAME => Ok(Self::Stepchat),
            Voximplant::NAME => Ok(Self::Voximplant),
            other => bail!("the OpenAPI generator does not know the credentials and errors of the family {other}"),
        }
    }

    pub(super) const fn title(self) -> &'static str {
        match self {
            Self::Stepchat => "Switchboard: StepChat users API",
            Self::Voximplant => "Switchboard: Voximplant users API",
        }
    }

    /// The field that names the method at the front door.
    pub(super) const fn selector(self) -> &'static str {
        match self {
            Self::Stepchat => Stepchat::SELECTOR,
            Self::Voximplant => Voximplant::SELECTOR,
        }
    }

    /// What a reader needs to know before the first call, as Markdown.
    pub(super) fn about(self, family: &FamilyEntry) -> String {
        let doors = family.front_doors.iter().map(|path| format!("`{path}`")).collect::<Vec<_>>().join(" and ");
        let (what, call, credentials, answers) = match self {
            Self::Stepchat => (STEPCHAT, STEPCHAT_CALL, STEPCHAT_CREDENTIALS, STEPCHAT_ANSWERS),
            Self::Voximplant => (VOXIMPLANT, VOXIMPLANT_CALL, VOXIMPLANT_CREDENTIALS, VOXIMPLANT_ANSWERS),
        };
        format!(
            "Switchboard keeps your users in your own AWS account, behind the APIs your tools already speak. {what}\n\n\
             ## How to call\n\n{call}\n\n\
             Every method has a path of its own and also answers at the front door ({doors}), where the field `{}` \
             names it: clients that know one URL only work unchanged. `GET` with the parameters in the query works \
             like `POST`; a body may be a form, `multipart/form-data` or a JSON object. Unknown parameters are ignored.\n\n\
             ## Credentials\n\n{credentials}\n\n\
             ## Answers and errors\n\n{answers}\n\n\
             ## Repeating a call safely\n\n\
             Send `Idempotency-Key` (or the field `idempotency_key`) with a call that writes. The same key with the same \
             parameters gets the first answer again, without a second effect, for 48 hours; with other \
             parameters it is refused. Without a key, nothing is guessed: two calls are two calls.\n\n\
             ## Long lists\n\n\
             No list is cut silently. One that is too long for one answer ends with `next_cursor` beside the result: \
             ask again with it in the field `cursor`.",
            self.selector(),
        )
    }

    pub(super) fn security(self) -> Value {
        match self {
            Self::Stepchat => json!([{ "token": [] }, { "bearer": [] }]),
            Self::Voximplant => json!([{ "serviceAccount": [] }, { "accountId": [], "apiKey": [] }]),
        }
    }

    pub(super) fn security_schemes(self) -> Value {
        match self {
            Self::Stepchat => json!({
                "token": {
                    "type": "apiKey",
                    "in": "query",
                    "name": "token",
                    "description": "The same token in the field `token`, of the body as well as of the query.",
                },
                "bearer": { "type": "http", "scheme": "bearer", "description": "An admin's token in the header." },
            }),
            Self::Voximplant => json!({
                "serviceAccount": {
                    "type": "http",
                    "scheme": "bearer",
                    "bearerFormat": "JWT",
                    "description": "An RS256 token signed with a service account's key: `kid` names the key, `iss` the \
                                    account, `exp` is at most an hour after `iat`.",
                },
                "accountId": {
                    "type": "apiKey",
                    "in": "query",
                    "name": "account_id",
                    "description": "The account of the API key, in body or query; `account_name` or `account_email` \
                                    will do instead.",
                },
                "apiKey": {
                    "type": "apiKey",
                    "in": "query",
                    "name": "api_key",
                    "description": "An API key of the account, in body or query.",
                },
            }),
        }
    }

    /// The schemas of errors.
    pub(super) fn errors(self) -> Map<String, Value> {
        match self {
            Self::Stepchat => Map::from_iter([
                (String::from("Refusal"), stepchat_refusal()),
                (String::from("ApiError"), stepchat_error()),
            ]),
            Self::Voximplant => Map::from_iter([(String::from("Failure"), voximplant_failure())]),
        }
    }

    /// The answers that all methods have in common.
    pub(super) fn common_responses(self) -> Value {
        let error = reference("schemas", "ApiError");
        let answer =
            |description: &str| json!({ "description": description, "content": stepchat_content(&error, None) });
        match self {
            Self::Stepchat => json!({
                "Throttled": answer("Too many requests; try again."),
                "Unavailable": answer("No answer in time: a write may have happened."),
            }),
            Self::Voximplant => json!({}),
        }
    }

    /// All answers of a method whose result has this schema.
    pub(super) fn responses(self, result: &Value, examples: Option<&Value>) -> Value {
        match self {
            Self::Stepchat => {
                let any = [result.clone(), reference("schemas", "Refusal"), reference("schemas", "ApiError")];
                json!({
                    "200": {
                        "description": "The result, a refusal or an error.",
                        "content": stepchat_content(&json!({ "anyOf": any }), examples),
                    },
                    "429": reference("responses", "Throttled"),
                    "503": reference("responses", "Unavailable"),
                })
            }
            Self::Voximplant => {
                let any = json!({ "anyOf": [result, reference("schemas", "Failure")] });
                json!({
                    "200": {
                        "description": "The result, or a failure.",
                        "content": { "application/json": content(&any, examples) },
                    },
                })
            }
        }
    }
}

fn stepchat_content(schema: &Value, examples: Option<&Value>) -> Value {
    let text = json!({ "type": "string", "contentMediaType": "application/json", "contentSchema": schema });
    json!({ "application/json": content(schema, examples), "text/plain; charset=utf-8": content(&text, None) })
}

fn stepchat_refusal() -> Value {
    json!({
        "type": "object",
        "description": "A rule of the workspace said no.",
        "properties": {
            "success": { "const": false },
            "response": { "type": "string", "description": "The code, such as `duplicate-email`." },
        },
        "required": ["success", "response"],
        "additionalProperties": false,
    })
}

fn stepchat_error() -> Value {
    json!({
        "type": "object",
        "description": "The call itself cannot be answered.",
        "properties": {
            "success": { "const": false },
            "status": { "const": "error" },
            "response": { "type": "string", "description": "The code, such as `invalid-token`." },
            "message": { "type": "string", "description": "What is wrong, for people." },
        },
        "required": ["success", "status", "response", "message"],
        "additionalProperties": false,
    })
}

fn voximplant_failure() -> Value {
    let error = json!({
        "type": "object",
        "description": "One thing that is wrong.",
        "properties": {
            "msg": { "type": "string", "description": "What is wrong, for people." },
            "code": { "type": "integer", "description": "What is wrong, for programs." },
            "field_name": { "type": "string", "description": "The parameter to blame, if it is one." },
        },
        "required": ["msg", "code"],
        "additionalProperties": false,
    });
    json!({
        "type": "object",
        "description": "`error` is the first of `errors`.",
        "properties": { "error": error, "errors": { "type": "array", "description": "All that is wrong.", "items": error, "minItems": 1 } },
        "required": ["error", "errors"],
        "additionalProperties": false,
    })
}

#[cfg(test)]
mod tests {
    use super::*;
    use std::collections::BTreeSet;

    /// Whether a body has all members the schema requires and none it does not know.
    fn fits(body: &str, schema: &Value) -> bool {
        let body: Value = serde_json::from_str(body).unwrap();
        let names: BTreeSet<&str> = body.as_object().unwrap().keys().map(String::as_str).collect();
        let known = schema["properties"].as_object().unwrap();
        let required = schema["required"].as_array().unwrap();
        names.iter().all(|name| known.contains_key(*name))
            && required.iter().all(|name| names.contains(name.as_str().unwrap()))
    }

    #[test]
    fn stepchat_s_errors_are_as_documented() {
        use shared::stepchat::Refusal;
        use shared::wire::stepchat::Error;
        assert!(fits(&Error::from(Refusal::DuplicateEmail).body(), &stepchat_refusal()));
        assert!(fits(&Error::InvalidToken.body(), &stepchat_error()));
    }

    #[test]
    fn voximplant_s_errors_are_as_documented() {
        use shared::voximplant::Refusal;
        use shared::wire::voximplant::Error;
        let body = Error::from(Refusal::UserNameNotUnique).body();
        assert!(fits(&body, &voximplant_failure()));
        let body: Value = serde_json::from_str(&body).unwrap();
        assert!(fits(&body["error"].to_string(), &voximplant_failure()["properties"]["error"]));
    }
}
