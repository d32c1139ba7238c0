//! Who can make an instance run an operating-system command, by which steps.
//!
//! ```text
//! snapshot ─▶ index (who is in what, what is granted on what) ─▶ steps (every way into a place)
//!     code ─▶ modules (contexts, signatures, what runs by itself)  │
//!                                      search (backwards from a channel) ─▶ routes
//! ```
//!
//! A *place* ([`Node`]) is what somebody can be or do. A *step* ([`Edge`]) leads from one place to another, and cites the
//! rows that it rests on; its kind ([`Step`]) is one rule, in words. DENY is settled where a permission is looked up
//! (`holders`), so that every step that is there can be taken.
//!
//! Not modelled: permissions on columns; locked logins (the catalog does not show them); members of Windows and Entra
//! groups that the inventory does not name; two rights of one person that only meet after he joined two roles.

mod asked;
mod asked_of_code;
mod asked_of_rights;
mod build;
mod change;
mod channel;
mod choke;
mod code;
mod detection;
mod entry;
mod estate;
mod fact;
mod gap;
mod gap_of_accounts;
mod gap_of_links;
mod holders;
mod identity;
mod index;
mod jobs;
mod links;
mod module;
mod nested;
mod node;
mod patch;
mod permission;
mod place;
mod platform;
mod route;
#[cfg(test)]
mod sample;
mod scope;
mod search;
mod securable;
mod step;
mod steps;
mod survey;
mod wording;

pub use asked::Goal;
pub use asked_of_rights::{Granted, Membership, Powerful, PrivilegedRun, Reaches, Runner};
pub use build::{Graph, Group, Groups, Trust};
pub use change::{BY_HAND, Change, ChangeError, On, bracketed};
pub use channel::Channel;
pub use choke::Choke;
pub use code::{Code, CodeCall, CodeSink, ModuleCode, StepCode};
pub use entry::Entry;
pub use estate::{Estate, Login};
pub use fact::FactRef;
pub use gap::{Assumed, Assumption, Gap};
pub use holders::Holder;
pub use identity::{
    OsIdentity, Power, ProxyAccount, agent, agent_proxy, engine, external_script, launchpad,
    power_of, xp_cmdshell_proxy,
};
pub use index::{ANYBODY, Db, Index, Scope};
pub use links::{Lead, Locals, Mapping};
pub use module::{Key, Signers};
pub use nested::Context;
pub use node::Node;
pub use patch::{SECURITY_UPDATES_LISTED, SecurityUpdate, protects_strong_logins};
pub use permission::Class;
pub use platform::{Availability, Platform, Site, availability};
pub use route::{Citation, Path, PathStep, ReachedBy, Route, RunsAs, State};
pub use search::{Besides, Reach, Way};
pub use step::{Edge, LIMITS, Step, explained};
pub use steps::LoginKey;
pub use survey::{Breadth, Limits, Surveyed};
pub use wording::Place;
