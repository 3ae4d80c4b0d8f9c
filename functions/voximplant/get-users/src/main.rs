//! The Lambda function of Voximplant's `GetUsers`.

fn main() {
    shared::run::<voximplant_get_users::GetUsers>();
}
