//! The Lambda function of Voximplant's `SetUserInfo`.

fn main() {
    shared::run::<voximplant_set_user_info::SetUserInfo>();
}
