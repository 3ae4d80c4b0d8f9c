//! The words that `transaction_type` may be: those that the official clients document. Most name payments that cannot
//! happen here, and asking for them finds nothing; any other word is refused (209).

use shared::voximplant::{Parameter, Refusal};
use shared::wire::voximplant::Text;

/// In alphabetical order.
const WORDS: [&str; 50] = [
    "adjustment",
    "card_overrun_payment",
    "card_payment",
    "card_periodic_payment",
    "development_fee",
    "discount",
    "fmc_charge",
    "gift",
    "gift_revoke",
    "grace_credit_payment",
    "grace_credit_provision",
    "im_charge",
    "im_overrun",
    "mau_charge",
    "mau_overrun",
    "mgp_big_business",
    "mgp_business",
    "mgp_charge",
    "mgp_enterprise",
    "mgp_large_enterprise",
    "mgp_startup",
    "money_acceptance_from_child",
    "money_acceptance_from_parent",
    "money_distribution",
    "money_transfer_to_child",
    "money_transfer_to_parent",
    "monthly_fee_charge",
    "paypal_overrun_payment",
    "paypal_payment",
    "paypal_periodic_payment",
    "phone_number_charge",
    "phone_number_installation",
    "promo",
    "refund",
    "resource_charge",
    "robokassa_payment",
    "rub_card_overrun_payment",
    "rub_card_payment",
    "rub_card_periodic_payment",
    "services",
    "sip_registration_charge",
    "subscription_charge",
    "subscription_installation_charge",
    "tax_charge",
    "techsupport_charge",
    "toll_free_phone_number_charge",
    "toll_free_phone_number_installation",
    "us_wire_transfer",
    "user_money_transfer",
    "wire_transfer",
];

/// The wanted types, if all of them are documented.
pub(crate) fn wanted(types: Vec<Text>) -> Result<Vec<String>, Refusal> {
    let known = |word: &Text| WORDS.binary_search(&word.0.as_str()).is_ok();
    if types.iter().all(known) {
        Ok(types.into_iter().map(|word| word.0).collect())
    } else {
        Err(Refusal::Invalid(Parameter("transaction_type")))
    }
}
