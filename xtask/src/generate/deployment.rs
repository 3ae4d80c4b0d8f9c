//! The Lambda functions of a deployment, as they follow from the registry: what each is called, what triggers it and
//! what it may do.

use super::Registry;
use crate::workspace::FRONT_DOOR;
use shared::config::Needs;
use shared::entry::MethodEntry;
use shared::method::Effect;
use shared::routes::RoutePath;
use shared::runtime::ScheduledJob;
use shared::store::Table;
use shared::store::files::Folder;
use shared::store::grants::{FileAction, Grant};
use std::collections::BTreeSet;
use switchboard::methods::FamilyEntry;

/// Memory of most functions, in MB.
pub const MEMORY: u16 = 256;
/// Memory of functions that may hash passwords: more memory brings more processor time.
const MEMORY_TO_HASH: u16 = 512;
/// The least memory with which a function has a whole processor to itself; functions that export get it.
pub const WHOLE_PROCESSOR: u16 = 1769;

/// Functions that belong together.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Group {
    /// What they have in common.
    pub title: String,
    /// The functions.
    pub functions: Vec<Function>,
}

/// One Lambda function.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Function {
    /// Its binary.
    pub binary: String,
    /// What it does, in one sentence.
    pub about: String,
    /// What triggers it.
    pub trigger: Trigger,
    /// What it may do: sorted, each once.
    pub grants: Vec<Grant>,
    /// Whether it may have to hash a password, for which memory buys speed.
    pub hashes: bool,
    /// Which secrets it gets.
    pub needs: Needs,
}

/// What triggers a function.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum Trigger {
    /// Requests that take these routes.
    Routes(Vec<RoutePath>),
    /// The schedule.
    EveryMinute,
}

impl Function {
    /// The function of a method.
    #[must_use]
    pub fn of_method(entry: &MethodEntry) -> Self {
        Self {
            binary: entry.binary(),
            about: entry.summary.to_owned(),
            trigger: Trigger::Routes(entry.routes()),
            grants: entry.grants(),
            // Grants do not distinguish a password's hash from an idempotency record, since both are put into `auth`.
            // So every method that does more than read counts, a login too.
            hashes: entry.effect != Effect::Read,
            needs: entry.needs(),
        }
    }

    fn of_front_door(family: &FamilyEntry) -> Self {
        Self {
            binary: format!("{}-{FRONT_DOOR}", family.name),
            about: "Every method of the family behind one URL.".into(),
            trigger: Trigger::Routes(family.door_routes()),
            grants: sorted(
                family.methods.iter().flat_map(MethodEntry::grants).chain(family.door_grants.iter().copied()),
            ),
            hashes: family.methods.iter().any(|entry| entry.effect == Effect::Write),
            needs: family.methods.iter().map(MethodEntry::needs).fold(Needs::NONE, Needs::and),
        }
    }

    fn of_job(job: &ScheduledJob) -> Self {
        Self {
            binary: format!("background-{}", job.name),
            about: "Finishes what requests have left undone.".into(),
            trigger: Trigger::EveryMinute,
            grants: sorted(job.grants.iter().flat_map(|grants| grants.iter().copied())),
            hashes: false,
            needs: Needs::NONE,
        }
    }

    /// The tables it uses.
    #[must_use]
    pub fn tables(&self) -> BTreeSet<Table> {
        self.grants.iter().filter_map(Grant::table).collect()
    }

    /// Whether it keeps files.
    #[must_use]
    pub fn keeps_files(&self) -> bool {
        self.grants.iter().any(Grant::is_on_files)
    }

    /// Its memory, in MB.
    #[must_use]
    pub fn memory(&self) -> u16 {
        if self.exports() {
            WHOLE_PROCESSOR
        } else if self.hashes {
            MEMORY_TO_HASH
        } else {
            MEMORY
        }
    }

    /// Whether it makes exports, which are faster with more processor time. A front door does not count: most of its
    /// calls are others.
    fn exports(&self) -> bool {
        !self.binary.ends_with(FRONT_DOOR)
            && self.grants.contains(&Grant::files(Folder::Exports, FileAction::PutObject))
    }
}

fn sorted(grants: impl Iterator<Item = Grant>) -> Vec<Grant> {
    grants.collect::<BTreeSet<_>>().into_iter().collect()
}

/// Every function of a deployment.
#[must_use]
pub fn groups(registry: &Registry) -> Vec<Group> {
    let families = registry.families.iter().flat_map(|family| {
        let methods = family.methods.iter().map(Function::of_method).collect();
        [
            Group { title: format!("Methods of {}", family.name), functions: methods },
            Group { title: format!("Front door of {}", family.name), functions: vec![Function::of_front_door(family)] },
        ]
    });
    let jobs = registry.jobs.iter().map(|job| Function::of_job(job)).collect();
    families.chain([Group { title: "Background work".into(), functions: jobs }]).collect()
}

#[cfg(test)]
mod tests {
    use super::*;

    fn function(binary: &str) -> Function {
        let groups = groups(&Registry::compiled());
        groups.into_iter().flat_map(|group| group.functions).find(|function| function.binary == binary).unwrap()
    }

    #[test]
    fn a_front_door_may_do_what_each_of_its_methods_may() {
        let registry = Registry::compiled();
        for family in &registry.families {
            let door = function(&format!("{}-front-door", family.name));
            for entry in family.methods {
                assert!(entry.grants().iter().all(|grant| door.grants.contains(grant)), "{}", entry.name);
            }
        }
    }

    #[test]
    fn a_front_door_also_answers_for_methods_that_do_not_exist() {
        let Trigger::Routes(routes) = function("stepchat-front-door").trigger else { panic!("no routes") };
        for path in ["/stepchat/no-such-method", "/include/api.php", "/blog/include/api.php"] {
            assert!(routes.iter().any(|route| route.matches(path)), "{path}");
        }
    }

    #[test]
    fn voximplants_functions_never_get_the_secret_of_stepchats_tokens() {
        let groups = groups(&Registry::compiled());
        let functions = groups.iter().flat_map(|group| &group.functions);
        for function in functions.filter(|function| !function.binary.starts_with("stepchat-")) {
            assert!(!function.needs.tokens, "{}", function.binary);
        }
        assert!(function("stepchat-front-door").needs == Needs::ALL);
        assert!(function("stepchat-count-users").needs == Needs::NONE);
    }

    #[test]
    fn every_method_and_job_is_a_function() {
        let registry = Registry::compiled();
        let expected: usize = registry.families.iter().map(|family| family.methods.len() + 1).sum();
        let functions: usize = groups(&registry).iter().map(|group| group.functions.len()).sum();
        assert_eq!(functions, expected + registry.jobs.len());
    }
}
