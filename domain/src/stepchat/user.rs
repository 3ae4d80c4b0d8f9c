//! A StepChat user and the rules of creating and changing one.

use super::Refusal;
use crate::ids::UserId;
use crate::text::fold;
use crate::timestamp::Timestamp;
use serde::{Deserialize, Serialize};
use std::fmt;

/// What a user is to the workspace (reference/stepchat.md §2, "User types").
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Hash, Serialize, Deserialize)]
#[serde(rename_all = "lowercase")]
pub enum UserType {
    /// Has never started a conversation.
    Visitor,
    /// Has a conversation, but no personal details.
    Lead,
    /// Has an e-mail address.
    User,
    /// Staff.
    Agent,
    /// Staff whose token opens the API.
    Admin,
    /// The one system row, hidden from every list and count.
    Bot,
}

impl UserType {
    /// The five types that calls may name and lists may show.
    pub const LISTED: [Self; 5] = [Self::Visitor, Self::Lead, Self::User, Self::Agent, Self::Admin];
    /// Agents and admins.
    pub const STAFF: [Self; 2] = [Self::Agent, Self::Admin];

    /// A type as a call names it, in any case. The bot cannot be asked for: `update-bot` makes it.
    pub fn parse(text: &str) -> Result<Self, Refusal> {
        Self::LISTED
            .into_iter()
            .find(|kind| text.trim().eq_ignore_ascii_case(kind.as_str()))
            .ok_or(Refusal::InvalidUserType)
    }

    /// The wire word.
    #[must_use]
    pub const fn as_str(self) -> &'static str {
        match self {
            Self::Visitor => "visitor",
            Self::Lead => "lead",
            Self::User => "user",
            Self::Agent => "agent",
            Self::Admin => "admin",
            Self::Bot => "bot",
        }
    }

    /// Whether users of this type answer in everybody's conversations: staff and the bot. Others write mostly in their
    /// own.
    #[must_use]
    pub const fn is_responder(self) -> bool {
        self.is_staff() || matches!(self, Self::Bot)
    }

    /// Agents and admins.
    #[must_use]
    pub const fn is_staff(self) -> bool {
        matches!(self, Self::Agent | Self::Admin)
    }
}

impl fmt::Display for UserType {
    fn fmt(&self, formatter: &mut fmt::Formatter<'_>) -> fmt::Result {
        formatter.write_str(self.as_str())
    }
}

macro_rules! bounded_text {
    ($(#[$doc:meta])* $name:ident, $max:literal, $refusal:ident) => {
        bounded_text!($(#[$doc])* $name, $max, $refusal, |_| Ok(()));
    };
    ($(#[$doc:meta])* $name:ident, $max:literal, $refusal:ident, $check:expr) => {
        $(#[$doc])*
        #[derive(Debug, Clone, PartialEq, Eq, Hash, Serialize, Deserialize)]
        #[serde(transparent)]
        pub struct $name(String);

        impl $name {
            /// The largest number of characters.
            pub const MAX_CHARS: usize = $max;

            /// Trims, as the original does; too long is refused rather than cut.
            pub fn parse(text: &str) -> Result<Self, Refusal> {
                let text = text.trim();
                if text.chars().count() > Self::MAX_CHARS {
                    return Err(Refusal::$refusal);
                }
                let check: fn(&str) -> Result<(), Refusal> = $check;
                check(text).map(|()| Self(text.to_owned()))
            }

            /// The text as it was given.
            #[must_use]
            pub fn as_str(&self) -> &str {
                &self.0
            }
        }
    };
}

bounded_text!(
    /// A first or last name: up to 100 characters, possibly empty.
    Name, 100, NameTooLong
);
bounded_text!(
    /// An e-mail address: up to 191 characters. Its form is not checked (as in the original), but characters that could
    /// break out of a mail header's line or display another address are refused. So is a text that folds to nothing.
    Email, 191, EmailTooLong, |text| {
        if text.contains(is_deceptive) || fold(text).is_empty() { Err(Refusal::InvalidEmail) } else { Ok(()) }
    }
);
bounded_text!(
    /// The address of a profile picture: up to 191 characters.
    ImageUrl, 191, ProfileImageTooLong
);

/// Control characters, line ends, and marks that turn the direction of writing.
fn is_deceptive(letter: char) -> bool {
    let is_line_end = matches!(letter, '\u{2028}' | '\u{2029}');
    let turns =
        matches!(letter, '\u{61c}' | '\u{200e}' | '\u{200f}' | '\u{202a}'..='\u{202e}' | '\u{2066}'..='\u{2069}');
    letter.is_control() || is_line_end || turns
}

impl Email {
    /// The form in which addresses are unique and looked up.
    #[must_use]
    pub fn folded(&self) -> String {
        fold(&self.0)
    }
}

/// A department number, 0 to 255.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize, Deserialize)]
#[serde(transparent)]
pub struct Department(u8);

impl Department {
    /// The department of this number.
    #[must_use]
    pub const fn new(number: u8) -> Self {
        Self(number)
    }

    /// Plain decimal digits.
    pub fn parse(text: &str) -> Result<Self, Refusal> {
        text.trim().parse().map(Self).map_err(|_| Refusal::InvalidDepartment)
    }

    /// The number.
    #[must_use]
    pub const fn get(self) -> u8 {
        self.0
    }
}

/// A stored user.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct User {
    /// The id.
    pub id: UserId,
    /// First name.
    pub first_name: Name,
    /// Last name.
    pub last_name: Name,
    /// E-mail address, unique across the workspace.
    pub email: Option<Email>,
    /// Picture; `None` shows the workspace's default picture.
    pub profile_image: Option<ImageUrl>,
    /// Type.
    pub user_type: UserType,
    /// When the user was created.
    pub creation_time: Timestamp,
    /// When the user was last active.
    pub last_activity: Timestamp,
    /// Department.
    pub department: Option<Department>,
    /// The number of the user's current token, from 1: the token is derived from the id and this number.
    pub token_version: u32,
    /// Rises with every change except heartbeats; guards read-decide-write.
    pub version: i64,
}

/// What `add-user` asks for.
#[derive(Debug, Clone, Default, PartialEq, Eq)]
pub struct NewUser {
    /// First name, if one was sent.
    pub first_name: Option<Name>,
    /// Last name, if one was sent.
    pub last_name: Option<Name>,
    /// E-mail address.
    pub email: Option<Email>,
    /// Picture.
    pub profile_image: Option<ImageUrl>,
    /// Type, if one was sent.
    pub user_type: Option<UserType>,
    /// Department.
    pub department: Option<Department>,
}

impl NewUser {
    /// The user this request makes, by the rules of reference/stepchat.md §3.4 with decisions D7 and D8:
    /// the type follows the e-mail, `#number` stands in for a last name that was not sent.
    #[must_use]
    pub fn into_user(self, id: UserId, now: Timestamp, default_first_name: &Name, number: u32) -> User {
        self.draft(now, default_first_name, number).with_id(id)
    }

    /// The change that gives an existing user what this one has. What it leaves out, and an empty name, change nothing.
    #[must_use]
    pub fn into_change(self) -> UserChange {
        let named = |name: Option<Name>| name.filter(|name| !name.as_str().is_empty());
        UserChange {
            first_name: named(self.first_name),
            last_name: named(self.last_name),
            email: self.email.map(Some),
            profile_image: self.profile_image.map(Some),
            user_type: self.user_type,
            department: self.department.map(Some),
        }
    }

    /// The same user before it has an id.
    #[must_use]
    pub fn draft(self, now: Timestamp, default_first_name: &Name, number: u32) -> DraftUser {
        let by_email = if self.email.is_some() { UserType::User } else { UserType::Visitor };
        DraftUser {
            first_name: self.first_name.unwrap_or_else(|| default_first_name.clone()),
            last_name: self.last_name.unwrap_or_else(|| Name(format!("#{number}"))),
            email: self.email,
            profile_image: self.profile_image,
            user_type: self.user_type.unwrap_or(by_email),
            creation_time: now,
            department: self.department,
        }
    }
}

/// A new user who has no id yet.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct DraftUser {
    /// First name.
    pub first_name: Name,
    /// Last name.
    pub last_name: Name,
    /// E-mail address.
    pub email: Option<Email>,
    profile_image: Option<ImageUrl>,
    /// Type.
    pub user_type: UserType,
    /// When it is created.
    pub creation_time: Timestamp,
    department: Option<Department>,
}

impl DraftUser {
    /// The user with its id.
    #[must_use]
    pub fn with_id(self, id: UserId) -> User {
        let Self { first_name, last_name, email, profile_image, user_type, creation_time, department } = self;
        User {
            id,
            first_name,
            last_name,
            email,
            profile_image,
            user_type,
            creation_time,
            last_activity: creation_time,
            department,
            token_version: 1,
            version: creation_time.millis(),
        }
    }
}

/// What `update-user` asks for: absent is unchanged (decision D10), `Some(None)` removes.
#[derive(Debug, Clone, Default, PartialEq, Eq)]
pub struct UserChange {
    /// New first name.
    pub first_name: Option<Name>,
    /// New last name.
    pub last_name: Option<Name>,
    /// New e-mail address, or its removal (decision D9).
    pub email: Option<Option<Email>>,
    /// New picture, or back to the default one.
    pub profile_image: Option<Option<ImageUrl>>,
    /// New type.
    pub user_type: Option<UserType>,
    /// New department, or none.
    pub department: Option<Option<Department>>,
}

impl UserChange {
    /// The user after this change; its version rises.
    ///
    /// A visitor or lead that gains an e-mail address becomes a user unless the call names a type; the type of staff
    /// never changes by itself (reference/stepchat.md §3.4). A user who becomes staff, or an admin, gets a new token:
    /// the old one was shown to callers who may not see staff tokens (docs/adr/0003).
    #[must_use]
    pub fn apply(&self, before: &User, now: Timestamp) -> User {
        let gains_email = matches!(self.email, Some(Some(_))) && before.email.is_none();
        let grows_up = gains_email && matches!(before.user_type, UserType::Visitor | UserType::Lead);
        let user_type = self.user_type.unwrap_or(if grows_up { UserType::User } else { before.user_type });
        let rises = user_type.is_staff() && user_type != before.user_type && before.user_type != UserType::Admin;
        User {
            id: before.id,
            first_name: self.first_name.clone().unwrap_or_else(|| before.first_name.clone()),
            last_name: self.last_name.clone().unwrap_or_else(|| before.last_name.clone()),
            email: self.email.clone().unwrap_or_else(|| before.email.clone()),
            profile_image: self.profile_image.clone().unwrap_or_else(|| before.profile_image.clone()),
            user_type,
            creation_time: before.creation_time,
            last_activity: before.last_activity,
            department: self.department.unwrap_or(before.department),
            token_version: before.token_version.saturating_add(rises.into()),
            version: now.millis().max(before.version.saturating_add(1)),
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn name(text: &str) -> Name {
        Name::parse(text).unwrap()
    }

    fn made(new: NewUser) -> User {
        new.into_user(UserId::new(7).unwrap(), Timestamp::from_millis(1_000), &name("Пользователь"), 29_938)
    }

    #[test]
    fn a_user_without_names_gets_the_default_and_a_number() {
        let user = made(NewUser::default());
        assert_eq!((user.first_name.as_str(), user.last_name.as_str()), ("Пользователь", "#29938"));
        assert_eq!(user.user_type, UserType::Visitor);
    }

    #[test]
    fn a_last_name_that_was_sent_is_kept_even_if_empty() {
        let user = made(NewUser { last_name: Some(name("")), ..NewUser::default() });
        assert_eq!(user.last_name.as_str(), "");
    }

    #[test]
    fn the_type_follows_the_email_unless_given() {
        let email = Some(Email::parse("a@example.com").unwrap());
        assert_eq!(made(NewUser { email: email.clone(), ..NewUser::default() }).user_type, UserType::User);
        let agent = NewUser { email, user_type: Some(UserType::Agent), ..NewUser::default() };
        assert_eq!(made(agent).user_type, UserType::Agent);
    }

    #[test]
    fn an_empty_change_changes_only_the_version() {
        let before = made(NewUser::default());
        let after = UserChange::default().apply(&before, Timestamp::from_millis(5));
        assert_eq!(after, User { version: before.version + 1, ..before });
    }

    #[test]
    fn gaining_an_email_promotes_visitors_but_never_staff() {
        let change = UserChange { email: Some(Some(Email::parse("a@b").unwrap())), ..UserChange::default() };
        for (before, after) in [
            (UserType::Visitor, UserType::User),
            (UserType::Lead, UserType::User),
            (UserType::Agent, UserType::Agent),
            (UserType::Admin, UserType::Admin),
        ] {
            let user = made(NewUser { user_type: Some(before), ..NewUser::default() });
            assert_eq!(change.apply(&user, Timestamp::from_millis(9)).user_type, after);
        }
    }

    #[test]
    fn whoever_becomes_staff_or_an_admin_gets_another_token_and_nobody_else_does() {
        let change = |kind| UserChange { user_type: Some(kind), ..UserChange::default() };
        for (before, after) in UserType::LISTED.into_iter().flat_map(|kind| UserType::LISTED.map(|other| (kind, other)))
        {
            let user = made(NewUser { user_type: Some(before), ..NewUser::default() });
            let changed = change(after).apply(&user, Timestamp::from_millis(9));
            let rises = match (before, after) {
                (UserType::Admin, _) | (UserType::Agent, UserType::Agent) => false,
                (_, UserType::Agent | UserType::Admin) => true,
                _ => false,
            };
            assert_eq!(changed.token_version != user.token_version, rises, "{before} {after}");
        }
    }

    #[test]
    fn the_bot_cannot_be_asked_for() {
        assert_eq!(UserType::parse("bot"), Err(Refusal::InvalidUserType));
        for spelled in ["admin", " Admin ", "ADMIN"] {
            assert_eq!(UserType::parse(spelled), Ok(UserType::Admin), "{spelled}");
        }
    }

    #[test]
    fn no_address_breaks_a_line_or_turns_the_writing() {
        for bad in [
            "a@b\r\nBcc: c@d",
            "a\u{1b}[2J@b",
            "a\0@b",
            "a\u{202e}moc@b",
            "a\u{200f}@b",
            "a\u{2028}@b",
            "a\u{2067}@b",
            "\u{200b}\u{301}",
        ] {
            assert_eq!(Email::parse(bad), Err(Refusal::InvalidEmail), "{bad:?}");
        }
        // Around an address these characters are trimmed like blanks.
        assert_eq!(Email::parse("\ta@b\r\n").unwrap().as_str(), "a@b");
        assert!(Email::parse("иван@пример.рф").is_ok());
    }
}
