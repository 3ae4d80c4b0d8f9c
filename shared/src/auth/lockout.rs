//! Whose failed logins are counted together (docs/adr/0011).

use super::stepchat::Admin;
use crate::context::Ctx;
use crate::stepchat::{Account, Limit};
use crate::store::stepchat::lockouts::{Counter, OnSuccess};
use std::net::{IpAddr, Ipv6Addr};

/// Bits of an IPv6 address that one customer of a network has to themselves.
const NETWORK: u128 = !0 << 64;

/// The two counters of a login.
///
/// One is of the end user: all logins from an address that the caller names. A caller that names none is counted for this
/// account alone: it may be a server that logs everybody in, and one guesser must not lock everybody out. The other is of
/// the account, over all callers and addresses, so that many addresses do not make many tries.
#[must_use]
pub fn counters(ctx: &Ctx, caller: &Admin, account: &Account, end_user: Option<IpAddr>) -> [Counter; 2] {
    let config = &ctx.config().stepchat.login;
    let named = |what: &str| ctx.tokens().pseudonym(&format!("login\0{what}"));
    let counter = |what: &str, failures, on_success| Counter {
        name: named(what),
        limit: Limit { failures, seconds: config.window_seconds },
        on_success,
    };
    let account = match account {
        Account::Email(folded) => format!("email\0{folded}"),
        Account::User(id) => format!("user\0{id}"),
    };
    let first = match end_user {
        Some(address) => counter(&format!("address\0{}", network(address)), config.failures, OnSuccess::TakeBack),
        None => {
            let source = ctx.source().map(|address| network(address).to_string()).unwrap_or_default();
            let what = format!("caller\0{}\0{source}\0{account}", caller.id());
            counter(&what, config.failures, OnSuccess::Forget)
        }
    };
    [first, counter(&account, config.failures_per_account, OnSuccess::Forget)]
}

/// What one end user cannot change at will: the whole IPv4 address, the first half of an IPv6 address.
fn network(address: IpAddr) -> IpAddr {
    match address.to_canonical() {
        IpAddr::V6(address) => Ipv6Addr::from_bits(address.to_bits() & NETWORK).into(),
        address @ IpAddr::V4(_) => address,
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn an_end_user_is_an_ipv4_address_or_half_an_ipv6_address() {
        let network = |text: &str| network(text.parse().unwrap()).to_string();
        assert_eq!(network("192.0.2.7"), "192.0.2.7");
        assert_eq!(network("::ffff:192.0.2.7"), "192.0.2.7");
        assert_eq!(network("2001:db8:1:2:3:4:5:6"), "2001:db8:1:2::");
        assert_eq!(network("2001:db8:1:2::9"), network("2001:db8:1:2:ffff::"));
    }
}
