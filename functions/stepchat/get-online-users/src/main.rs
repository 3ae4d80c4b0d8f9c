//! The Lambda function of StepChat's `get-online-users`.

fn main() {
    shared::run::<stepchat_get_online_users::GetOnlineUsers>();
}
