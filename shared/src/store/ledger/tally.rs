//! Counts the lines of a statement without reading them: the journal's head and each entry hold the count up to there,
//! so the count of a range of dates is the difference of two counts.

use crate::ledger::{JournalEntry, Party, Posting};
use serde::{Deserialize, Serialize};

/// The kinds of lines there are here; the original knows many more.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Kind {
    /// Credit by the operator.
    Adjustment,
    /// Between the account and a user.
    UserMoneyTransfer,
}

impl Kind {
    /// The word on the wire.
    #[must_use]
    pub const fn as_str(self) -> &'static str {
        match self {
            Self::Adjustment => "adjustment",
            Self::UserMoneyTransfer => "user_money_transfer",
        }
    }
}

/// On whose statement a posting is shown.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) enum Side {
    Account,
    User,
}

/// Lines of each kind, on the account's side and on its users'.
#[derive(Debug, Clone, Copy, Default, PartialEq, Eq, Serialize, Deserialize)]
pub(super) struct Tally {
    #[serde(default, rename = "a")]
    adjustments: u64,
    #[serde(default, rename = "t")]
    transfers: u64,
    #[serde(default, rename = "ua")]
    user_adjustments: u64,
    #[serde(default, rename = "ut")]
    user_transfers: u64,
}

impl Tally {
    /// The counts after this entry.
    pub(super) fn with(mut self, entry: &JournalEntry) -> Self {
        for (_, kind, side) in lines(entry) {
            let count = self.of(kind, side);
            *count = count.saturating_add(1);
        }
        self
    }

    fn of(&mut self, kind: Kind, side: Side) -> &mut u64 {
        match (kind, side) {
            (Kind::Adjustment, Side::Account) => &mut self.adjustments,
            (Kind::UserMoneyTransfer, Side::Account) => &mut self.transfers,
            (Kind::Adjustment, Side::User) => &mut self.user_adjustments,
            (Kind::UserMoneyTransfer, Side::User) => &mut self.user_transfers,
        }
    }

    /// The number of lines that came since `before` and that `wanted` takes.
    pub(super) fn since(mut self, mut before: Self, wanted: impl Fn(Kind, Side) -> bool) -> u64 {
        let kinds = [Kind::Adjustment, Kind::UserMoneyTransfer];
        let all = kinds.into_iter().flat_map(|kind| [(kind, Side::Account), (kind, Side::User)]);
        all.filter(|(kind, side)| wanted(*kind, *side))
            .map(|(kind, side)| self.of(kind, side).saturating_sub(*before.of(kind, side)))
            .fold(0, u64::saturating_add)
    }
}

/// The lines that an entry has on statements, in their order: the index of their posting, their kind, and whose they
/// are. One is for the account, and one for the user at the other end; money that goes through suspense is shown only
/// where it leaves or reaches a user.
pub(super) fn lines(entry: &JournalEntry) -> impl Iterator<Item = (usize, Kind, Side)> {
    entry.postings.iter().enumerate().flat_map(|(index, posting)| {
        let sides = [Side::Account, Side::User].into_iter().take(usize::try_from(posting.lines()).unwrap_or(0));
        sides.map(move |side| (index, kind(posting), side))
    })
}

fn kind(posting: &Posting) -> Kind {
    if [posting.from, posting.to].contains(&Party::World) { Kind::Adjustment } else { Kind::UserMoneyTransfer }
}
