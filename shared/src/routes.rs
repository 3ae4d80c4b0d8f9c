//! The paths of a deployment, in API Gateway's notation. The template, the routes of `cargo lambda watch` and the local
//! server's router are all made from the paths that the methods and the front doors declare here.

use std::fmt;

/// What API Gateway calls the rest of a path, slashes included; it may be empty.
pub const REST_OF_PATH: &str = "{proxy+}";

/// How many folders may come before a script. The original's plugin for `WordPress` is four deep
/// (`/wp-content/plugins/supportboard/supportboard/include/api.php`, decision E14); `WordPress` itself may be two deep.
pub const MOST_FOLDERS: usize = 6;

/// One path at which a family takes every method.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct FrontDoor {
    path: &'static str,
    most_folders: usize,
}

impl FrontDoor {
    /// Exactly this path.
    #[must_use]
    pub const fn at(path: &'static str) -> Self {
        Self { path, most_folders: 0 }
    }

    /// The path of a script that callers may know in a folder of their own: up to [`MOST_FOLDERS`] may come before it.
    #[must_use]
    pub const fn in_any_folder(path: &'static str) -> Self {
        Self { path, most_folders: MOST_FOLDERS }
    }

    /// The path without any folder before it.
    #[must_use]
    pub const fn path(self) -> &'static str {
        self.path
    }

    /// Its routes, one for each number of folders: a variable of the gateway stands for one segment and no more.
    pub fn routes(self) -> impl Iterator<Item = RoutePath> {
        (0..=self.most_folders).map(move |folders| {
            let before = (1..=folders).fold(String::new(), |path, folder| format!("{path}/{{folder{folder}}}"));
            RoutePath(format!("{before}{}", self.path))
        })
    }
}

impl fmt::Display for FrontDoor {
    fn fmt(&self, formatter: &mut fmt::Formatter<'_>) -> fmt::Result {
        formatter.write_str(self.path)
    }
}

/// A path of a route: `{name}` stands for one segment, `{proxy+}` for all that follows.
#[derive(Debug, Clone, PartialEq, Eq, Hash)]
pub struct RoutePath(String);

/// How exact a segment of a route is. Where two routes match a path, the kind listed first here wins.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord)]
pub enum Exactness {
    /// Exactly this text.
    Literal,
    /// One segment, whatever it is.
    Variable,
    /// Everything from here on.
    Rest,
}

impl RoutePath {
    /// A path without variables.
    #[must_use]
    pub fn literal(path: impl Into<String>) -> Self {
        Self(path.into())
    }

    /// Everything below a path, including the path itself with a slash at the end. A route whose key ends in a slash
    /// cannot be made: SAM drops it silently, and the gateway refuses it.
    #[must_use]
    pub fn below(path: &str) -> Self {
        Self(format!("{path}/{REST_OF_PATH}"))
    }

    /// As the gateway spells it.
    #[must_use]
    pub fn as_str(&self) -> &str {
        &self.0
    }

    /// Whether this route matches a request's path, if no route is more exact.
    #[must_use]
    pub fn matches(&self, path: &str) -> bool {
        let mut segments = path.split('/');
        for wanted in self.0.split('/') {
            match (exactness(wanted), segments.next()) {
                (Exactness::Rest, Some(_)) => return true,
                (Exactness::Variable, Some(segment)) if !segment.is_empty() => {}
                (Exactness::Literal, Some(segment)) if segment == wanted => {}
                _ => return false,
            }
        }
        segments.next().is_none()
    }

    /// A sort key: the first route in its order that matches a path is the most exact one.
    #[must_use]
    pub fn precedence(&self) -> Vec<Exactness> {
        self.0.split('/').map(exactness).collect()
    }
}

impl fmt::Display for RoutePath {
    fn fmt(&self, formatter: &mut fmt::Formatter<'_>) -> fmt::Result {
        formatter.write_str(&self.0)
    }
}

fn exactness(segment: &str) -> Exactness {
    match segment {
        REST_OF_PATH => Exactness::Rest,
        name if name.starts_with('{') => Exactness::Variable,
        _ => Exactness::Literal,
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_script_is_found_below_six_folders_and_no_seventh() {
        let routes: Vec<RoutePath> = FrontDoor::in_any_folder("/include/api.php").routes().collect();
        let found = |path: &str| routes.iter().filter(|route| route.matches(path)).count();
        assert_eq!(routes[2].as_str(), "/{folder1}/{folder2}/include/api.php");
        for before in ["", "/script", "/wp-content/plugins/supportboard/supportboard", "/1/2/3/4/5/6"] {
            assert_eq!(found(&format!("{before}/include/api.php")), 1, "{before}");
        }
        for other in ["/1/2/3/4/5/6/7/include/api.php", "/include/api.php/", "//include/api.php", "/include", ""] {
            assert_eq!(found(other), 0, "{other}");
        }
    }

    #[test]
    fn the_rest_of_a_path_may_be_empty_but_not_missing() {
        let below = RoutePath::below("/platform_api/AddUser");
        for path in ["/platform_api/AddUser/", "/platform_api/AddUser/x", "/platform_api/AddUser/x/y/"] {
            assert!(below.matches(path), "{path}");
        }
        assert!(!below.matches("/platform_api/AddUser") && !below.matches("/platform_api/AddUsers/"));
    }

    #[test]
    fn the_more_exact_route_comes_first() {
        let mut routes: Vec<RoutePath> = FrontDoor::in_any_folder("/include/api.php").routes().take(2).collect();
        routes.insert(0, RoutePath::below("/platform_api"));
        routes.insert(0, RoutePath::below("/platform_api/AddUser"));
        routes.sort_by_key(RoutePath::precedence);
        let first = |path: &str| routes.iter().find(|route| route.matches(path)).map(RoutePath::as_str);
        assert_eq!(first("/platform_api/AddUser/"), Some("/platform_api/AddUser/{proxy+}"));
        assert_eq!(first("/platform_api/include/api.php"), Some("/platform_api/{proxy+}"));
        assert_eq!(first("/script/include/api.php"), Some("/{folder1}/include/api.php"));
    }
}
