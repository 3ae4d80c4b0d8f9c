//! The arguments of `deploy`.

use crate::parameters::Parameter;
use clap::Args;

/// Which deployment, and how.
#[derive(Debug, Args)]
pub struct Arguments {
    /// The deployment, as samconfig.toml calls it: dev or prod.
    pub stage: String,
    /// For arm64 (Graviton). Default: `x86_64`, which CI builds and tests on, or what the bundle is for.
    #[arg(long)]
    pub arm64: bool,
    /// In a clone: take what the last build left in target/lambda.
    #[arg(long)]
    pub built: bool,
    /// Ask all that is asked first, and stop: nothing is built, nothing is changed.
    #[arg(long)]
    pub check: bool,
    /// A parameter of template.yaml, such as `AlarmEmail=ops@example.com`; may be repeated.
    #[arg(long = "parameter", value_name = "NAME=VALUE")]
    pub parameters: Vec<Parameter>,
}
