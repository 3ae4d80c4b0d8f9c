//! The Lambda function of Voximplant's `GetTransactionHistory`.

fn main() {
    shared::run::<voximplant_get_transaction_history::GetTransactionHistory>();
}
