//! The paths that callers use: each is a route of the deployment, and the local server takes them all alike.

use shared::routes::RoutePath;
use switchboard::methods::families;
use tests::App;

/// Where installations of the original have the file that callers post to (decision E14).
const SCRIPTS: [&str; 5] = [
    "/include/api.php",
    "/script/include/api.php",
    "/support/board/include/api.php",
    "/wp-content/plugins/supportboard/supportboard/include/api.php",
    "/blog/wp-content/plugins/supportboard/supportboard/include/api.php",
];

fn has_route(path: &str) -> bool {
    let doors = families().into_iter().flat_map(|family| family.door_routes());
    let methods = families().into_iter().flat_map(|family| family.methods).flat_map(shared::entry::MethodEntry::routes);
    doors.chain(methods).any(|route| route.matches(path))
}

#[tokio::test]
async fn the_script_answers_in_whatever_folder_callers_know_it() {
    let app = App::new().await;
    let form = format!("function=count-users&token={}", app.token);
    let first = app.post(SCRIPTS[0], form.clone()).await;
    assert_eq!(first.json()["success"], true, "{}", first.text);
    for path in SCRIPTS {
        assert_eq!(app.post(path, form.clone()).await.text, first.text, "{path}");
        assert!(has_route(path), "{path} has no route on AWS");
    }
}

#[tokio::test]
async fn a_slash_behind_a_methods_name_changes_nothing_and_more_names_no_method() {
    let app = App::new().await;
    let call = async |path: &str| app.post(path, format!("account_id=1&api_key={}", app.api_key)).await.text;
    let expected = call("/platform_api/GetApplications").await;
    assert!(expected.contains("\"total_count\":1"), "{expected}");
    assert_eq!(call("/platform_api/GetApplications/").await, expected);
    let unknown = call("/platform_api/NoSuchMethod").await;
    for path in ["/platform_api/GetApplications/x", "/platform_api/GetApplications/GetApplications"] {
        assert_eq!(call(path).await, unknown, "{path}");
    }
    assert!(unknown.contains("\"code\":103"), "{unknown}");
}

#[tokio::test]
async fn a_base_path_may_stand_before_a_route_locally() {
    let app = App::new().await;
    let call = async |path: &str| app.post(path, format!("token={}", app.token)).await;
    let expected = call("/stepchat/count-users").await.text;
    for path in ["/prod/stepchat/count-users", "/a/b/stepchat/count-users/"] {
        assert_eq!(call(path).await.text, expected, "{path}");
    }
    for path in ["/", "/count-users", "/include/api.php/x", "/stepchatter/count-users"] {
        assert_eq!(call(path).await.status, 404, "{path}");
    }
}

#[test]
fn no_route_ends_in_a_slash_and_none_is_declared_twice() {
    let doors = families().into_iter().flat_map(|family| family.door_routes());
    let methods = families().into_iter().flat_map(|family| family.methods).flat_map(shared::entry::MethodEntry::routes);
    let mut routes: Vec<RoutePath> = doors.chain(methods).collect();
    assert!(routes.iter().all(|route| !route.as_str().ends_with('/')), "{routes:?}");
    let count = routes.len();
    routes.sort_by(|one, other| one.as_str().cmp(other.as_str()));
    routes.dedup();
    assert_eq!(routes.len(), count);
}
