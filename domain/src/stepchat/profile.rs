//! The fields of a profile that tables (`csv-users`, imports) and `get-users-with-details` show as texts: what each is
//! called, what it says of a user, and how a cell sets it.

use super::csv::PROFILE;
use super::{Department, Email, ImageUrl, Name, NewUser, Refusal, User, UserType};

/// A field of a profile.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub enum ProfileField {
    /// First name.
    FirstName,
    /// Last name.
    LastName,
    /// E-mail address.
    Email,
    /// Address of the picture.
    ProfileImage,
    /// Type.
    UserType,
    /// Department number.
    Department,
}

impl ProfileField {
    /// Every field.
    pub const ALL: [Self; 6] =
        [Self::FirstName, Self::LastName, Self::Email, Self::ProfileImage, Self::UserType, Self::Department];

    /// Its name in calls.
    #[must_use]
    pub const fn name(self) -> &'static str {
        match self {
            Self::FirstName => "first_name",
            Self::LastName => "last_name",
            Self::Email => "email",
            Self::ProfileImage => "profile_image",
            Self::UserType => "user_type",
            Self::Department => "department",
        }
    }

    /// Its column in `csv-users`.
    #[must_use]
    pub const fn column(self) -> &'static str {
        match self {
            Self::FirstName => "First Name",
            Self::LastName => "Last Name",
            Self::Email => "Email",
            Self::ProfileImage => "Profile Image",
            Self::UserType => "Type",
            Self::Department => "Department (profile)",
        }
    }

    /// The fields that the original's file does not have. Their columns stand behind those of the extras.
    pub fn added() -> impl Iterator<Item = Self> {
        Self::ALL.into_iter().filter(|field| !PROFILE.contains(&field.column()))
    }

    /// What it says of a user, if it says anything.
    #[must_use]
    pub fn text(self, user: &User) -> Option<String> {
        let name = |name: &Name| Some(name.as_str().to_owned()).filter(|text| !text.is_empty());
        match self {
            Self::FirstName => name(&user.first_name),
            Self::LastName => name(&user.last_name),
            Self::Email => user.email.as_ref().map(|email| email.as_str().to_owned()),
            Self::ProfileImage => user.profile_image.as_ref().map(|image| image.as_str().to_owned()),
            Self::UserType => Some(user.user_type.to_string()),
            Self::Department => user.department.map(|department| department.get().to_string()),
        }
    }

    /// Sets it to what a cell says. An empty cell leaves it out, but for names: those may be empty, and then no default
    /// replaces them.
    pub fn set(self, new: &mut NewUser, cell: &str) -> Result<(), Refusal> {
        let given = Some(cell.trim()).filter(|cell| !cell.is_empty());
        match self {
            Self::FirstName => new.first_name = Some(Name::parse(cell)?),
            Self::LastName => new.last_name = Some(Name::parse(cell)?),
            Self::Email => new.email = given.map(Email::parse).transpose()?,
            Self::ProfileImage => new.profile_image = given.map(ImageUrl::parse).transpose()?,
            Self::UserType => new.user_type = given.map(UserType::parse).transpose()?,
            Self::Department => new.department = given.map(Department::parse).transpose()?,
        }
        Ok(())
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::ids::UserId;
    use crate::timestamp::Timestamp;

    #[test]
    fn what_a_field_says_of_a_user_sets_it_again() {
        let said: [&str; ProfileField::ALL.len()] =
            ["Anna", "Schmidt", "a@example.com", "https://example.com/a.png", "agent", "7"];
        let mut new = NewUser::default();
        for (field, text) in ProfileField::ALL.into_iter().zip(said) {
            field.set(&mut new, text).unwrap();
        }
        let user =
            new.into_user(UserId::new(7).unwrap(), Timestamp::from_millis(1_000), &Name::parse("nobody").unwrap(), 1);
        let texts: Vec<_> = ProfileField::ALL.into_iter().filter_map(|field| field.text(&user)).collect();
        assert_eq!(texts, said);
    }

    #[test]
    fn an_empty_cell_empties_a_name_and_leaves_out_all_else() {
        let mut new = NewUser::default();
        for field in ProfileField::ALL {
            field.set(&mut new, "").unwrap();
        }
        let empty = Some(Name::parse("").unwrap());
        assert_eq!(new, NewUser { first_name: empty.clone(), last_name: empty, ..NewUser::default() });
    }
}
