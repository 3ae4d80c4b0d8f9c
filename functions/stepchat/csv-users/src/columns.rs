//! Which extra belongs in which column. After the original's columns come columns for other extras, and for what else
//! an import needs to make the same users again.

use shared::stepchat::csv::{EXTRAS, ExtraColumn, LAST_ACTIVITY, PROFILE, says_all};
use shared::stepchat::{Detail, ProfileField, Slug};
use shared::store::stepchat::users::Stored;
use std::collections::{BTreeSet, HashMap};

/// The most columns of one slug. If its extras have more different names, the others go into the first column.
const MAX_NAMES: usize = 8;

/// A column after the fixed ones.
#[derive(Debug, Clone, PartialEq, Eq, PartialOrd, Ord, Hash)]
enum Custom {
    Extra(ExtraColumn),
    Profile(ProfileField),
    LastActivity,
}

/// The columns that the users so far need, numbered in the order in which they were first needed.
#[derive(Debug, Default)]
pub struct Columns {
    custom: Vec<Custom>,
    numbers: HashMap<Custom, usize>,
    /// The columns of each slug.
    of_slug: HashMap<Slug, Vec<usize>>,
}

/// One user's cells: those of the fixed columns in order, then others by the number of their column.
#[derive(Debug, PartialEq, Eq)]
pub struct Row {
    /// Profile and well-known extras.
    pub fixed: Vec<String>,
    /// Other cells: the number of the column, and the value.
    pub custom: Vec<(usize, String)>,
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
            let shown = EXTRAS.iter().zip(&placed).find(|(_, placed)| **placed == Some(detail));
            let shown = shown.map(|((name, _), _)| *name);
            if !shown.is_some_and(|column| says_all(column, detail)) {
                let column = self.of_extra(detail, shown);
                custom.push((column, detail.value.as_str().to_owned()));
            }
        }
        let added = ProfileField::added().filter_map(|field| Some((field, field.text(user)?)));
        custom.extend(added.map(|(field, text)| (self.number(Custom::Profile(field)), text)));
        if user.last_activity.wire() != user.creation_time.wire() {
            custom.push((self.number(Custom::LastActivity), user.last_activity.wire()));
        }
        Row { fixed, custom }
    }

    /// The column of an extra. An extra that a fixed column shows under another slug or name has its own column too.
    fn of_extra(&mut self, detail: &Detail, shown_in: Option<&'static str>) -> usize {
        let column = ExtraColumn { slug: detail.slug.clone(), name: detail.name.clone(), shown_in };
        let column = Custom::Extra(column);
        let alike = self.of_slug.get(&detail.slug).map(Vec::as_slice).unwrap_or_default();
        match alike.first() {
            Some(first) if alike.len() >= MAX_NAMES && !self.numbers.contains_key(&column) => *first,
            _ => self.number(column),
        }
    }

    fn number(&mut self, column: Custom) -> usize {
        if let Some(number) = self.numbers.get(&column) {
            return *number;
        }
        let number = self.custom.len();
        if let Custom::Extra(extra) = &column {
            self.of_slug.entry(extra.slug.clone()).or_default().push(number);
        }
        self.numbers.insert(column.clone(), number);
        self.custom.push(column);
        number
    }

    /// The numbers of the columns after the fixed ones in the order of the file, by slug; and the names of all columns.
    /// The slug is appended to a name that two columns have, or that would be read as another slug.
    #[must_use]
    pub fn in_order(&self) -> (Vec<usize>, Vec<String>) {
        let mut numbered: Vec<(&Custom, usize)> = self.custom.iter().zip(0..).collect();
        numbered.sort_unstable();
        let fixed = PROFILE.into_iter().chain(EXTRAS.iter().map(|(name, _)| *name));
        let mut names: Vec<String> = fixed.map(str::to_owned).collect();
        let mut known: BTreeSet<String> = names.iter().cloned().collect();
        known.extend(ProfileField::added().map(ProfileField::column).chain([LAST_ACTIVITY]).map(str::to_owned));
        for (column, _) in &numbered {
            names.push(match column {
                Custom::Profile(field) => field.column().to_owned(),
                Custom::LastActivity => LAST_ACTIVITY.to_owned(),
                Custom::Extra(extra) if extra.is_plain() && known.insert(extra.name.clone()) => extra.name.clone(),
                Custom::Extra(extra) => extra.to_string(),
            });
        }
        (numbered.into_iter().map(|(_, number)| number).collect(), names)
    }
}

/// The extra for a fixed column: the one with one of the column's slugs, otherwise the one with its display name.
fn chosen<'a>((name, slugs): &(&str, &[&str]), details: &'a [Detail]) -> Option<&'a Detail> {
    let by_slug = |slug: &&str| details.iter().find(|detail| detail.slug.as_str() == *slug);
    let by_name = || details.iter().find(|detail| detail.name.eq_ignore_ascii_case(name));
    slugs.iter().find_map(by_slug).or_else(by_name)
}
