//! The columns, and which extra belongs into which (reference/stepchat.md §3.5).

use shared::stepchat::Detail;
use shared::store::stepchat::users::Stored;
use std::collections::{BTreeMap, BTreeSet};

/// What every file begins with.
const PROFILE: [&str; 7] = ["ID", "First Name", "Last Name", "Email", "Profile Image", "Type", "Creation Time"];

/// The extras that have a column of their own: its name and the slugs that mean it.
const EXTRAS: [(&str, &[&str]); 10] = [
    ("Birthdate", &["birthdate", "birthday"]),
    ("City", &["city"]),
    ("Company", &["company"]),
    ("Country", &["country"]),
    ("Facebook", &["facebook"]),
    ("Language", &["language"]),
    ("LinkedIn", &["linkedin"]),
    ("Phone", &["phone"]),
    ("Twitter", &["twitter"]),
    ("Website", &["website"]),
];

/// The columns that users have turned out to need.
#[derive(Debug, Default)]
pub struct Columns {
    /// Display names by slug, as first seen.
    custom: BTreeMap<String, String>,
}

/// One user's cells: those of the fixed columns in order, then custom ones by slug.
#[derive(Debug, PartialEq, Eq)]
pub struct Row {
    /// Profile and well-known extras.
    pub fixed: Vec<String>,
    /// Other extras: slug and value.
    pub custom: Vec<(String, String)>,
}

impl Columns {
    /// The cells of a user.
    pub fn row(&mut self, stored: &Stored, default_image: &str) -> Row {
        let user = &stored.user;
        let image = user.profile_image.as_ref().map_or(default_image, |image| image.as_str());
        let mut fixed = vec![
            user.id.to_string(),
            user.first_name.as_str().to_owned(),
            user.last_name.as_str().to_owned(),
            user.email.as_ref().map_or_else(String::new, |email| email.as_str().to_owned()),
            image.to_owned(),
            user.user_type.to_string(),
            user.creation_time.wire(),
        ];
        let placed: Vec<Option<&Detail>> = EXTRAS.iter().map(|column| chosen(column, &stored.details)).collect();
        fixed.extend(
            placed.iter().map(|detail| detail.map_or_else(String::new, |detail| detail.value.as_str().to_owned())),
        );
        let mut custom = Vec::new();
        for detail in &stored.details {
            if !placed.contains(&Some(detail)) {
                let slug = detail.slug.as_str().to_owned();
                self.custom.entry(slug.clone()).or_insert_with(|| detail.name.clone());
                custom.push((slug, detail.value.as_str().to_owned()));
            }
        }
        Row { fixed, custom }
    }

    /// The slugs of the custom columns, in order.
    pub fn slugs(&self) -> impl Iterator<Item = &str> {
        self.custom.keys().map(String::as_str)
    }

    /// The names of all columns. A name that two columns have is told apart by the slug.
    #[must_use]
    pub fn header(&self) -> Vec<String> {
        let fixed = PROFILE.into_iter().chain(EXTRAS.iter().map(|(name, _)| *name));
        let mut names: Vec<String> = fixed.map(str::to_owned).collect();
        let mut known: BTreeSet<String> = names.iter().cloned().collect();
        for (slug, name) in &self.custom {
            let name = if known.insert(name.clone()) { name.clone() } else { format!("{name} ({slug})") };
            names.push(name);
        }
        names
    }
}

/// The extra that belongs into a column: the one with a slug that means it, else the one with its display name.
fn chosen<'a>((name, slugs): &(&str, &[&str]), details: &'a [Detail]) -> Option<&'a Detail> {
    let by_slug = |slug: &&str| details.iter().find(|detail| detail.slug.as_str() == *slug);
    let by_name = || details.iter().find(|detail| detail.name.eq_ignore_ascii_case(name));
    slugs.iter().find_map(by_slug).or_else(by_name)
}
