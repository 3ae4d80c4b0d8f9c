//! Cargo, started by a program that cargo itself has started.

use std::env;
use std::ffi::OsStr;
use std::process::Command;

/// Starts of the variables by which cargo tells a program which package it is of.
const OF_A_PACKAGE: [&str; 5] =
    ["CARGO_BIN_", "CARGO_CRATE_NAME", "CARGO_MANIFEST_", "CARGO_PKG_", "CARGO_PRIMARY_PACKAGE"];

/// The cargo that has started this program, else the one on the path.
#[must_use]
pub fn cargo() -> Command {
    of_no_package(Command::new(env::var_os("CARGO").unwrap_or_else(|| "cargo".into())))
}

/// A command that is not told which package this program is of. The build scripts of some libraries read such variables
/// (ring's does), so cargo takes another value for a change, and builds the library and all that stands on it again.
#[must_use]
pub fn of_no_package(mut command: Command) -> Command {
    for (name, _) in env::vars_os().filter(|(name, _)| is_of_a_package(name)) {
        command.env_remove(name);
    }
    command
}

fn is_of_a_package(name: &OsStr) -> bool {
    name == "OUT_DIR" || name.to_str().is_some_and(|name| OF_A_PACKAGE.iter().any(|start| name.starts_with(start)))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn cargo_is_not_told_of_which_package_its_caller_is() {
        // Cargo has set it for this test.
        assert!(env::var_os("CARGO_PKG_NAME").is_some() && env::var_os("CARGO_MANIFEST_DIR").is_some());
        let command = cargo();
        let removed = |name: &str| command.get_envs().any(|(removed, value)| removed == name && value.is_none());
        assert!(removed("CARGO_PKG_NAME") && removed("CARGO_MANIFEST_DIR"));
        assert!(!is_of_a_package(OsStr::new("CARGO_TARGET_DIR")) && !is_of_a_package(OsStr::new("CARGO_HOME")));
        assert!(!is_of_a_package(OsStr::new("CARGO_PROFILE_DEV_DEBUG")));
    }
}
