//! The Lambda function of Voximplant's `GetAccountInfo`.

fn main() {
    shared::run::<voximplant_get_account_info::GetAccountInfo>();
}
