//! The stepchat family: every method it has, behind one URL.

pub use shared::families::stepchat::Stepchat as Family;
use shared::method::{Entry, Handler};

/// The family's methods, one line each.
pub static METHODS: &[Entry] = &[
    Entry::of::<stepchat_add_user::AddUser>(),
    Entry::of::<stepchat_agents_online::AgentsOnline>(),
    Entry::of::<stepchat_count_users::CountUsers>(),
    Entry::of::<stepchat_csv_users::CsvUsers>(),
    Entry::of::<stepchat_current_url::CurrentUrl>(),
    Entry::of::<stepchat_delete_leads::DeleteLeads>(),
    Entry::of::<stepchat_delete_user::DeleteUser>(),
    Entry::of::<stepchat_delete_users::DeleteUsers>(),
    Entry::of::<stepchat_get_agent::GetAgent>(),
    Entry::of::<stepchat_get_agents_ids::GetAgentsIds>(),
    Entry::of::<stepchat_get_avatar::GetAvatar>(),
    Entry::of::<stepchat_get_bot_id::GetBotId>(),
    Entry::of::<stepchat_get_conversation::GetConversation>(),
    Entry::of::<stepchat_get_new_users::GetNewUsers>(),
    Entry::of::<stepchat_get_online_users::GetOnlineUsers>(),
    Entry::of::<stepchat_get_user::GetUser>(),
    Entry::of::<stepchat_get_user_by::GetUserBy>(),
    Entry::of::<stepchat_get_user_conversations::GetUserConversations>(),
    Entry::of::<stepchat_get_user_extra::GetUserExtra>(),
    Entry::of::<stepchat_get_user_from_conversation::GetUserFromConversation>(),
    Entry::of::<stepchat_get_user_language::GetUserLanguage>(),
    Entry::of::<stepchat_get_users::GetUsers>(),
    Entry::of::<stepchat_get_users_with_details::GetUsersWithDetails>(),
    Entry::of::<stepchat_is_agent_typing::IsAgentTyping>(),
    Entry::of::<stepchat_is_online::IsOnline>(),
    Entry::of::<stepchat_is_typing::IsTyping>(),
    Entry::of::<stepchat_login::Login>(),
    Entry::of::<stepchat_logout::Logout>(),
    Entry::of::<stepchat_new_conversation::NewConversation>(),
    Entry::of::<stepchat_search_users::SearchUsers>(),
    Entry::of::<stepchat_send_message::SendMessage>(),
    Entry::of::<stepchat_set_typing::SetTyping>(),
    Entry::of::<stepchat_update_bot::UpdateBot>(),
    Entry::of::<stepchat_update_login::UpdateLogin>(),
    Entry::of::<stepchat_update_user::UpdateUser>(),
    Entry::of::<stepchat_update_user_to_lead::UpdateUserToLead>(),
    Entry::of::<stepchat_update_users_last_activity::UpdateUsersLastActivity>(),
];

/// What answers at the front door.
pub static HANDLERS: [Handler; METHODS.len()] = Handler::of_all(METHODS);
