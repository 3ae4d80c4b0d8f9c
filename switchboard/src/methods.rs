//! All methods of both families.

use shared::entry::MethodEntry;
use shared::method::Family;
use shared::routes::{FrontDoor, RoutePath};
use shared::runtime::ScheduledJob;
use shared::store::grants::Grant;

/// A family: its methods and its front door's paths.
#[derive(Clone, Copy)]
pub struct FamilyEntry {
    /// `stepchat` or `voximplant`.
    pub name: &'static str,
    /// Path prefix of its routes.
    pub root: &'static str,
    /// Where its front door is.
    pub front_doors: &'static [FrontDoor],
    /// What its front door may do besides what its methods may.
    pub door_grants: &'static [Grant],
    /// Its methods.
    pub methods: &'static [MethodEntry],
}

impl FamilyEntry {
    /// Every route of its front door, with one for all paths below its root, so that unknown methods get the family's
    /// own error instead of the gateway's.
    #[must_use]
    pub fn door_routes(&self) -> Vec<RoutePath> {
        let doors = self.front_doors.iter().flat_map(|door| door.routes());
        doors.chain([RoutePath::below(self.root)]).collect()
    }
}

/// Both families.
#[must_use]
pub fn families() -> [FamilyEntry; 2] {
    [
        family::<stepchat_front_door::Family>(stepchat_front_door::METHODS),
        family::<voximplant_front_door::Family>(voximplant_front_door::METHODS),
    ]
}

fn family<F: Family>(methods: &'static [MethodEntry]) -> FamilyEntry {
    FamilyEntry { name: F::NAME, root: F::ROOT, front_doors: F::FRONT_DOORS, door_grants: F::DOOR_GRANTS, methods }
}

/// Scheduled work.
pub static JOBS: [&ScheduledJob; 1] = [&background_jobs::JOB];
