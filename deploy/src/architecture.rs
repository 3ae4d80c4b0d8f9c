//! Processors that functions run on.

use serde::{Deserialize, Serialize};
use std::fmt;

/// The template's parameter that must agree with what was built.
pub const PARAMETER: &str = "Architecture";

/// A processor, by Lambda's name for it.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize, Deserialize)]
pub enum Architecture {
    /// Intel and AMD: what CI builds and tests on.
    #[serde(rename = "x86_64")]
    X86,
    /// Graviton.
    #[serde(rename = "arm64")]
    Arm,
}

impl Architecture {
    /// The value of [`PARAMETER`].
    #[must_use]
    pub const fn name(self) -> &'static str {
        match self {
            Self::X86 => "x86_64",
            Self::Arm => "arm64",
        }
    }

    /// The name of Rust's target for this processor.
    #[must_use]
    pub const fn target(self) -> &'static str {
        match self {
            Self::X86 => "x86_64-unknown-linux-gnu",
            Self::Arm => "aarch64-unknown-linux-gnu",
        }
    }

    /// Whether a file is an executable for this processor, according to the field `e_machine` of its ELF header.
    #[must_use]
    pub fn made(self, executable: &[u8]) -> bool {
        let machine: [u8; 2] = match self {
            Self::X86 => [0x3e, 0],
            Self::Arm => [0xb7, 0],
        };
        executable.starts_with(b"\x7fELF") && executable.get(18..20) == Some(&machine)
    }
}

impl fmt::Display for Architecture {
    fn fmt(&self, formatter: &mut fmt::Formatter<'_>) -> fmt::Result {
        formatter.write_str(self.name())
    }
}
