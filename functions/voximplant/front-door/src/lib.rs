//! The voximplant family: every method it has, behind one URL.

pub use shared::families::voximplant::Voximplant as Family;
use shared::method::{Entry, Handler};

/// The family's methods, one line each.
pub static METHODS: &[Entry] = &[
    Entry::of::<voximplant_add_application::AddApplication>(),
    Entry::of::<voximplant_add_queue::AddQueue>(),
    Entry::of::<voximplant_add_skill::AddSkill>(),
    Entry::of::<voximplant_add_user::AddUser>(),
    Entry::of::<voximplant_bind_skill::BindSkill>(),
    Entry::of::<voximplant_bind_user_to_queue::BindUserToQueue>(),
    Entry::of::<voximplant_del_application::DelApplication>(),
    Entry::of::<voximplant_del_user::DelUser>(),
    Entry::of::<voximplant_get_account_info::GetAccountInfo>(),
    Entry::of::<voximplant_get_applications::GetApplications>(),
    Entry::of::<voximplant_get_queues::GetQueues>(),
    Entry::of::<voximplant_get_skills::GetSkills>(),
    Entry::of::<voximplant_get_transaction_history::GetTransactionHistory>(),
    Entry::of::<voximplant_get_users::GetUsers>(),
    Entry::of::<voximplant_set_user_info::SetUserInfo>(),
    Entry::of::<voximplant_transfer_money_to_user::TransferMoneyToUser>(),
];

/// What answers at the front door.
pub static HANDLERS: [Handler; METHODS.len()] = Handler::of_all(METHODS);
