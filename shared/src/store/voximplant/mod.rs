//! The `voximplant` table. Every key begins with the account of the verified credential, so reading across accounts
//! cannot be expressed.

pub mod accounts;
pub mod applications;
pub mod users;
