//! The steps, by where they lead: each function lists every way into one kind of place.

mod agent;
mod assembly;
mod command;
mod database;
mod link;
mod login;
mod module;
mod module_command;
mod msdb;
mod sign;
mod sysadmin;
mod trust;

pub(super) use command::channel_of;
pub(super) use login::is_one_person;
pub use sign::LoginKey;
pub use trust::Source;
