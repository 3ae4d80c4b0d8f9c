//! The voximplant family: every method it has, behind one URL.

use shared::entry::MethodEntry;
pub use shared::families::voximplant::Voximplant as Family;
use shared::handler::Handler;

/// The family's methods, one line each.
pub static METHODS: &[MethodEntry] = &[
    MethodEntry::of::<voximplant_add_application::AddApplication>(),
    MethodEntry::of::<voximplant_add_queue::AddQueue>(),
    MethodEntry::of::<voximplant_add_skill::AddSkill>(),
    MethodEntry::of::<voximplant_add_user::AddUser>(),
    MethodEntry::of::<voximplant_bind_skill::BindSkill>(),
    MethodEntry::of::<voximplant_bind_user_to_queue::BindUserToQueue>(),
    MethodEntry::of::<voximplant_del_application::DelApplication>(),
    MethodEntry::of::<voximplant_del_user::DelUser>(),
    MethodEntry::of::<voximplant_get_account_info::GetAccountInfo>(),
    MethodEntry::of::<voximplant_get_applications::GetApplications>(),
    MethodEntry::of::<voximplant_get_queues::GetQueues>(),
    MethodEntry::of::<voximplant_get_skills::GetSkills>(),
    MethodEntry::of::<voximplant_get_transaction_history::GetTransactionHistory>(),
    MethodEntry::of::<voximplant_get_users::GetUsers>(),
    MethodEntry::of::<voximplant_set_user_info::SetUserInfo>(),
    MethodEntry::of::<voximplant_transfer_money_to_user::TransferMoneyToUser>(),
];

/// What answers at the front door.
pub static HANDLERS: [Handler; METHODS.len()] = MethodEntry::handlers(METHODS);
