//! What several parts of the template call by name.

/// The resource of the API.
pub(super) const API: &str = "Api";
/// The resource of the API's log group.
pub(super) const LOGS: &str = "ApiLogs";

/// The verbs the functions understand.
pub(super) const VERBS: [(&str, &str); 2] = [("Get", "GET"), ("Post", "POST")];
