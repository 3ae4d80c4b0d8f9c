//! What the families' documents say beside the methods: credentials, errors, manners.

use super::{content, reference};
use anyhow::{Result, bail};
use serde_json::{Map, Value, json};
use shared::method::Family;
use shared::wire::stepchat::Stepchat;
use shared::wire::voximplant::Voximplant;
use switchboard::methods::FamilyEntry;

/// A family, as its document needs to know it.
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

    pub(super) fn about(self, family: &FamilyEntry) -> String {
        let doors = family.front_doors.iter().map(|path| format!("`{path}`")).collect::<Vec<_>>().join(", ");
        let common = format!(
            "Every method has a path of its own and also answers at the front door ({doors}), where the field `{}` \
             names it. `GET` with the parameters in the query works like `POST`; bodies may also be \
             `multipart/form-data`.",
            self.selector(),
        );
        let own = match self {
            Self::Stepchat => {
                "Answers are JSON texts, sent as `text/plain` unless `Accept` names `application/json`. The status is \
                 200 also for application errors; look at `success`. Values inside a field may be JSON texts or use \
                 PHP's brackets (`extra[phone][0]=…`)."
            }
            Self::Voximplant => {
                "The status is always 200; an answer with `error` is a failure. A path may end with a slash. Lists are \
                 separated by semicolons. Times are UTC, `YYYY-MM-DD HH:MM:SS`."
            }
        };
        format!("{common}\n\n{own}")
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
                    "description": "An admin's token in the field `token`, of the body as well as of the query.",
                },
                "bearer": { "type": "http", "scheme": "bearer", "description": "The same token in the header." },
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
                "Unavailable": answer("Not available; try again."),
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
            "message": { "type": "string" },
        },
        "required": ["success", "status", "response", "message"],
        "additionalProperties": false,
    })
}

fn voximplant_failure() -> Value {
    let error = json!({
        "type": "object",
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
        "properties": { "error": error, "errors": { "type": "array", "items": error, "minItems": 1 } },
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
