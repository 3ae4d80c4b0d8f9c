//! The one HTTP API in front of all functions.

use super::names::{API, VERBS};
use super::parameters::{CORS, is_set};
use super::yaml::{Map, Yaml};
use super::{access_log, resource, throttling};
use crate::generate::deployment::{Group, Trigger};
use shared::routes::RoutePath;

pub(super) fn resources(groups: &[Group]) -> Map {
    let properties = Map::new()
        .with("Name", Yaml::reference("AWS::StackName"))
        .with("Description", "StepChat and Voximplant users APIs.")
        .with("DefaultRouteSettings", throttling::default())
        .with("RouteSettings", throttling::routes(groups))
        .with("AccessLogSettings", access_log::settings())
        .remark("SAM adds a path for each of the functions' events.")
        .with("DefinitionBody", definition());
    let api = Map::new().heading("API").with(API, resource("AWS::Serverless::HttpApi", properties));
    api.and(access_log::resources())
}

/// The API without its paths. It is written out so that the deployment can choose whether it has CORS: a gateway with
/// any setting of CORS answers `OPTIONS` itself and drops the functions' own CORS headers.
fn definition() -> Map {
    let info = Map::new().with("title", Yaml::reference("AWS::StackName")).with("version", "1");
    Map::new()
        .with("openapi", "3.0.1")
        .with("info", info)
        .with("paths", Map::new())
        .with("x-amazon-apigateway-cors", Yaml::only_if(&is_set(CORS), cors()))
}

fn cors() -> Map {
    Map::new()
        .with("allowOrigins", Yaml::Scalar(format!("!Split [\",\", !Ref {CORS}]")))
        .with("allowMethods", VERBS.into_iter().map(|(_, verb)| verb).collect::<Yaml>().on_one_line())
        .with("allowHeaders", Yaml::from_iter(["authorization", "content-type", "idempotency-key"]).on_one_line())
        .with("maxAge", 600)
}

/// What triggers a function, as its events.
pub(super) fn events(trigger: &Trigger) -> Map {
    match trigger {
        Trigger::Routes(listed) => listed.iter().enumerate().fold(Map::new(), routes),
        Trigger::EveryMinute => {
            let schedule = event("Schedule", Map::new().with("Schedule", "rate(1 minute)"));
            Map::new().with("EveryMinute", schedule)
        }
    }
}

/// One route per verb: `ANY` would also call functions with verbs that they refuse.
fn routes(events: Map, (at, path): (usize, &RoutePath)) -> Map {
    VERBS.into_iter().fold(events, |events, (name, verb)| {
        // The first path needs no number.
        let name = if at == 0 { name.to_owned() } else { format!("{name}{}", at + 1) };
        let route = Map::new().with("ApiId", Yaml::reference(API)).with("Method", verb).with("Path", path.as_str());
        events.with(&name, event("HttpApi", route))
    })
}

fn event(kind: &str, properties: Map) -> Yaml {
    Yaml::from(Map::new().with("Type", kind).with("Properties", properties)).on_one_line()
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn each_path_takes_get_and_post() {
        let events = events(&Trigger::Routes(vec![RoutePath::literal("/a"), RoutePath::below("/a")])).document();
        let expected = "\
            Get: { Type: HttpApi, Properties: { ApiId: !Ref Api, Method: GET, Path: /a } }\n\
            Post: { Type: HttpApi, Properties: { ApiId: !Ref Api, Method: POST, Path: /a } }\n\
            Get2: { Type: HttpApi, Properties: { ApiId: !Ref Api, Method: GET, Path: \"/a/{proxy+}\" } }\n\
            Post2: { Type: HttpApi, Properties: { ApiId: !Ref Api, Method: POST, Path: \"/a/{proxy+}\" } }\n";
        assert_eq!(events, expected);
    }
}
