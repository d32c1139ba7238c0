//! `preflight`: what an audit would be able to see, before it is run.

use anyhow::bail;

use super::args::{Preflight, PreflightFormat};
use super::output::{self, Terminal};
use super::targets::Estate;
use super::{Exit, print, progress, stop};
use crate::collect;
use crate::inventory::Reach;
use crate::report::PreflightReport;

pub(super) fn preflight(args: &Preflight) -> anyhow::Result<Exit> {
    let estate = Estate::from_args(&args.targets)?;
    for target in &estate.inventory.targets {
        if let Reach::Snapshot(file) = &target.reach {
            output::note(&format!(
                "{}: a recording ({file}), nothing to reach",
                target.name
            ));
        }
    }
    stop::listen();
    let plans = estate.plans(args.targets.keep_trying)?;
    if plans.is_empty() {
        bail!("none of these targets is a server: there is nothing to look at");
    }
    let progress = progress::for_stderr(plans.len(), "looked at");
    let concurrency = usize::from(args.targets.concurrency);
    Ok(output::incomplete_on_error(|| {
        let found = collect::preflight(&plans, concurrency, &progress, stop::flag())?;
        let report = PreflightReport::new(found);
        print(&match args.format {
            _ if args.fix => report.fix(),
            PreflightFormat::Json => report.json()?,
            PreflightFormat::Table => report.table(Terminal::of_stdout().width),
        })?;
        Ok(if report.full_sight && !stop::asked() {
            Exit::Clean
        } else {
            Exit::Incomplete
        })
    }))
}
