//! The project's own promises: folders, lists and generated files agree, arrows run one way, one TLS stack.

#![allow(
    clippy::unwrap_used,
    clippy::expect_used,
    clippy::panic,
    clippy::indexing_slicing,
    reason = "a test that cannot go on should say so and stop"
)]

mod project {
    mod architecture;
    mod circles;
    mod dependencies;
    mod documents;
    mod inventory;
    mod new_method;
}
