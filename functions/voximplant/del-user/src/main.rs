//! The Lambda function of Voximplant's `DelUser`.

fn main() {
    shared::run::<voximplant_del_user::DelUser>();
}
