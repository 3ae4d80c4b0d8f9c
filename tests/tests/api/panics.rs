//! A defect of ours still answers in the family's shape, once logged, with nothing of the request in it.

use bytes::Bytes;
use http::Request;
use schemars::JsonSchema;
use serde::Deserialize;
use shared::context::Ctx;
use shared::families;
use shared::method::{Effect, Family, Method};
use shared::runtime;
use shared::store::grants::Grants;
use std::sync::Arc;
use tests::App;

/// A method that panics with what it was given.
struct Panics<F>(std::marker::PhantomData<F>);

#[derive(Deserialize, JsonSchema)]
struct Anything {
    secret: shared::wire::stepchat::Text,
}

macro_rules! panics {
    ($family:ty, $access:expr) => {
        impl Method for Panics<$family> {
            type Family = $family;
            const NAME: &'static str = "panics";
            const SUMMARY: &'static str = "Panics.";
            const ACCESS: <$family as Family>::Access = $access;
            const EFFECT: Effect = Effect::Read;
            const GRANTS: Grants = &[];
            type Caller = <$family as Family>::Caller;
            type Request = Anything;
            type Response = bool;

            async fn call(
                _: &Ctx,
                _: &<$family as Family>::Caller,
                request: Anything,
            ) -> Result<bool, <$family as Family>::Error> {
                panic!("{}", request.secret.as_str())
            }
        }
    };
}

panics!(families::stepchat::Stepchat, families::stepchat::Access::Admin);
panics!(families::voximplant::Voximplant, families::voximplant::Access::Any);

#[tokio::test]
async fn a_panic_is_answered_in_the_familys_shape_and_logged_without_its_message() {
    let app = App::new().await;
    let request = |bearer: &str| {
        let request = Request::post("/x?secret=canary4711").header("authorization", format!("Bearer {bearer}"));
        request.body(Bytes::new()).unwrap()
    };
    let reply =
        runtime::answer::<Panics<families::stepchat::Stepchat>>(Arc::clone(&app.app), request(&app.token)).await;
    assert_eq!(
        (reply.status.as_u16(), reply.body.as_str()),
        (200, r#"{"success":false,"status":"error","response":"internal-error","message":"Internal error."}"#)
    );
    let bearer = app.bearer(&app.key);
    let reply =
        runtime::answer::<Panics<families::voximplant::Voximplant>>(Arc::clone(&app.app), request(&bearer)).await;
    assert_eq!(
        (reply.status.as_u16(), reply.body.as_str()),
        (200, r#"{"error":{"msg":"Internal error.","code":2},"errors":[{"msg":"Internal error.","code":2}]}"#)
    );
    let lines = app.log();
    let panics: Vec<&String> = lines.iter().filter(|line| line.contains("\"cause\":\"panic\"")).collect();
    assert_eq!(panics.len(), 2);
    assert!(!lines.join("").contains("canary4711"));
}
