//! The Lambda function of Voximplant's `TransferMoneyToUser`.

fn main() {
    shared::run::<voximplant_transfer_money_to_user::TransferMoneyToUser>();
}
