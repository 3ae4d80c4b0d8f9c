//! The four tables, described once: `switchboard serve` creates them from this, the template is generated from this.

use super::StoreError;
use aws_sdk_dynamodb::Client;
use aws_sdk_dynamodb::error::ProvideErrorMetadata;
use aws_sdk_dynamodb::operation::create_table::CreateTableError;
use aws_sdk_dynamodb::types::{
    AttributeDefinition, BillingMode, GlobalSecondaryIndex, KeySchemaElement, KeyType, Projection, ProjectionType,
    ScalarAttributeType, TimeToLiveSpecification,
};
use std::fmt;

/// A table; tables are divided by lifecycle and blast radius (design §4).
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub enum Table {
    /// Users, extras, conversations, search entries, counters, jobs.
    Stepchat,
    /// Accounts and their keys, applications, telephony users, skills, queues, search entries, counters, exchange
    /// rates, jobs.
    Voximplant,
    /// Hashes, token look-ups, sessions, lockouts, idempotency.
    Auth,
    /// Balances and the journal.
    Ledger,
}

impl Table {
    /// All four.
    pub const ALL: [Self; 4] = [Self::Stepchat, Self::Voximplant, Self::Auth, Self::Ledger];

    /// The word for the table in documents and in local names.
    #[must_use]
    pub const fn as_str(self) -> &'static str {
        match self {
            Self::Stepchat => "stepchat",
            Self::Voximplant => "voximplant",
            Self::Auth => "auth",
            Self::Ledger => "ledger",
        }
    }

    /// The environment variable that names the deployed table.
    #[must_use]
    pub const fn variable(self) -> &'static str {
        match self {
            Self::Stepchat => "STEPCHAT_TABLE",
            Self::Voximplant => "VOXIMPLANT_TABLE",
            Self::Auth => "AUTH_TABLE",
            Self::Ledger => "LEDGER_TABLE",
        }
    }

    /// The table's description.
    #[must_use]
    pub const fn schema(self) -> &'static TableSchema {
        match self {
            Self::Stepchat => &STEPCHAT,
            Self::Voximplant => &VOXIMPLANT,
            Self::Auth => &AUTH,
            Self::Ledger => &LEDGER,
        }
    }
}

impl fmt::Display for Table {
    fn fmt(&self, formatter: &mut fmt::Formatter<'_>) -> fmt::Result {
        formatter.write_str(self.as_str())
    }
}

/// The deployed names of the four tables.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Tables {
    names: [String; 4],
}

impl Tables {
    /// The names that `name` gives to the tables.
    pub fn new(name: impl Fn(Table) -> String) -> Self {
        Self { names: Table::ALL.map(name) }
    }

    /// The deployed name of a table.
    #[must_use]
    pub fn name(&self, table: Table) -> &str {
        let [stepchat, voximplant, auth, ledger] = &self.names;
        match table {
            Table::Stepchat => stepchat,
            Table::Voximplant => voximplant,
            Table::Auth => auth,
            Table::Ledger => ledger,
        }
    }

    /// Which table a deployed name belongs to.
    #[must_use]
    pub fn table(&self, name: &str) -> Option<Table> {
        Table::ALL.into_iter().find(|table| self.name(*table) == name)
    }
}

impl Default for Tables {
    /// The local names: each table's own word.
    fn default() -> Self {
        Self::new(|table| table.as_str().to_owned())
    }
}

/// A table's keys and indexes. All key attributes are strings.
#[derive(Debug)]
pub struct TableSchema {
    /// Whether items have a sort key besides the partition key.
    pub sorted: bool,
    /// The attribute by which items expire, if any may.
    pub ttl: Option<&'static str>,
    /// Global secondary indexes.
    pub indexes: &'static [IndexSchema],
}

/// An index: its two key attributes and what it carries besides the keys.
#[derive(Debug)]
pub struct IndexSchema {
    pub name: &'static str,
    /// Partition key attribute.
    pub partition: &'static str,
    /// Sort key attribute.
    pub sort: &'static str,
    /// Attributes carried besides the keys.
    pub carries: &'static [&'static str],
}

const fn by_type(name: &'static str, sort: &'static str) -> IndexSchema {
    IndexSchema { name, partition: "lp", sort, carries: &[] }
}

const fn by_application(name: &'static str, sort: &'static str) -> IndexSchema {
    IndexSchema { name, partition: "ap", sort, carries: &["uname", "display", "active", "acd", "own_balance"] }
}

static STEPCHAT: TableSchema = TableSchema {
    sorted: true,
    ttl: Some("expires"),
    indexes: &[
        by_type("by_first", "s_first"),
        by_type("by_last", "s_last"),
        IndexSchema { name: "by_email", partition: "lp", sort: "s_email", carries: &["email"] },
        by_type("by_image", "s_image"),
        by_type("by_created", "s_created"),
        by_type("by_active", "s_active"),
        by_type("by_department", "s_department"),
        by_type("by_id", "s_id"),
        IndexSchema { name: "by_value", partition: "vp", sort: "vs", carries: &["val"] },
    ],
};

static VOXIMPLANT: TableSchema = TableSchema {
    sorted: true,
    ttl: None,
    indexes: &[
        by_application("app_by_name", "s_name"),
        by_application("app_by_display", "s_display"),
        by_application("app_by_id", "s_id"),
        IndexSchema { name: "by_member", partition: "mp", sort: "ms", carries: &[] },
    ],
};

static AUTH: TableSchema = TableSchema { sorted: false, ttl: Some("expires"), indexes: &[] };
// Only records of operations expire, since no other item has the attribute: money and its history are kept for ever.
static LEDGER: TableSchema = TableSchema { sorted: true, ttl: Some("expires"), indexes: &[] };

/// Creates the tables and their time to live, as far as they do not exist yet. For emulators: a deployed stack gets its
/// tables from the template.
pub async fn create_tables(client: &Client, tables: &Tables) -> Result<(), StoreError> {
    for table in Table::ALL {
        let name = tables.name(table);
        create_table(client, name, table.schema()).await?;
    }
    Ok(())
}

async fn create_table(client: &Client, name: &str, schema: &TableSchema) -> Result<(), StoreError> {
    let mut attributes = vec!["pk"];
    attributes.extend(schema.sorted.then_some("sk"));
    for index in schema.indexes {
        for attribute in [index.partition, index.sort] {
            if !attributes.contains(&attribute) {
                attributes.push(attribute);
            }
        }
    }
    let mut request = client
        .create_table()
        .table_name(name)
        .billing_mode(BillingMode::PayPerRequest)
        .set_key_schema(Some(key_schema("pk", schema.sorted.then_some("sk"))?));
    for attribute in attributes {
        let definition = AttributeDefinition::builder().attribute_name(attribute);
        let definition = definition.attribute_type(ScalarAttributeType::S).build();
        request = request.attribute_definitions(definition.map_err(|error| refused(&error))?);
    }
    for index in schema.indexes {
        request = request.global_secondary_indexes(secondary_index(index)?);
    }
    match request.send().await {
        Ok(_) => {}
        Err(error) if error.as_service_error().is_some_and(CreateTableError::is_resource_in_use_exception) => {}
        Err(error) => return Err(error.into()),
    }
    match schema.ttl {
        Some(attribute) => expire_by(client, name, attribute).await,
        None => Ok(()),
    }
}

/// Switches time to live on. It is no error if it is on already.
async fn expire_by(client: &Client, name: &str, attribute: &str) -> Result<(), StoreError> {
    let ttl = TimeToLiveSpecification::builder().enabled(true).attribute_name(attribute).build();
    let ttl = ttl.map_err(|error| refused(&error))?;
    match client.update_time_to_live().table_name(name).time_to_live_specification(ttl).send().await {
        Ok(_) => Ok(()),
        Err(error) if error.code() == Some("ValidationException") => Ok(()),
        Err(error) => Err(error.into()),
    }
}

fn secondary_index(index: &IndexSchema) -> Result<GlobalSecondaryIndex, StoreError> {
    let projection = if index.carries.is_empty() {
        Projection::builder().projection_type(ProjectionType::KeysOnly)
    } else {
        let carried = index.carries.iter().map(|attribute| (*attribute).to_owned()).collect();
        Projection::builder().projection_type(ProjectionType::Include).set_non_key_attributes(Some(carried))
    };
    GlobalSecondaryIndex::builder()
        .index_name(index.name)
        .set_key_schema(Some(key_schema(index.partition, Some(index.sort))?))
        .projection(projection.build())
        .build()
        .map_err(|error| refused(&error))
}

fn key_schema(partition: &str, sort: Option<&str>) -> Result<Vec<KeySchemaElement>, StoreError> {
    std::iter::once((partition, KeyType::Hash))
        .chain(sort.map(|sort| (sort, KeyType::Range)))
        .map(|(attribute, kind)| {
            let element = KeySchemaElement::builder().attribute_name(attribute).key_type(kind).build();
            element.map_err(|error| refused(&error))
        })
        .collect()
}

fn refused(error: &aws_sdk_dynamodb::error::BuildError) -> StoreError {
    StoreError::Refused(error.to_string())
}
