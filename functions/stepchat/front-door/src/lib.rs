//! The stepchat family: every method it has, behind one URL.

use shared::entry::MethodEntry;
pub use shared::families::stepchat::Stepchat as Family;
use shared::handler::Handler;

/// The family's methods, one line each.
pub static METHODS: &[MethodEntry] = &[
    MethodEntry::of::<stepchat_add_user::AddUser>(),
    MethodEntry::of::<stepchat_agents_online::AgentsOnline>(),
    MethodEntry::of::<stepchat_count_users::CountUsers>(),
    MethodEntry::of::<stepchat_csv_users::CsvUsers>(),
    MethodEntry::of::<stepchat_current_url::CurrentUrl>(),
    MethodEntry::of::<stepchat_delete_leads::DeleteLeads>(),
    MethodEntry::of::<stepchat_delete_user::DeleteUser>(),
    MethodEntry::of::<stepchat_delete_users::DeleteUsers>(),
    MethodEntry::of::<stepchat_get_agent::GetAgent>(),
    MethodEntry::of::<stepchat_get_agents_ids::GetAgentsIds>(),
    MethodEntry::of::<stepchat_get_avatar::GetAvatar>(),
    MethodEntry::of::<stepchat_get_bot_id::GetBotId>(),
    MethodEntry::of::<stepchat_get_conversation::GetConversation>(),
    MethodEntry::of::<stepchat_get_new_users::GetNewUsers>(),
    MethodEntry::of::<stepchat_get_online_users::GetOnlineUsers>(),
    MethodEntry::of::<stepchat_get_user::GetUser>(),
    MethodEntry::of::<stepchat_get_user_by::GetUserBy>(),
    MethodEntry::of::<stepchat_get_user_conversations::GetUserConversations>(),
    MethodEntry::of::<stepchat_get_user_extra::GetUserExtra>(),
    MethodEntry::of::<stepchat_get_user_from_conversation::GetUserFromConversation>(),
    MethodEntry::of::<stepchat_get_user_language::GetUserLanguage>(),
    MethodEntry::of::<stepchat_get_users::GetUsers>(),
    MethodEntry::of::<stepchat_get_users_with_details::GetUsersWithDetails>(),
    MethodEntry::of::<stepchat_is_agent_typing::IsAgentTyping>(),
    MethodEntry::of::<stepchat_is_online::IsOnline>(),
    MethodEntry::of::<stepchat_is_typing::IsTyping>(),
    MethodEntry::of::<stepchat_login::Login>(),
    MethodEntry::of::<stepchat_logout::Logout>(),
    MethodEntry::of::<stepchat_new_conversation::NewConversation>(),
    MethodEntry::of::<stepchat_search_users::SearchUsers>(),
    MethodEntry::of::<stepchat_send_message::SendMessage>(),
    MethodEntry::of::<stepchat_set_typing::SetTyping>(),
    MethodEntry::of::<stepchat_update_bot::UpdateBot>(),
    MethodEntry::of::<stepchat_update_login::UpdateLogin>(),
    MethodEntry::of::<stepchat_update_user::UpdateUser>(),
    MethodEntry::of::<stepchat_update_user_to_lead::UpdateUserToLead>(),
    MethodEntry::of::<stepchat_update_users_last_activity::UpdateUsersLastActivity>(),
];

/// What answers at the front door.
pub static HANDLERS: [Handler; METHODS.len()] = MethodEntry::handlers(METHODS);
