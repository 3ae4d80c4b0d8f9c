//! Voximplant users made from a seed.

use super::names::{People, one};
use super::{Making, rng};
use anyhow::Result;
use shared::ids::{AccountId, ApplicationId, PhoneUserId};
use shared::store::auth::PasswordHash;
use shared::store::voximplant::users;
use shared::voximplant::{AcdStatus, CustomData, DisplayName, MobilePhone, NewPhoneUser, PhoneUser, Refusal, UserName};
use switchboard::load::Load;

/// Where the users belong.
#[derive(Debug, Clone, Copy)]
pub struct Place {
    /// The account.
    pub account: AccountId,
    /// Its application.
    pub application: ApplicationId,
    /// How many of a hundred have a balance of their own.
    pub own_balances: u32,
}

/// The user of this id.
pub(super) fn user(id: PhoneUserId, place: Place, making: &Making) -> Result<PhoneUser, Refusal> {
    let rng = &mut rng(making.seed, id.get());
    let people = People::some(rng);
    let ((first, first_latin), (last, last_latin)) = (people.first(rng), people.last(rng));
    let name: String = format!("{first_latin}-{last_latin}").chars().take(36).collect();
    let data = (rng.u32(0..10) < 2).then(|| format!("{{\"crm\":{},\"city\":\"{}\"}}", id, one(rng, people.cities)));
    let new = NewPhoneUser {
        name: UserName::parse(&format!("{name}-{id}"))?,
        display_name: DisplayName::parse(&format!("{first} {last}"))?,
        active: rng.u32(0..20) > 0,
        parent_accounting: rng.u32(0..100) >= place.own_balances,
        custom_data: data.as_deref().map(CustomData::parse).transpose()?,
        mobile_phone: rng
            .bool()
            .then(|| MobilePhone::parse(&format!("{}9{:09}", people.code, id.get())))
            .transpose()?,
    };
    let mut user = new.into_user(id, place.application, making.moment(id.get(), rng));
    if rng.u32(0..10) < 3 {
        user.acd_status = one(rng, &[AcdStatus::Ready, AcdStatus::Dnd, AcdStatus::Online, AcdStatus::Timeout]);
        user.acd_status_change_time = Some(user.modified);
    }
    Ok(user)
}

/// Puts the user of this id into a load, by the function that creates one.
pub(super) fn add(
    load: &mut Load,
    id: PhoneUserId,
    place: Place,
    making: &Making,
    password: &PasswordHash,
) -> Result<()> {
    let counted = users::Place::unread(place.account, place.application);
    load.add(users::creation(place.account, &user(id, place, making)?, password, None, &counted)?)?;
    Ok(())
}
