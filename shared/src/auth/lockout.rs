//! Whose failed logins are counted together (docs/adr/0011).

use crate::context::Ctx;
use crate::stepchat::{Account, Limit};
use crate::store::stepchat::lockouts::Counter;
use std::net::{IpAddr, Ipv6Addr};

/// The bits of an IPv6 address that name the network of one customer.
const NETWORK: u128 = !0 << 64;

/// Characters of the pseudonym by which a counter knows whose a failure is.
const CALLER_CHARS: usize = 12;

/// The counters of a login (decision E7).
///
/// One counter is the account's, over all callers and addresses, so that many addresses do not give many tries. If the
/// caller names the end user's address, a second counter is that address's, over all accounts. A call without an
/// address is counted by the account alone: its caller may be a server that logs everybody in, and ten calls of one
/// guesser must not lock the owner out.
///
/// A right login removes the address's failures at that account. Its failures at other accounts stay; otherwise a
/// guesser could log in to an account of their own after every nine guesses. Logins without an address may be
/// anybody's, so each removes only itself.
#[must_use]
pub fn counters(ctx: &Ctx, account: &Account, end_user: Option<IpAddr>) -> Vec<Counter> {
    let config = &ctx.config().stepchat.login;
    let named = |what: &str| ctx.tokens().pseudonym(&format!("failed logins\0{what}"));
    let caller = |what: &str| -> String { named(what).chars().take(CALLER_CHARS).collect() };
    let counter = |what: &str, failures, caller| Counter {
        name: named(what),
        limit: Limit { failures, seconds: config.window_seconds },
        caller,
    };
    let account = match account {
        Account::Email(folded) => format!("email\0{folded}"),
        Account::User(id) => format!("user\0{id}"),
    };
    let Some(address) = end_user else {
        return vec![counter(&account, config.failures_per_account, String::new())];
    };
    let address = format!("address\0{}", network(address));
    vec![
        counter(&address, config.failures, caller(&account)),
        counter(&account, config.failures_per_account, caller(&address)),
    ]
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
