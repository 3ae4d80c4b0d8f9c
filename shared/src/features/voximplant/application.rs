//! How requests name applications.

use crate::ids::{AccountId, ApplicationId};
use crate::store::grants::{Action, Grant};
use crate::store::voximplant::users::Place;
use crate::store::voximplant::{accounts, applications};
use crate::store::{Store, Table};
use crate::text::Part;
use crate::voximplant::{ApplicationName, Parameter, Refusal};
use crate::wire::voximplant::{Error, Ids, Text};
use futures_util::try_join;

const INVALID_ID: Refusal = Refusal::Invalid(Parameter("application_id"));

/// The one application a request is about.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum ApplicationRef {
    /// By id.
    Id(ApplicationId),
    /// By short or full name.
    Name(String),
}

/// Reads the pair `application_id` / `application_name`, of which at most one may be given (code 458).
pub fn one_application(id: Option<Ids>, name: Option<Text>) -> Result<Option<ApplicationRef>, Refusal> {
    match (id.and_then(|id| id.0), name) {
        (Some(_), Some(_)) => Err(Refusal::OnlyOneOf("application_id, application_name")),
        (Some(id), None) => Ok(Some(ApplicationRef::Id(ApplicationId::new(id).ok_or(INVALID_ID)?))),
        (None, Some(name)) => Ok(Some(ApplicationRef::Name(name.0))),
        (None, None) => Ok(None),
    }
}

impl ApplicationRef {
    /// What [`ApplicationRef::resolve`] needs.
    pub const RESOLVE: &'static [Grant] = applications::FIND;

    /// The application in this account; 116, 107 or 558 if there is none.
    pub async fn resolve(&self, store: &Store, account: AccountId) -> Result<ApplicationId, Error> {
        match self {
            Self::Id(id) => {
                let exists = applications::exists(store, account, *id).await?;
                if exists { Ok(*id) } else { Err(INVALID_ID.into()) }
            }
            Self::Name(text) => {
                let missing = Refusal::ApplicationNotFound;
                let Some((short, _)) = text.split_once('.') else {
                    let name = ApplicationName::parse(text)?;
                    return Ok(applications::id_by_name(store, account, &name).await?.ok_or(missing)?);
                };
                // Only a full name requires the name of the account.
                let short = ApplicationName::parse(short).map_err(|_| missing.clone())?;
                let (owner, id) =
                    try_join!(accounts::find(store, account), applications::id_by_name(store, account, &short))?;
                let owner = owner.ok_or_else(|| missing.clone())?;
                let ours = ApplicationName::from_reference(text, &owner.name).is_some();
                Ok(id.filter(|_| ours).ok_or(missing)?)
            }
        }
    }

    /// The application, and the place where a new user of it is counted; the same codes as [`ApplicationRef::resolve`]
    /// if there is none. An application named by its id is read only once, together with its place.
    pub async fn place(&self, store: &Store, account: AccountId) -> Result<(ApplicationId, Place), Error> {
        let (application, missing) = match self {
            Self::Id(id) => (*id, INVALID_ID),
            Self::Name(_) => (self.resolve(store, account).await?, Refusal::ApplicationNotFound),
        };
        let place = Place::read(store, account, application).await?;
        Ok((application, place.ok_or(missing)?))
    }
}

/// Which applications a list is about: all, one by id, those with a part in their full name, or both (decisions D4,
/// D13).
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct ApplicationFilter {
    id: Option<u64>,
    part: Option<String>,
}

impl ApplicationFilter {
    /// What [`ApplicationFilter::resolve`] needs.
    pub const RESOLVE: &'static [Grant] =
        &[Grant::on(Table::Voximplant, Action::GetItem), Grant::on(Table::Voximplant, Action::Query)];

    /// Reads the pair.
    #[must_use]
    pub fn new(id: Option<Ids>, part: Option<Text>) -> Self {
        Self { id: id.and_then(|id| id.0), part: part.map(|part| part.0) }
    }

    /// The one application that a valid id alone selects, if it exists.
    #[must_use]
    pub fn only(&self) -> Option<ApplicationId> {
        self.id.filter(|_| self.part.is_none()).and_then(ApplicationId::new)
    }

    /// The applications of this account it selects; 116 for an id that does not exist, none for a part that matches
    /// nothing.
    pub async fn resolve(&self, store: &Store, account: AccountId) -> Result<Vec<ApplicationId>, Error> {
        let id = self.id.map(|id| ApplicationId::new(id).ok_or(INVALID_ID)).transpose()?;
        match (id, &self.part) {
            (Some(id), None) => {
                let exists = applications::exists(store, account, id).await?;
                if exists { Ok(vec![id]) } else { Err(INVALID_ID.into()) }
            }
            (None, None) => {
                Ok(applications::list(store, account).await?.iter().map(|application| application.id).collect())
            }
            (id, Some(part)) => {
                let (applications, owner) =
                    try_join!(applications::list(store, account), accounts::find(store, account))?;
                if id.is_some_and(|id| !applications.iter().any(|application| application.id == id)) {
                    return Err(INVALID_ID.into());
                }
                let owner = owner.ok_or(INVALID_ID)?;
                let part = Part::of(part);
                let chosen = applications.iter().filter(|application| {
                    id.is_none_or(|id| id == application.id) && part.is_in(&application.name.full(&owner.name))
                });
                Ok(chosen.map(|application| application.id).collect())
            }
        }
    }
}
