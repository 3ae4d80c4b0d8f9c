//! How much the API lets through: a limit for every route, and a lower one for login and transfers, where guessing
//! pays.
//!
//! A family's front door carries all of its methods, so the lower limit holds only on a method's own route. The lockout
//! of `login` holds on both routes.

use super::care;
use super::names::VERBS;
use super::parameters::{BURST, RATE, SENSITIVE_BURST, SENSITIVE_RATE};
use super::yaml::{Map, Yaml};
use crate::generate::deployment::{Group, Trigger};

/// The limit of every route that has none of its own.
pub(super) fn default() -> Map {
    limit(RATE, BURST)
}

/// The routes with a limit of their own.
pub(super) fn routes(groups: &[Group]) -> Map {
    let functions = groups.iter().flat_map(|group| &group.functions).filter(|function| care::is_sensitive(function));
    let paths = functions.flat_map(|function| match &function.trigger {
        Trigger::Routes(routes) => routes.as_slice(),
        Trigger::EveryMinute => &[],
    });
    let routes = paths.flat_map(|path| VERBS.into_iter().map(move |(_, verb)| format!("{verb} {path}")));
    routes.fold(Map::new(), |routes, route| {
        routes.with(&route, Yaml::from(limit(SENSITIVE_RATE, SENSITIVE_BURST)).on_one_line())
    })
}

fn limit(rate: &str, burst: &str) -> Map {
    Map::new().with("ThrottlingRateLimit", Yaml::reference(rate)).with("ThrottlingBurstLimit", Yaml::reference(burst))
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::generate::{Registry, deployment};

    #[test]
    fn transfers_have_a_limit_of_their_own_on_each_of_their_routes() {
        let text = routes(&deployment::groups(&Registry::compiled())).document();
        for verb in ["GET", "POST"] {
            for path in ["TransferMoneyToUser", "TransferMoneyToUser/{proxy+}"] {
                assert!(text.contains(&format!("\"{verb} /platform_api/{path}\":")), "{text}");
            }
        }
        assert!(!text.contains("GetUsers"), "{text}");
    }
}
