//! What several tests stand on.

#![allow(dead_code, unused_imports)] // each test binary uses a part of it

pub mod answers;
#[cfg(unix)]
pub mod browser;
pub mod cli;
pub mod contract;
pub mod driver;
pub mod estate;
pub mod evtx;
pub mod in_process;
pub mod instance;
pub mod interpreter;
pub mod markup;
pub mod oracle;
pub mod privileges;
pub mod recording;
pub mod tds_server;
pub mod truth;
pub mod zip;
