//! A transfer between an account and its users: who gets how much, and what the statements say
//! (reference/voximplant.md §2.5, decisions D6 to D9, D16).

use crate::ids::PhoneUserId;

/// The largest number of characters of a description: its "length should be less than 120".
pub const MAX_DESCRIPTION_CHARS: usize = 119;

/// The transfer is strict, and a payer has too little money.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Insufficient;

/// How much each user gets (positive) or gives (negative), in the order of `users`, which holds their balances.
///
/// `amount` is for each user. A strict transfer happens completely or not at all (decision D8); otherwise each payer,
/// in list order, gives what it has (decision D9).
pub fn shares(amount: i64, account: i64, users: &[i64], strict: bool) -> Result<Vec<i64>, Insufficient> {
    let mut left = account.max(0);
    let shares: Vec<i64> = users
        .iter()
        .map(|balance| {
            if amount < 0 {
                amount.max(balance.max(&0).saturating_neg())
            } else {
                let share = amount.min(left);
                left = left.saturating_sub(share);
                share
            }
        })
        .collect();
    if strict && shares.iter().any(|share| *share != amount) { Err(Insufficient) } else { Ok(shares) }
}

/// The texts of a transfer on the two statements; `${user_id}` and `${user_name}` stand for each user (decision D16).
#[derive(Debug, Clone, PartialEq, Eq, serde::Serialize, serde::Deserialize)]
pub struct Texts {
    /// On the account's statement.
    pub account: String,
    /// On the user's.
    pub user: String,
}

impl Texts {
    /// The default texts, for a caller who sends none.
    #[must_use]
    pub fn by_direction(amount: i64) -> Self {
        let (account, user) = if amount < 0 {
            ("From user: ${user_name}", "To account")
        } else {
            ("To user: ${user_name}", "From account")
        };
        Self { account: account.into(), user: user.into() }
    }

    /// Whether a text the caller sent is short enough. It is measured as sent, before macros are expanded.
    #[must_use]
    pub fn fits(text: &str) -> bool {
        text.chars().count() <= MAX_DESCRIPTION_CHARS
    }

    /// The texts for one user.
    #[must_use]
    pub fn of(&self, user: PhoneUserId, name: &str) -> (String, String) {
        let id = user.to_string();
        // A name cannot contain a macro: user names have no `$`.
        let filled = |text: &str| text.replace("${user_id}", &id).replace("${user_name}", name);
        (filled(&self.account), filled(&self.user))
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use proptest::prelude::*;

    #[test]
    fn a_strict_transfer_is_whole_or_nothing() {
        assert_eq!(shares(5, 10, &[0, 0], true), Ok(vec![5, 5]));
        assert_eq!(shares(5, 9, &[0, 0], true), Err(Insufficient));
        assert_eq!(shares(-5, 0, &[5, 9], true), Ok(vec![-5, -5]));
        assert_eq!(shares(-5, 100, &[5, 4], true), Err(Insufficient));
    }

    #[test]
    fn otherwise_each_payer_gives_what_it_has_in_list_order() {
        assert_eq!(shares(5, 12, &[0, 0, 0, 0], false), Ok(vec![5, 5, 2, 0]));
        assert_eq!(shares(-5, 0, &[7, 3, 0], false), Ok(vec![-5, -3, 0]));
    }

    #[test]
    fn macros_are_filled_in_and_unknown_ones_left_alone() {
        let texts =
            Texts { account: "${user_id}/${user_name} ${user}".into(), user: "${user_name}${user_name}".into() };
        let user = PhoneUserId::new(7).unwrap();
        assert_eq!(texts.of(user, "ann"), ("7/ann ${user}".into(), "annann".into()));
        assert!(Texts::fits(&"я".repeat(119)) && !Texts::fits(&"я".repeat(120)));
    }

    proptest! {
        #[test]
        fn nobody_pays_more_than_it_has(amount in -1_000_i64..1_000, account in 0_i64..5_000, users in prop::collection::vec(0_i64..2_000, 0..20)) {
            let shares = shares(amount, account, &users, false).unwrap();
            prop_assert!(shares.iter().sum::<i64>() <= account);
            for (share, balance) in shares.iter().zip(&users) {
                prop_assert!(share + balance >= 0 && share.abs() <= amount.abs() && share * amount >= 0);
            }
        }
    }
}
