//! The `voximplant` table. Every key begins with the account of the verified credential, so reading across accounts
//! cannot be expressed.

pub mod accounts;
pub mod applications;
pub mod binding;
pub mod changes;
pub mod credentials;
pub mod deferred;
pub mod lists;
pub mod members;
pub mod payees;
pub mod queues;
pub mod rates;
pub mod rebuild;
pub mod skills;
pub mod texts;
pub mod users;

mod order;
