//! The documents, as web pages with a search, at `/docs/` of `switchboard serve`, which works offline. They are the
//! files of `docs/`, rendered on request.

use crate::assets::{self, Asset, HTML, STYLE, SVG, asset};
use axum::Router;
use axum::extract::{Path, Query};
use axum::response::{IntoResponse, Redirect, Response};
use axum::routing::get;
use http::StatusCode;
use http::header::CONTENT_TYPE;
use include_dir::{Dir, include_dir};
use pulldown_cmark::{CowStr, Event, HeadingLevel, Options, Parser, Tag, TagEnd, html};
use serde::Deserialize;
use shared::text::fold;
use std::cmp::Reverse;
use std::fmt::Write as _;

static FOLDER: Dir<'_> = include_dir!("$CARGO_MANIFEST_DIR/../docs");

/// Pages outside `docs/` that its pages link to: the path in the repository, the name in addresses, the text.
const OUTSIDE_PAGES: [(&str, &str, &str); 5] = [
    ("README.md", "readme", include_str!("../../README.md")),
    ("README.ru.md", "readme.ru", include_str!("../../README.ru.md")),
    ("CONTRIBUTING.md", "contributing", include_str!("../../CONTRIBUTING.md")),
    ("CHANGELOG.md", "changelog", include_str!("../../CHANGELOG.md")),
    ("SECURITY.md", "security", include_str!("../../SECURITY.md")),
];

/// The HTML around every page.
const FRAME: &str = include_str!("../assets/handbook.html");
const STYLES: Asset = asset!("handbook.css", STYLE, text "../assets/handbook.css");
const ICON: Asset = asset!("icon.svg", SVG, text "../assets/icon.svg");

/// Pages may load only files of this server, and no script.
const POLICY: &str = "default-src 'none'; style-src 'self'; img-src 'self'; base-uri 'none'; form-action 'self'; \
                      frame-ancestors 'none'";

/// The most sections that a search shows.
const MOST_FOUND: usize = 50;

/// A document.
struct Page {
    /// Its name in addresses: `people`, `adr/0013-search-entries`.
    name: String,
    /// Its path in the repository.
    path: String,
    text: &'static str,
}

/// Every document, the index first.
fn pages() -> Vec<Page> {
    let mut pages = Vec::new();
    collect(&FOLDER, &mut pages);
    pages.sort_by(|left, right| left.name.cmp(&right.name));
    let beside =
        OUTSIDE_PAGES.iter().map(|(path, name, text)| Page { name: (*name).into(), path: (*path).into(), text });
    pages.extend(beside);
    pages
}

fn collect(folder: &Dir<'static>, pages: &mut Vec<Page>) {
    for file in folder.files() {
        let path = file.path().to_string_lossy();
        if let (Some(name), Some(text)) = (path.strip_suffix(".md"), file.contents_utf8()) {
            // The index of a folder has the folder's own address.
            let name = name.strip_suffix("README").unwrap_or(name).to_owned();
            pages.push(Page { name, path: format!("docs/{path}"), text });
        }
    }
    for folder in folder.dirs() {
        collect(folder, pages);
    }
}

/// The pages and what they load.
pub fn routes() -> Router {
    let styles = |asset: Asset| get(move |headers| std::future::ready(asset.response(&headers)));
    let routes = Router::new()
        .route("/docs", get(|| async { Redirect::permanent("/docs/") }))
        .route("/docs/", get(|Query(search): Query<Search>| async move { front(&search.q) }))
        .route("/docs/handbook.css", styles(STYLES))
        .route("/docs/icon.svg", styles(ICON))
        .route("/docs/{*path}", get(|Path(path): Path<String>| async move { answer(&path) }));
    assets::guarded(routes, POLICY)
}

#[derive(Debug, Default, Deserialize)]
struct Search {
    #[serde(default)]
    q: String,
}

fn front(words: &str) -> Response {
    if words.trim().is_empty() { answer("") } else { framed(words, "Search", &found(words)) }
}

fn answer(path: &str) -> Response {
    let name = path.strip_suffix(".md").unwrap_or(path);
    if let Some(page) = pages().into_iter().find(|page| page.name == name || page.name == format!("{name}/")) {
        let (title, body) = rendered(&page);
        return framed("", &title, &body);
    }
    match FOLDER.get_file(path) {
        Some(file) if file.path().extension().is_some_and(|kind| kind == "png") => {
            ([(CONTENT_TYPE, "image/png")], file.contents()).into_response()
        }
        _ => {
            let body = "<h1>No such page</h1><p><a href=\"/docs/\">All documents</a></p>";
            (StatusCode::NOT_FOUND, framed("", "No such page", body)).into_response()
        }
    }
}

fn framed(words: &str, title: &str, body: &str) -> Response {
    let page = FRAME.replace("{title}", &escaped(title)).replace("{words}", &escaped(words)).replace("{body}", body);
    ([(CONTENT_TYPE, HTML)], page).into_response()
}

fn escaped(text: &str) -> String {
    text.replace('&', "&amp;").replace('<', "&lt;").replace('>', "&gt;").replace('"', "&quot;")
}

/// A document's title, and the document as HTML.
fn rendered(page: &Page) -> (String, String) {
    let mut events: Vec<Event<'_>> =
        parser(page.text).filter(|event| !matches!(event, Event::Html(_) | Event::InlineHtml(_))).collect();
    let mut title = None;
    for at in 0..events.len() {
        let heading = match events.get(at) {
            Some(Event::Start(Tag::Heading { .. })) => words_of(events.get(at..).unwrap_or_default()),
            _ => continue,
        };
        if let Some(Event::Start(Tag::Heading { id, .. })) = events.get_mut(at) {
            *id = Some(anchor(&heading).into());
        }
        title.get_or_insert(heading);
    }
    let events = events.into_iter().map(|event| match event {
        Event::Start(Tag::Link { link_type, dest_url, title, id }) => {
            Event::Start(Tag::Link { link_type, dest_url: target(&page.path, &dest_url), title, id })
        }
        Event::Start(Tag::Image { link_type, dest_url, title, id }) => {
            Event::Start(Tag::Image { link_type, dest_url: target(&page.path, &dest_url), title, id })
        }
        other => other,
    });
    let mut body = String::new();
    html::push_html(&mut body, events);
    // Wide tables and blocks of code scroll on their own, also by keyboard.
    let body =
        body.replace("<table>", "<div class=\"wide\" tabindex=\"0\" role=\"region\" aria-label=\"Table\"><table>");
    let body = body.replace("</table>", "</table></div>").replace("<pre>", "<pre tabindex=\"0\">");
    (title.unwrap_or_else(|| page.name.clone()), body)
}

fn parser(text: &str) -> Parser<'_> {
    Parser::new_ext(text, Options::ENABLE_TABLES)
}

/// The text of a heading; the first event is the heading's start.
fn words_of(events: &[Event<'_>]) -> String {
    let inside = events.iter().take_while(|event| !matches!(event, Event::End(TagEnd::Heading(_))));
    let texts = inside.filter_map(|event| match event {
        Event::Text(text) | Event::Code(text) => Some(text.as_ref()),
        _ => None,
    });
    texts.collect()
}

/// A heading's anchor, as links in the documents write it.
fn anchor(heading: &str) -> String {
    let kept = heading.chars().filter(|letter| letter.is_alphanumeric() || matches!(letter, ' ' | '-' | '_'));
    kept.collect::<String>().to_lowercase().replace(' ', "-")
}

/// Where a link of the page at `path` leads: to a page here, to the reference page for `docs/openapi`, or to the README
/// for any other file of the repository.
fn target<'a>(path: &str, link: &CowStr<'a>) -> CowStr<'a> {
    if link.contains("://") || link.starts_with('#') || link.starts_with("mailto:") {
        return link.clone();
    }
    let (file, anchor) =
        link.split_once('#').map_or((link.as_ref(), String::new()), |(file, anchor)| (file, format!("#{anchor}")));
    let path = resolved(path, file);
    if let Some(page) = pages().iter().find(|page| page.path == path || page.path == format!("{path}README.md")) {
        return format!("/docs/{}{anchor}", page.name).into();
    }
    match path.strip_prefix("docs/") {
        Some(openapi) if openapi.starts_with("openapi") => "/#".into(),
        Some(file) => format!("/docs/{file}").into(),
        None => "/docs/readme".into(),
    }
}

/// The path in the repository of a file that a page names by a relative path.
fn resolved(page: &str, file: &str) -> String {
    let mut parts: Vec<&str> = page.split('/').collect();
    parts.pop();
    for part in file.split('/') {
        match part {
            "." => {}
            ".." => drop(parts.pop()),
            part => parts.push(part),
        }
    }
    parts.join("/")
}

/// A part of a document below one heading.
struct Section {
    heading: String,
    text: String,
}

fn sections(text: &str) -> Vec<Section> {
    let mut sections: Vec<Section> = Vec::new();
    let mut in_heading = false;
    for event in parser(text) {
        match event {
            Event::Start(Tag::Heading { level: HeadingLevel::H1 | HeadingLevel::H2 | HeadingLevel::H3, .. }) => {
                in_heading = true;
                sections.push(Section { heading: String::new(), text: String::new() });
            }
            Event::End(TagEnd::Heading(_)) => in_heading = false,
            Event::Text(words) | Event::Code(words) => {
                if let Some(section) = sections.last_mut() {
                    let place = if in_heading { &mut section.heading } else { &mut section.text };
                    place.push_str(&words);
                }
            }
            // A blank separates the texts of cells, lines and blocks.
            Event::SoftBreak | Event::HardBreak | Event::End(_) => {
                if let Some(section) = sections.last_mut().filter(|_| !in_heading) {
                    section.text.push(' ');
                }
            }
            _ => {}
        }
    }
    sections
}

/// The sections that have all words, as HTML. Pages that tell how to do something come before those that tell why; then
/// come sections with more of the words, as whole words, in their heading, then in their text.
fn found(words: &str) -> String {
    let wanted = words_of_text(words);
    let parts = |text: &str| wanted.iter().filter(|word| fold(text).contains(*word)).count();
    let whole = |text: &str| {
        let there = words_of_text(text);
        wanted.iter().filter(|word| there.contains(word)).count()
    };
    let mut hits = Vec::new();
    // The index lists the pages that tell how to do something before its part "To look up".
    let index = FOLDER.get_file("README.md").and_then(|file| file.contents_utf8()).unwrap_or_default();
    for page in pages() {
        let place = index.find(&format!("]({}.md", page.name)).unwrap_or(usize::MAX);
        let tells_how = index.find("| To look up").is_some_and(|rest| place < rest);
        for section in sections(page.text) {
            if parts(&format!("{} {}", section.heading, section.text)) == wanted.len() {
                let (heading, text) = (whole(&section.heading), whole(&section.text));
                hits.push(((!tells_how, Reverse(heading), Reverse(text), place), page.name.clone(), section));
            }
        }
    }
    hits.sort_by_key(|(order, ..)| *order);
    let mut body = format!("<h1>{} for “{}”</h1><ul class=\"found\">", told(hits.len()), escaped(words));
    for (_, name, section) in hits.iter().take(MOST_FOUND) {
        let _ = write!(
            body,
            "<li><a href=\"/docs/{name}#{}\">{}</a> <small>{name}</small><br>{}</li>",
            anchor(&section.heading),
            escaped(&section.heading),
            escaped(&around(&section.text, &wanted))
        );
    }
    body.push_str("</ul><p><a href=\"/docs/\">All documents</a></p>");
    body
}

/// The words of a text as they are compared: split at everything that is neither a letter nor a digit.
fn words_of_text(text: &str) -> Vec<String> {
    let text = fold(text);
    text.split(|letter: char| !letter.is_alphanumeric()).filter(|word| !word.is_empty()).map(str::to_owned).collect()
}

fn told(count: usize) -> String {
    match count {
        0 => "Nothing found".into(),
        1 => "One section".into(),
        count => format!("{count} sections"),
    }
}

/// Some words of the text, around the first that is searched for.
fn around(text: &str, wanted: &[String]) -> String {
    let words: Vec<&str> = text.split_whitespace().collect();
    let first = words.iter().position(|word| wanted.iter().any(|wanted| fold(word).contains(wanted))).unwrap_or(0);
    let from = first.saturating_sub(8);
    let shown: Vec<&str> = words.iter().skip(from).take(28).copied().collect();
    let (before, after) = (if from > 0 { "… " } else { "" }, if from + 28 < words.len() { " …" } else { "" });
    format!("{before}{}{after}", shown.join(" "))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn every_page_is_reached_in_two_steps_from_the_index() {
        let pages = pages();
        let links = |page: &Page| -> Vec<String> {
            let links = parser(page.text).filter_map(|event| match event {
                Event::Start(Tag::Link { dest_url, .. }) => Some(target(&page.path, &dest_url)),
                _ => None,
            });
            links.filter_map(|link| Some(link.strip_prefix("/docs/")?.split('#').next()?.to_owned())).collect()
        };
        let index = pages.iter().find(|page| page.name.is_empty()).unwrap();
        let first = links(index);
        let near = pages.iter().filter(|page| first.contains(&page.name));
        let reached: Vec<String> = first.iter().cloned().chain(near.flat_map(links)).collect();
        for page in pages.iter().filter(|page| !page.name.is_empty()) {
            assert!(reached.contains(&page.name), "no way leads to {}", page.path);
        }
    }

    #[test]
    fn links_between_documents_lead_to_headings_that_are_there() {
        let pages = pages();
        for page in &pages {
            for event in parser(page.text) {
                let Event::Start(Tag::Link { dest_url, .. }) = event else { continue };
                let link = target(
                    &page.path,
                    &if dest_url.starts_with('#') {
                        format!("{}{dest_url}", page.path.rsplit('/').next().unwrap()).into()
                    } else {
                        dest_url.clone()
                    },
                );
                let Some((name, wanted)) = link.strip_prefix("/docs/").and_then(|link| link.split_once('#')) else {
                    continue;
                };
                let there = pages.iter().find(|page| page.name == name).unwrap();
                let events: Vec<Event<'_>> = parser(there.text).collect();
                let starts = (0..events.len()).filter(|at| matches!(events[*at], Event::Start(Tag::Heading { .. })));
                let anchors: Vec<String> = starts.map(|at| anchor(&words_of(&events[at..]))).collect();
                assert!(anchors.iter().any(|anchor| anchor == wanted), "{}: {dest_url}: {anchors:?}", page.path);
            }
        }
    }

    #[test]
    fn a_search_finds_sections_with_all_words_whatever_their_case() {
        let body = found("ROTATE token");
        assert!(!body.contains("<script"), "{body}");
        assert!(found("idempotency KEY").contains("/docs/money#when-no-answer-comes"), "{}", found("idempotency KEY"));
        assert!(found("<b>qqqq</b>").contains("Nothing found for “&lt;b&gt;qqqq&lt;/b&gt;”"));
    }

    #[test]
    fn a_page_is_html_without_anything_of_the_document_that_is_html() {
        let page = Page {
            name: "x".into(),
            path: "docs/x.md".into(),
            text: "# A `b` c\n\n<script>1</script>\n\n[p](people.md#add)\n",
        };
        let (title, body) = rendered(&page);
        assert_eq!(title, "A b c");
        assert!(body.contains("<h1 id=\"a-b-c\">") && body.contains("href=\"/docs/people#add\""), "{body}");
        assert!(!body.contains("script"), "{body}");
    }
}
