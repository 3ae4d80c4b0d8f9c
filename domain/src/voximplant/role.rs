//! The roles a service-account key may hold.

use serde::{Deserialize, Serialize};
use std::fmt;

/// A role of the role system (reference/voximplant.md §3.5).
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum Role {
    /// Everything.
    Owner,
    /// Everything but the account itself.
    Admin,
    /// Applications, scenarios, queues.
    Developer,
    /// Reads users and queues.
    Supervisor,
    /// Reads.
    Support,
    /// Reads money.
    Accountant,
    /// Pays.
    Payer,
    /// Users and their money.
    UserManager,
    /// Call lists.
    CallListManager,
    /// Scenarios.
    Scenarios,
    /// Calls and SMS.
    CallsSms,
}

impl Role {
    /// All roles.
    pub const ALL: [Self; 11] = [
        Self::Owner,
        Self::Admin,
        Self::Developer,
        Self::Supervisor,
        Self::Support,
        Self::Accountant,
        Self::Payer,
        Self::UserManager,
        Self::CallListManager,
        Self::Scenarios,
        Self::CallsSms,
    ];

    /// The role's name in the documentation.
    #[must_use]
    pub const fn name(self) -> &'static str {
        match self {
            Self::Owner => "Owner",
            Self::Admin => "Admin",
            Self::Developer => "Developer",
            Self::Supervisor => "Supervisor",
            Self::Support => "Support",
            Self::Accountant => "Accountant",
            Self::Payer => "Payer",
            Self::UserManager => "User manager",
            Self::CallListManager => "Call list manager",
            Self::Scenarios => "Scenarios",
            Self::CallsSms => "CallsSMS",
        }
    }
}

impl fmt::Display for Role {
    fn fmt(&self, formatter: &mut fmt::Formatter<'_>) -> fmt::Result {
        formatter.write_str(self.name())
    }
}
