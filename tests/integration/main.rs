//! The one integration binary: each module tests one promise of the program from outside.

#![allow(clippy::unwrap_used, clippy::expect_used, clippy::panic)]

#[path = "../support/mod.rs"]
mod support;

mod acceptance;
mod attribution;
#[cfg(unix)]
mod browser;
mod changes;
mod compliance;
mod contract;
mod corpus;
mod credentials;
mod definitions;
mod demo;
mod demo_recordings;
mod drift;
mod end_to_end;
mod estates;
mod evidence;
mod fixes;
mod foreign_client;
mod formats;
mod formats_agree;
mod history;
mod hostile;
mod ledger;
mod limits;
mod matrix;
mod offline;
mod oracle;
mod paths;
mod preflight;
mod privacy;
mod privileges;
mod provenance;
mod reaching;
mod readme;
mod reference;
mod refusals;
mod rooms;
mod rules;
mod scan;
mod simulated;
mod telemetry;
mod tls_probe;
mod trouble;
mod wire;
