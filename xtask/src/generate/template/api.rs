//! The one HTTP API in front of all functions.

use super::resource;
use super::yaml::{Map, Yaml};
use crate::generate::deployment::Trigger;

/// The resource of the API.
pub(super) const API: &str = "Api";

/// The verbs the functions understand.
const VERBS: [(&str, &str); 2] = [("Get", "GET"), ("Post", "POST")];

pub(super) fn resources() -> Map {
    let properties = Map::new()
        .with("Name", Yaml::reference("AWS::StackName"))
        .with("Description", "StepChat and Voximplant users APIs.");
    Map::new().heading("API").with(API, resource("AWS::Serverless::HttpApi", properties))
}

/// What wakes a function, as its events.
pub(super) fn events(trigger: &Trigger) -> Map {
    match trigger {
        Trigger::Paths(paths) => paths.iter().enumerate().fold(Map::new(), routes),
        Trigger::EveryMinute => {
            let schedule = event("Schedule", Map::new().with("Schedule", "rate(1 minute)"));
            Map::new().with("EveryMinute", schedule)
        }
    }
}

/// One route per verb: `ANY` would also wake functions for what they refuse.
fn routes(events: Map, (at, path): (usize, &String)) -> Map {
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
        let events = events(&Trigger::Paths(vec!["/a".into(), "/a/{proxy+}".into()])).document();
        let expected = "\
            Get: { Type: HttpApi, Properties: { ApiId: !Ref Api, Method: GET, Path: /a } }\n\
            Post: { Type: HttpApi, Properties: { ApiId: !Ref Api, Method: POST, Path: /a } }\n\
            Get2: { Type: HttpApi, Properties: { ApiId: !Ref Api, Method: GET, Path: \"/a/{proxy+}\" } }\n\
            Post2: { Type: HttpApi, Properties: { ApiId: !Ref Api, Method: POST, Path: \"/a/{proxy+}\" } }\n";
        assert_eq!(events, expected);
    }
}
