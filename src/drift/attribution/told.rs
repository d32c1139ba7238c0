//! Events as they are told: what a statement uses, masked and cut.

use std::collections::BTreeSet;

use super::entry::ToldEvent;
use super::moment::Moment;
use crate::snapshot::Event;
use crate::tsql::{Sink, mask_secrets, observe_script, sink_of_procedure};

/// Characters of a statement that are told.
const LONGEST: usize = 2_000;

/// Ways to the operating system that an event uses or plants, by its statement and by the procedure that it ran.
pub fn features(event: &Event) -> BTreeSet<Sink> {
    // The trace has messages in that place.
    let is_message = event.error.is_some();
    let text = event.statement.as_ref().filter(|_| !is_message);
    let text = text.map(|own| own.text.as_str());
    let objects = text.map(observe_script).unwrap_or_default();
    let sinks = objects.iter().flat_map(|object| &object.sinks);
    let mut found: BTreeSet<Sink> = sinks.map(|own| own.sink).collect();
    if event.action.id == "EX" {
        let own = event.on.object.as_deref().and_then(sink_of_procedure);
        // Whether an option is opened stands in the statement alone.
        found.extend(own.filter(|own| *own != Sink::SpConfigureEnable));
    }
    found
}

/// Whether the record does not hold its whole statement.
pub fn is_cut(event: &Event) -> bool {
    let statement = event.statement.as_ref();
    statement.is_some_and(|own| own.cut || !own.missing.is_empty())
}

/// An event as it is told.
pub fn told(event: &Event, moment: &Moment) -> ToldEvent {
    let (first, last) = moment.ends();
    let written = |moment: jiff::Timestamp| format!("{moment:.7}");
    let statement = event.statement.as_ref().map(|own| {
        let text = mask_secrets(&own.text);
        match text.char_indices().nth(LONGEST) {
            Some((end, _)) => format!("{}…", text.get(..end).unwrap_or_default()),
            None => text.into_owned(),
        }
    });
    ToldEvent {
        moment: written(first),
        until: (last != first).then(|| written(last)),
        source: event.source.clone(),
        action: action(event),
        who: event.who.clone(),
        from: event.from.clone(),
        features: features(event)
            .iter()
            .map(|own| own.as_str().to_owned())
            .collect(),
        statement,
        statement_cut: is_cut(event),
    }
}

fn action(event: &Event) -> String {
    let own = &event.action;
    let name = own.name.as_deref().unwrap_or(&own.id);
    match &own.subclass_name {
        Some(subclass) => format!("{name}, {subclass}"),
        None => name.to_owned(),
    }
}
