//! Items of the `stepchat` table and their index attributes.

use crate::ids::UserId;
use crate::limits::ACTIVITY_STEP_SECONDS;
use crate::stepchat::{Department, Detail, DetailValue, Email, ImageUrl, Name, Phone, Slug, User, UserType};
use crate::store::Key;
use crate::store::auth::TokenHash;
use crate::store::generation::Generation;
use crate::store::keys::{exact, sort_key, text_sort_key};
use crate::store::search::Stamp;
use crate::text::{fold, prefix};
use crate::timestamp::Timestamp;
use serde::{Deserialize, Serialize};

/// How many bytes of a folded value the index by values holds.
const VALUE_BYTES: usize = 900;

pub(super) fn partition(id: UserId) -> String {
    format!("U#{}", id.padded())
}

pub(super) fn profile_key(id: UserId) -> Key {
    Key::new(partition(id), "P")
}

pub(super) fn detail_key(id: UserId, slug: &Slug) -> Key {
    Key::new(partition(id), format!("D#{}", slug.as_str()))
}

pub(super) fn email_key(email: &Email) -> Key {
    Key::new(format!("E#{}", exact(&email.folded())), "E")
}

pub(super) fn phone_key(phone: &str) -> Key {
    Key::new(format!("F#{}", exact(phone)), "F")
}

/// A profile. The `s_…` attributes order the user in the indexes; they and `lp` are missing for the bot, which no list
/// shows.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub(super) struct ProfileItem {
    pk: String,
    sk: String,
    id: UserId,
    first: Name,
    last: Name,
    #[serde(default, skip_serializing_if = "Option::is_none")]
    email: Option<Email>,
    #[serde(default, skip_serializing_if = "Option::is_none")]
    image: Option<ImageUrl>,
    kind: UserType,
    created: Timestamp,
    active: Timestamp,
    #[serde(default, skip_serializing_if = "Option::is_none")]
    department: Option<Department>,
    #[serde(rename = "tv")]
    token_version: u32,
    #[serde(rename = "v")]
    version: i64,
    /// The guards and look-ups this user owns.
    #[serde(flatten)]
    pub(super) owned: Owned,
    /// The stamps of its search entries.
    #[serde(flatten)]
    pub(super) marks: Marks,
    #[serde(flatten)]
    order: Option<SortKeys>,
}

/// The stamps of a profile's search entries. One is missing if there is nothing to find, for the bot, and in a profile
/// from before search entries existed.
#[derive(Debug, Clone, Default, PartialEq, Eq, Serialize, Deserialize)]
pub(super) struct Marks {
    #[serde(rename = "g_first", default, skip_serializing_if = "Option::is_none")]
    pub(super) first: Option<Stamp>,
    #[serde(rename = "g_last", default, skip_serializing_if = "Option::is_none")]
    pub(super) last: Option<Stamp>,
    #[serde(rename = "g_email", default, skip_serializing_if = "Option::is_none")]
    pub(super) email: Option<Stamp>,
}

/// What exists elsewhere for a user. It is remembered, not computed again: settings and secrets may have changed since
/// it was written.
#[derive(Debug, Clone, Default, PartialEq, Eq, Serialize, Deserialize)]
pub(super) struct Owned {
    /// The phone number whose guard is this user's.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub(super) phone: Option<String>,
    /// The hash under which an admin's token is looked up.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub(super) admin_token: Option<TokenHash>,
    /// The user who holds the guard of this user's e-mail address, if an earlier comparison has let two users have it.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub(super) email_of: Option<UserId>,
    /// How often all sessions have ended at once: a session counts only in the epoch in which it began.
    #[serde(rename = "se", default, skip_serializing_if = "is_first")]
    pub(super) epoch: u32,
    /// Whether the user ever was a responder: then pointers to its messages are in separate partitions.
    #[serde(rename = "wr", default, skip_serializing_if = "std::ops::Not::not")]
    pub(super) was_responder: bool,
    /// Of a lead: the generation of leads in which the user became one.
    #[serde(rename = "gen", default, skip_serializing_if = "Generation::is_first")]
    pub(super) generation: Generation,
}

#[expect(clippy::trivially_copy_pass_by_ref, reason = "as serde calls it")]
fn is_first(epoch: &u32) -> bool {
    *epoch == 0
}

/// The partition and sort keys of the eight lists.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
struct SortKeys {
    lp: UserType,
    s_first: String,
    s_last: String,
    s_email: String,
    s_image: String,
    s_created: String,
    s_active: String,
    s_department: String,
    s_id: String,
}

/// The columns lists can be sorted by (page "get-users"; by id as in the original).
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Column {
    Id,
    /// First name.
    FirstName,
    /// Last name.
    LastName,
    /// E-mail address.
    Email,
    /// Picture.
    ProfileImage,
    /// Type, by its word.
    UserType,
    /// Creation.
    CreationTime,
    /// Last activity.
    LastActivity,
    Department,
}

impl Column {
    /// The column of this name; `None` for any other name.
    #[must_use]
    pub fn parse(name: &str) -> Option<Self> {
        Some(match name.trim() {
            "id" => Self::Id,
            "first_name" => Self::FirstName,
            "last_name" => Self::LastName,
            "email" => Self::Email,
            "profile_image" => Self::ProfileImage,
            "user_type" => Self::UserType,
            "creation_time" => Self::CreationTime,
            "last_activity" => Self::LastActivity,
            "department" => Self::Department,
            _ => return None,
        })
    }
}

/// Where a user stands in an order by time. Whole seconds, as the wire shows them: two users of one second are ordered
/// by id.
fn time_key(id: UserId, seconds: i64) -> String {
    sort_key(Some(&format!("{seconds:012}")), &id.padded())
}

/// The user's place in the index by last activity. Staff are placed by the second, since somebody waits for them to
/// come online. Everybody else is placed at the beginning of a step of [`ACTIVITY_STEP_SECONDS`]; the steps of
/// different users begin at different times, so that not all users move at once. A user who is always active moves only
/// once per step, which spares the one partition that holds all users of a type.
pub(super) fn active_key(user: &User, moment: Timestamp) -> String {
    let (id, seconds) = (user.id, moment.seconds());
    if user.user_type.is_staff() {
        return time_key(id, seconds);
    }
    let step = i64::try_from(id.get()).unwrap_or_default().wrapping_mul(SCATTER).rem_euclid(ACTIVITY_STEP_SECONDS);
    time_key(id, seconds.saturating_sub(seconds.saturating_sub(step).rem_euclid(ACTIVITY_STEP_SECONDS)))
}

/// Spreads the beginnings of steps: users with neighbouring ids, who have often come at the same time, get distant
/// ones.
const SCATTER: i64 = 77;

impl SortKeys {
    fn of(user: &User) -> Self {
        let id = user.id.padded();
        let text = |text: Option<&str>| text_sort_key(text, &id);
        let department = user.department.map(|department| format!("{:03}", department.get()));
        Self {
            lp: user.user_type,
            s_first: text(Some(user.first_name.as_str())),
            s_last: text(Some(user.last_name.as_str())),
            s_email: text(user.email.as_ref().map(Email::as_str)),
            s_image: text(user.profile_image.as_ref().map(ImageUrl::as_str)),
            s_created: time_key(user.id, user.creation_time.seconds()),
            s_active: active_key(user, user.last_activity),
            s_department: sort_key(department.as_deref(), &id),
            s_id: id.clone(),
        }
    }
}

/// Where a user stands in the order of a column, over all types. By last activity this is exact, which the index is
/// not.
pub(super) fn column_key(user: &User, column: Column) -> String {
    let order = SortKeys::of(user);
    match column {
        Column::Id => order.s_id,
        Column::FirstName => order.s_first,
        Column::LastName => order.s_last,
        Column::Email => order.s_email,
        Column::ProfileImage => order.s_image,
        Column::UserType => format!("{}\0{}", user.user_type, order.s_id),
        Column::CreationTime => order.s_created,
        Column::LastActivity => time_key(user.id, user.last_activity.seconds()),
        Column::Department => order.s_department,
    }
}

impl ProfileItem {
    pub(super) fn new(user: &User, owned: Owned, marks: Marks) -> Self {
        Self {
            pk: partition(user.id),
            sk: "P".into(),
            id: user.id,
            first: user.first_name.clone(),
            last: user.last_name.clone(),
            email: user.email.clone(),
            image: user.profile_image.clone(),
            kind: user.user_type,
            created: user.creation_time,
            active: user.last_activity,
            department: user.department,
            token_version: user.token_version,
            version: user.version,
            owned,
            marks,
            order: (user.user_type != UserType::Bot).then(|| SortKeys::of(user)),
        }
    }

    pub(super) fn email(&self) -> Option<&Email> {
        self.email.as_ref()
    }

    pub(super) fn into_user(self) -> User {
        User {
            id: self.id,
            first_name: self.first,
            last_name: self.last,
            email: self.email,
            profile_image: self.image,
            user_type: self.kind,
            creation_time: self.created,
            last_activity: self.active,
            department: self.department,
            token_version: self.token_version,
            version: self.version,
        }
    }
}

/// Where an extra stands among those of its user: in the order in which they were added (decision E16).
#[derive(Debug, Clone, Copy, Default, PartialEq, Eq, PartialOrd, Ord, Serialize, Deserialize)]
#[serde(transparent)]
pub struct Position(i64);

/// Positions reserved for each change. One change adds fewer extras, so none comes after those of the next change.
const POSITIONS_PER_CHANGE: i64 = 1_000;

impl Position {
    /// The position of an extra that a change adds: after those of all earlier changes, `index` places further.
    #[must_use]
    pub fn added(version: i64, index: usize) -> Self {
        let index = i64::try_from(index).unwrap_or(POSITIONS_PER_CHANGE);
        Self(version.saturating_mul(POSITIONS_PER_CHANGE).saturating_add(index))
    }
}

/// An extra and its position.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct PlacedDetail {
    /// The extra.
    pub detail: Detail,
    /// Its position among the user's extras.
    pub position: Position,
}

/// Extras in their order.
pub(super) fn in_order(mut details: Vec<PlacedDetail>) -> Vec<Detail> {
    // Extras from before positions existed come first, by slug, as they are read.
    details.sort_by_key(|placed| placed.position);
    details.into_iter().map(|placed| placed.detail).collect()
}

/// An extra; `vp` and `vs` feed the inverted index `by_value`. They are missing where no user is found by the value.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub(super) struct DetailItem {
    pk: String,
    sk: String,
    slug: Slug,
    label: String,
    val: DetailValue,
    #[serde(default, skip_serializing_if = "Option::is_none")]
    vp: Option<Slug>,
    #[serde(default, skip_serializing_if = "Option::is_none")]
    vs: Option<String>,
    /// Its position; missing in extras from before positions existed.
    #[serde(rename = "n", default)]
    position: Position,
    /// The stamp of its search entries.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    #[serde(rename = "g")]
    stamp: Option<Stamp>,
}

impl DetailItem {
    pub(super) fn new(id: UserId, detail: &Detail, position: Position) -> Self {
        let key = detail_key(id, &detail.slug);
        let (vp, vs) = value_entry(&detail.slug, &detail.value, &id.padded()).unzip();
        Self {
            pk: key.pk,
            sk: key.sk.unwrap_or_default(),
            slug: detail.slug.clone(),
            label: detail.name.clone(),
            val: detail.value.clone(),
            vp,
            vs,
            position,
            stamp: None,
        }
    }

    pub(super) fn slug(&self) -> &Slug {
        &self.slug
    }

    /// The same extra, with its index entry by the present comparison.
    pub(super) fn refreshed(&self) -> Self {
        let (_, owner) = self.pk.split_once('#').unwrap_or_default();
        let (vp, vs) = value_entry(&self.slug, &self.val, owner).unzip();
        Self { vp, vs, ..self.clone() }
    }

    /// The same extra, whose search entries have this stamp.
    pub(super) fn stamped(self, stamp: Option<&Stamp>) -> Self {
        Self { stamp: stamp.cloned(), ..self }
    }

    /// The text that has search entries, and their stamp.
    pub(super) fn indexed_text(&self) -> (&str, Option<&Stamp>) {
        (self.val.as_str(), self.stamp.as_ref())
    }

    pub(super) fn placed(self) -> PlacedDetail {
        let detail = Detail { slug: self.slug, name: self.label, value: self.val };
        PlacedDetail { detail, position: self.position }
    }
}

/// What an extra is looked up by: a phone number by its digits, any other text as it is compared.
pub(super) fn indexed(slug: &Slug, value: &str) -> String {
    let phone = if slug.as_str() == Slug::PHONE { Phone::parse(value) } else { None };
    phone.map_or_else(|| fold(value), |phone| phone.key().to_owned())
}

/// The keys of an extra in the index by values, if it has an entry.
fn value_entry(slug: &Slug, value: &DetailValue, padded_id: &str) -> Option<(Slug, String)> {
    let sort = || format!("{}{padded_id}", value_prefix(&indexed(slug, value.as_str())));
    slug.finds_users().then(|| (slug.clone(), sort()))
}

/// What every index entry of exactly this folded value begins with (cut values: of every value that begins like it).
pub(super) fn value_prefix(folded: &str) -> String {
    format!("{}\0", prefix(folded, VALUE_BYTES))
}

/// An item that only says who owns a value.
#[derive(Debug, Clone, Serialize, Deserialize)]
pub(super) struct GuardItem {
    pk: String,
    sk: String,
    pub(super) uid: UserId,
}

impl GuardItem {
    pub(super) fn new(key: Key, owner: UserId) -> Self {
        Self { pk: key.pk, sk: key.sk.unwrap_or_default(), uid: owner }
    }
}
