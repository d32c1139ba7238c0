//! Compliance frameworks: their controls as data, and what verdicts say of each. Rules name the controls that they bear
//! on; here is what a control is called, who can assess it, and how far the estate meets it. Wording is ours: no text of
//! a benchmark or standard is repeated.

mod catalogue;
mod checklist;
mod status;

pub use catalogue::{Assessed, Control, Framework, FrameworkError, Scope, shipped};
pub use checklist::{Checklist, Said, in_database, is_of_databases, on_one};
pub use status::{
    Attested, Conclusions, ControlStatus, FrameworkStatus, Instance, Judged, Status, Tally, assess,
};
