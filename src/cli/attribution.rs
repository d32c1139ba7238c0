//! What `diff` attributes changes by: files of events, and a register.

use std::collections::BTreeMap;
use std::fs::File;
use std::io::BufReader;
use std::path::Path;

use anyhow::Context;

use super::args;
use super::judge::Inputs;
use crate::drift::{self, InstanceDiff, Side, Witnesses};
use crate::inventory::Register;
use crate::rules::telemetry::Telemetry;
use crate::snapshot::EventsFile;

/// The files that were given.
pub(super) struct Read {
    files: Vec<EventsFile>,
    register: Option<Register>,
}

impl Read {
    /// Reads them; `None` where no events are given.
    pub(super) fn of(args: &args::Diff) -> anyhow::Result<Option<Self>> {
        if args.events.is_empty() {
            return Ok(None);
        }
        let files = args.events.iter().map(|path| events(path));
        Ok(Some(Self {
            files: files.collect::<anyhow::Result<_>>()?,
            register: args.register.as_deref().map(register).transpose()?,
        }))
    }

    /// Everything that the files hold.
    pub(super) fn files(&self) -> &[EventsFile] {
        &self.files
    }

    pub(super) fn has_register(&self) -> bool {
        self.register.is_some()
    }

    pub(super) fn attribute(
        &self,
        found: &mut InstanceDiff,
        (before, after): (&Side<'_>, &Side<'_>),
        inputs: &Inputs,
        telemetry: [Option<&Telemetry>; 2],
    ) {
        let none = BTreeMap::new();
        let tags = inputs.target(&found.id).map_or(&none, |own| &own.tags);
        let witnesses = Witnesses {
            files: &self.files,
            register: self.register.as_ref(),
            tags,
            telemetry,
        };
        drift::attribute(found, before, after, witnesses);
    }
}

/// Reads one file of events.
pub(super) fn events(path: &Path) -> anyhow::Result<EventsFile> {
    let place = || path.display().to_string();
    let file = File::open(path).with_context(|| format!("cannot read {}", place()))?;
    EventsFile::read(BufReader::new(file)).with_context(place)
}

/// A register with the approved changes of the file that it names, which stands beside it.
fn register(path: &Path) -> anyhow::Result<Register> {
    let read = |path: &Path| {
        let place = path.display();
        std::fs::read_to_string(path).with_context(|| format!("cannot read {place}"))
    };
    let mut register = Register::parse(&read(path)?, &path.display().to_string())?;
    if let Some(file) = register.changes_file.clone() {
        let beside = path.parent().unwrap_or(Path::new("")).join(file);
        register.add_changes(&read(&beside)?, &beside.display().to_string())?;
    }
    Ok(register)
}
