//! StepChat users made from a seed.

use super::names::{People, one};
use super::{Making, rng};
use anyhow::Result;
use fastrand::Rng;
use shared::context::App;
use shared::ids::UserId;
use shared::stepchat::{Detail, DetailValue, Name, NewUser, ProfileField, Slug, User, UserType};
use shared::stepchat::{Refusal, display_name};
use shared::store::auth::{PasswordHash, TokenHash};
use shared::store::stepchat::counters::LeadCounter;
use shared::store::stepchat::creation;
use shared::store::stepchat::users::Secrets;
use shared::timestamp::Timestamp;
use switchboard::load::Load;

/// One made user.
pub(super) struct Made {
    pub(super) user: User,
    pub(super) details: Vec<Detail>,
    pub(super) has_password: bool,
}

/// How many of a thousand users have each type.
const TYPES: [(UserType, u32); 5] = [
    (UserType::Visitor, 450),
    (UserType::Lead, 200),
    (UserType::User, 335),
    (UserType::Agent, 13),
    (UserType::Admin, 2),
];
/// Extras that a user may have besides the phone.
const EXTRAS: [&str; 9] =
    ["city", "country", "browser_language", "browser", "os", "time_zone", "company", "birthday", "currency"];
const DAY: i64 = 24 * 60 * 60 * 1000;

/// The user of this id.
pub(super) fn user(id: UserId, making: &Making, default_first_name: &Name) -> Result<Made, Refusal> {
    let rng = &mut rng(making.seed, id.get());
    let people = People::some(rng);
    let kind = kind(rng);
    let ((first, first_latin), (last, last_latin)) = (people.first(rng), people.last(rng));
    // Most visitors have no name, and few leads have an address.
    let (named, reachable) = match kind {
        UserType::Visitor => (rng.u32(0..10) < 1, false),
        UserType::Lead => (rng.u32(0..10) < 7, rng.u32(0..10) < 1),
        _ => (true, true),
    };
    let domain = one(rng, &["example.com", "example.org", "Mail.Example.net"]);
    let staff = kind.is_staff();
    let said = [
        (ProfileField::FirstName, named.then(|| first.to_owned())),
        (ProfileField::LastName, named.then(|| last.to_owned())),
        (ProfileField::Email, reachable.then(|| format!("{first_latin}.{last_latin}{id}@{domain}"))),
        (ProfileField::ProfileImage, (rng.u32(0..10) < 3).then(|| format!("https://img.example.com/{id}.png"))),
        (ProfileField::UserType, Some(kind.to_string())),
        (ProfileField::Department, (staff || rng.u32(0..20) == 0).then(|| rng.u32(1..9).to_string())),
    ];
    let mut new = NewUser::default();
    for (field, text) in said {
        text.map_or(Ok(()), |text| field.set(&mut new, &text))?;
    }
    let created = making.moment(id.get(), rng);
    let mut user = new.into_user(id, created, default_first_name, rng.u32(0..100_000));
    // Most users are active only for a minute, and nobody after the time over which users were created.
    let stayed = if rng.u32(0..10) < 6 { rng.i64(0..60_000) } else { rng.i64(0..90 * DAY) };
    user.last_activity = Timestamp::from_millis(created.millis().saturating_add(stayed).min(making.end.millis()));
    Ok(Made { user, details: details(id, people, rng)?, has_password: reachable && rng.bool() })
}

fn kind(rng: &mut Rng) -> UserType {
    let mut roll = rng.u32(0..1000);
    let found = TYPES.iter().find(|(_, share)| {
        let hit = roll < *share;
        roll = roll.saturating_sub(*share);
        hit
    });
    found.map_or(UserType::Visitor, |(kind, _)| *kind)
}

/// Up to six extras; about half of all users have a phone among them.
fn details(id: UserId, people: &People, rng: &mut Rng) -> Result<Vec<Detail>, Refusal> {
    let count = rng.usize(0..=6);
    let mut slugs: Vec<&str> = rng.choose_multiple(EXTRAS.iter().copied(), count);
    if let Some(slug) = slugs.first_mut().filter(|_| rng.u32(0..10) < 6) {
        *slug = Slug::PHONE;
    }
    let mut details = Vec::with_capacity(slugs.len());
    for slug in slugs {
        let value = match slug {
            Slug::PHONE => format!("+{}9{:09}", people.code, id.get()),
            "city" => one(rng, people.cities).to_owned(),
            "country" => people.country.to_owned(),
            "browser_language" => people.language.to_owned(),
            "browser" => one(rng, &["Chrome", "Firefox", "Safari", "Edge", "Opera"]).to_owned(),
            "os" => one(rng, &["Windows 11", "Windows 10", "Android", "iOS", "Linux", "macOS"]).to_owned(),
            "time_zone" => people.zone.to_owned(),
            "company" => format!("{} & Co. {}", people.last(rng).0, rng.u32(1..500)),
            "birthday" => format!("{}-{:02}-{:02}", rng.u32(1940..2008), rng.u32(1..13), rng.u32(1..29)),
            _ => one(rng, &["EUR", "USD", "RUB", "GBP", "PLN", "GEL", "JPY"]).to_owned(),
        };
        if let (Some(slug), Some(value)) = (Slug::parse(slug), DetailValue::parse(&value)?) {
            details.push(Detail { name: display_name(&slug), slug, value });
        }
    }
    Ok(details)
}

/// Puts the user of this id into a load, by the function that creates one.
pub(super) fn add(load: &mut Load, app: &App, id: UserId, making: &Making, password: &PasswordHash) -> Result<()> {
    let config = &app.config.stepchat;
    let Made { user, details, has_password } = user(id, making, &config.default_first_name)?;
    let token = TokenHash::of(&app.tokens.of(id, user.token_version));
    let secrets = Secrets { password: has_password.then(|| password.clone()), token };
    load.add(creation::of(&user, &details, &secrets, config.unique_phone, &LeadCounter::unread())?)?;
    Ok(())
}
