//! `waivers`: what an inventory accepts, and how long.

use super::args::{Waivers, WaiversFormat};
use super::judge::Inputs;
use super::targets::{self, Estate};
use super::{Exit, output, print};
use crate::report;

pub(super) fn waivers(args: &Waivers) -> anyhow::Result<Exit> {
    let estate = Estate::read(&args.inventory, &[], &[])?;
    let inventory = estate.inventory;
    let as_of = targets::as_of(args.as_of.as_deref(), inventory.as_of.as_deref())?;
    let inputs = Inputs::new(as_of, None, inventory.as_meant());
    let inputs = inputs.with(estate.frameworks, estate.rules, &[])?;
    let waivers = inputs.acceptances()?.list();
    print(&match args.format {
        WaiversFormat::Json => serde_json::to_string_pretty(&waivers)? + "\n",
        WaiversFormat::Table => {
            report::waivers(&waivers, &inputs.as_of, output::Terminal::of_stdout().width)
        }
    })?;
    Ok(Exit::Clean)
}
