//! The voximplant family: every method it has, behind one URL.

use shared::method::Entry;
pub use shared::wire::voximplant::Voximplant as Family;

/// The family's methods, one line each.
pub static METHODS: &[Entry] = &[
    Entry::of::<voximplant_add_application::AddApplication>(),
    Entry::of::<voximplant_add_user::AddUser>(),
    Entry::of::<voximplant_get_account_info::GetAccountInfo>(),
    Entry::of::<voximplant_get_users::GetUsers>(),
];
