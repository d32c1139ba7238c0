//! Audits SQL Server estates: who can make each server run operating-system commands, what was
//! planted there to do so, and what could not be seen.
//!
//! Data flows one way: inventory, collection, snapshot, judgement, report. Each room is one module;
//! `tests/integration/rooms.rs` holds the table of what may import what.

pub mod cli;
pub mod collect;
pub mod compliance;
pub mod drift;
pub mod evidence;
pub mod graph;
pub mod ids;
pub mod inventory;
pub mod report;
pub mod rules;
pub mod score;
pub mod snapshot;
pub mod tsql;
