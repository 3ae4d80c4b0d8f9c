//! Log groups.

use super::parameters::LOG_RETENTION;
use super::secrets;
use super::yaml::{Map, Yaml};

/// A log group of this stack, under a prefix for which the key may be used.
pub(super) fn encrypted_logs(name: &str) -> Map {
    Map::new()
        .with("LogGroupName", Yaml::substituted(&format!("/${{AWS::StackName}}/{name}")))
        .with("KmsKeyId", Yaml::attribute(secrets::DATA_KEY, "Arn"))
        .with("RetentionInDays", Yaml::reference(LOG_RETENTION))
}
