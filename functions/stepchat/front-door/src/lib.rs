//! The stepchat family: every method it has, behind one URL.

use shared::method::Entry;
pub use shared::wire::stepchat::Stepchat as Family;

/// The family's methods, one line each.
pub static METHODS: &[Entry] = &[
    Entry::of::<stepchat_add_user::AddUser>(),
    Entry::of::<stepchat_count_users::CountUsers>(),
    Entry::of::<stepchat_delete_user::DeleteUser>(),
    Entry::of::<stepchat_get_user::GetUser>(),
    Entry::of::<stepchat_get_user_by::GetUserBy>(),
    Entry::of::<stepchat_update_user::UpdateUser>(),
];
