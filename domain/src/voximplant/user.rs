//! A Voximplant user and the rules of its fields.

use super::length::text_of_length;
use super::{Parameter, Queue, Refusal};
use crate::ids::{ApplicationId, PhoneUserId, QueueId, SkillId};
use crate::timestamp::Timestamp;
use serde::{Deserialize, Serialize};

/// A user name: `[a-z0-9][a-z0-9_-]{2,49}`, unique within its application (decisions D2, D3).
#[derive(Debug, Clone, PartialEq, Eq, Hash, Serialize, Deserialize)]
#[serde(transparent)]
pub struct UserName(String);

impl UserName {
    /// Checks the documented pattern; upper case is refused, not lowered.
    pub fn parse(text: &str) -> Result<Self, Refusal> {
        let allowed = |byte: u8| byte.is_ascii_lowercase() || byte.is_ascii_digit() || byte == b'_' || byte == b'-';
        let starts_plain = text.starts_with(|first: char| first.is_ascii_lowercase() || first.is_ascii_digit());
        if starts_plain && text.bytes().all(allowed) && (3..=50).contains(&text.len()) {
            Ok(Self(text.to_owned()))
        } else {
            Err(Refusal::UserNameRestrictions)
        }
    }

    /// The name as text.
    #[must_use]
    pub fn as_str(&self) -> &str {
        &self.0
    }
}

text_of_length!(
    /// A display name: 1 to 255 characters.
    DisplayName,
    1,
    255,
    Refusal::InvalidDisplayName
);

text_of_length!(
    /// Any string of fewer than 8192 characters.
    CustomData,
    0,
    8_191,
    Refusal::CustomDataTooLong
);

text_of_length!(
    /// A phone number of fewer than 50 characters; not on the page, still sent by three clients.
    MobilePhone,
    0,
    49,
    Refusal::Invalid(Parameter("mobile_phone"))
);

/// A password that satisfies the documented rules; it lives only until it is hashed.
pub struct Password(String);

impl Password {
    /// The smallest number of characters.
    pub const MIN_CHARS: usize = 8;
    /// The largest number of characters.
    pub const MAX_CHARS: usize = 1_024;

    /// At least 8 characters (at most 1,024) with one upper and one lower case letter, one digit and one special
    /// character; no blanks (codes 463, 464, 524).
    pub fn parse(text: &str) -> Result<Self, Refusal> {
        if text.trim().is_empty() {
            return Err(Refusal::EmptyPassword);
        }
        if text.contains(char::is_whitespace) {
            return Err(Refusal::PasswordSpaces);
        }
        let length = (Self::MIN_CHARS..=Self::MAX_CHARS).contains(&text.chars().count());
        let kinds = text.contains(char::is_uppercase)
            && text.contains(char::is_lowercase)
            && text.contains(|letter: char| letter.is_ascii_digit())
            && text.contains(|letter: char| !letter.is_alphanumeric());
        if length && kinds { Ok(Self(text.to_owned())) } else { Err(Refusal::PasswordCharacters) }
    }

    /// The password itself, for the hash.
    #[must_use]
    pub fn expose(&self) -> &str {
        &self.0
    }
}

impl std::fmt::Debug for Password {
    fn fmt(&self, formatter: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        formatter.write_str("Password(…)")
    }
}

/// The state of an operator in call distribution.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash, Default, Serialize, Deserialize, schemars::JsonSchema)]
#[serde(rename_all = "SCREAMING_SNAKE_CASE")]
pub enum AcdStatus {
    /// Not connected.
    #[default]
    Offline,
    /// Connected.
    Online,
    /// Waiting for a call.
    Ready,
    /// Banned after missed calls.
    Banned,
    /// Talking.
    InService,
    /// Finishing after a call.
    AfterService,
    /// Missed a call.
    Timeout,
    /// Do not disturb.
    Dnd,
}

/// A stored user.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct PhoneUser {
    /// The id, account-wide unique.
    pub id: PhoneUserId,
    /// The application the user is bound to.
    pub application: ApplicationId,
    /// Login name.
    pub name: UserName,
    /// Display name.
    pub display_name: DisplayName,
    /// Whether the user may log in.
    pub active: bool,
    /// Whether calls are paid from the account; `false` gives the user a balance of its own.
    pub parent_accounting: bool,
    /// Any text.
    pub custom_data: Option<CustomData>,
    /// Phone number.
    pub mobile_phone: Option<MobilePhone>,
    /// State in call distribution.
    pub acd_status: AcdStatus,
    /// When that state last changed; never, for most users.
    pub acd_status_change_time: Option<Timestamp>,
    /// The user's skills, by id.
    pub skills: Vec<SkillId>,
    /// The queues the user serves, by id.
    pub queues: Vec<QueueLink>,
    /// When the user was created.
    pub created: Timestamp,
    /// When the user was last changed.
    pub modified: Timestamp,
    /// Rises with every change; guards read-decide-write.
    pub version: i64,
}

/// A user's binding to a queue.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize, Deserialize)]
pub struct QueueLink {
    /// The queue.
    pub queue: QueueId,
    /// Bound by comparing skills; `false` is bound by hand.
    pub auto: bool,
}

impl PhoneUser {
    /// Adds or removes skills.
    pub fn set_skills(&mut self, skills: &[SkillId], bind: bool) {
        super::skill::bind(&mut self.skills, skills, bind);
    }

    /// Binds the user to queues by hand, or removes the bindings to them.
    pub fn set_queues(&mut self, queues: &[QueueId], bind: bool) {
        self.queues.retain(|link| !queues.contains(&link.queue));
        if bind {
            let by_hand = queues.iter().map(|queue| QueueLink { queue: *queue, auto: false });
            self.queues.extend(by_hand);
        }
    }

    /// Updates the bindings by skill. `queues` are all queues of the account. A binding by hand replaces one by skill;
    /// once it is removed, the binding by skill returns if the skills still match.
    pub fn relink(&mut self, queues: &[Queue]) {
        self.queues.retain(|link| !link.auto);
        for queue in queues {
            let bound = self.queues.iter().any(|link| link.queue == queue.id);
            if queue.application == self.application && !bound && queue.takes(&self.skills) {
                self.queues.push(QueueLink { queue: queue.id, auto: true });
            }
        }
        self.queues.sort_unstable_by_key(|link| link.queue);
        self.queues.dedup_by_key(|link| link.queue);
    }
}

/// What `AddUser` asks for, checked.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct NewPhoneUser {
    /// Login name.
    pub name: UserName,
    /// Display name.
    pub display_name: DisplayName,
    /// Default: true.
    pub active: bool,
    /// Default: true, as every recorded user shows (reference/voximplant.md §2.1).
    pub parent_accounting: bool,
    /// Any text.
    pub custom_data: Option<CustomData>,
    /// Phone number.
    pub mobile_phone: Option<MobilePhone>,
}

impl NewPhoneUser {
    /// The user this request makes.
    #[must_use]
    pub fn into_user(self, id: PhoneUserId, application: ApplicationId, now: Timestamp) -> PhoneUser {
        PhoneUser {
            id,
            application,
            name: self.name,
            display_name: self.display_name,
            active: self.active,
            parent_accounting: self.parent_accounting,
            custom_data: self.custom_data,
            mobile_phone: self.mobile_phone,
            acd_status: AcdStatus::Offline,
            acd_status_change_time: None,
            skills: Vec::new(),
            queues: Vec::new(),
            created: now,
            modified: now,
            version: now.millis(),
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn user_names_have_3_to_50_plain_lower_case_characters() {
        for good in ["abc", "0-_", &"a".repeat(50)] {
            assert!(UserName::parse(good).is_ok(), "{good}");
        }
        for bad in ["", "ab", &"a".repeat(51), "_ab", "-ab", "GordonFreeman", "a b", "аbc", "abc\u{0}"] {
            assert_eq!(UserName::parse(bad).unwrap_err().code(), 122, "{bad}");
        }
    }

    #[test]
    fn passwords_are_refused_with_the_code_of_the_broken_rule() {
        let code = |text: &str| Password::parse(text).map_or_else(|refusal| refusal.code(), |_| 0);
        assert_eq!(code("Passw0rd!"), 0);
        assert_eq!(code("Aa1!aaaa"), 0);
        assert_eq!(code(""), 463);
        assert_eq!(code("        "), 463);
        assert_eq!(code("Aa1! aaaa"), 524);
        for weak in
            ["Aa1!aaa", "passw0rd!", "PASSW0RD!", "Password!", "Passw0rds", &format!("Aa1!{}", "a".repeat(1021))]
        {
            assert_eq!(code(weak), 464, "{weak}");
        }
    }

    #[test]
    fn lengths_stop_one_short_of_the_documented_bound() {
        assert!(DisplayName::parse(&"я".repeat(255)).is_ok());
        assert_eq!(DisplayName::parse(&"я".repeat(256)).unwrap_err().code(), 157);
        assert!(CustomData::parse(&"я".repeat(8191)).is_ok());
        assert_eq!(CustomData::parse(&"я".repeat(8192)).unwrap_err().code(), 212);
    }

    #[test]
    fn a_password_never_shows_in_debug_output() {
        assert!(!format!("{:?}", Password::parse("Passw0rd!")).contains("Passw0rd"));
    }
}
