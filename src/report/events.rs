//! Recorded events: JSON Lines, and a table for a terminal. Secrets in statements are masked here, whatever the form.

use std::fmt::Write as _;
use std::io::{self, Write};

use super::table::{Column, Page, free, left};
use super::visible::{visible, visible_json};
use crate::snapshot::{
    Event, EventStatement, EventsHeader, EventsLine, EventsTarget, HostEvent, HostEventKind,
    HostProcess, Observed, Outcome,
};
use crate::tsql::mask_secrets;

/// Most events of one target in the table.
const MOST_EVENTS: usize = 200;
/// Most characters of a statement in the table.
const LONGEST_SHOWN: usize = 200;
/// Most bytes of a statement that are read for secrets when only its beginning is shown: a secret that begins in what
/// is shown ends far before.
const LONGEST_READ: usize = 64 << 10;

/// One line of a file of events, with its line end; nothing in it is hidden or obeyed by a terminal.
///
/// # Errors
/// `to` cannot be written.
pub fn write_events_line(to: &mut dyn Write, mut line: EventsLine) -> io::Result<()> {
    match &mut line {
        EventsLine::Event(event) => event.statement.iter_mut().for_each(mask),
        EventsLine::Host(event) => {
            let processes = [&mut event.process, &mut event.parent]
                .into_iter()
                .flatten();
            processes
                .filter_map(|process| process.command_line.as_mut())
                .for_each(mask);
        }
        EventsLine::Header(_) | EventsLine::Target(_) => {}
    }
    to.write_all(visible_json(&serde_json::to_string(&line)?).as_bytes())?;
    to.write_all(b"\n")
}

fn mask(statement: &mut EventStatement) {
    statement.text = mask_secrets(&statement.text).into_owned();
}

/// What was asked for, for people.
pub fn events_heading(header: &EventsHeader) -> String {
    match &header.until {
        Some(until) => format!(
            "Events from {} to {}\n",
            minute(&header.since),
            minute(until)
        ),
        None => format!("Events since {}\n", minute(&header.since)),
    }
}

/// A moment to the minute.
fn minute(moment: &str) -> String {
    format!("{} UTC", shortened(moment, 16))
}

fn shortened(moment: &str, length: usize) -> String {
    moment.get(..length).unwrap_or(moment).replace('T', " ")
}

/// One target for a terminal of `width` columns: how far each source was seen, then its events, the newest last. Takes
/// each event in turn and keeps only what is shown.
///
/// # Errors
/// An event could not be had.
pub fn events_table(
    target: &EventsTarget,
    events: impl IntoIterator<Item = io::Result<Event>>,
    host: &[HostEvent],
    width: u16,
) -> io::Result<String> {
    let page = Page::new(width, false);
    let name = visible(target.target.as_str());
    let mut sections = Vec::new();
    match &target.outcome {
        Outcome::Finished => sections.push(page.text(&name)),
        other => sections.push(page.text(&format!("{name}: {}", visible(&other.why())))),
    }
    if !target.sources.is_empty() {
        let columns = [
            left("Source", 13),
            left("Seen", 7),
            free("Events and what is unseen"),
        ];
        sections.push(page.lay_out(&columns, target.sources.iter().map(source).collect()));
    }
    let mut rows = std::collections::VecDeque::new();
    let mut left_out = 0_usize;
    for event in events {
        if rows.len() == MOST_EVENTS {
            rows.pop_front();
            left_out += 1;
        }
        rows.push_back(row(&event?, page.is_wide()));
    }
    if left_out > 0 {
        sections.push(page.text(&format!(
            "{left_out} earlier events are not shown: --format jsonl has all"
        )));
    }
    if !rows.is_empty() {
        sections.push(page.lay_out(&columns(page.is_wide()), rows.into()));
    }
    if let Some((first, rest)) = host.split_at_checked(host.len().saturating_sub(MOST_EVENTS)) {
        if !first.is_empty() {
            let earlier = first.len();
            sections.push(page.text(&format!(
                "{earlier} earlier events of the host are not shown: --format jsonl has all"
            )));
        }
        if !rest.is_empty() {
            let columns = [
                left("Time (UTC)", 10),
                left("Machine", 12),
                free("On the host"),
                left("As", 12),
            ];
            sections.push(page.lay_out(&columns, rest.iter().map(host_row).collect()));
        }
    }
    Ok(sections.join("\n\n") + "\n")
}

fn columns(is_wide: bool) -> Vec<Column> {
    let time = left("Time (UTC)", 10);
    if is_wide {
        vec![
            time,
            left("Source", 13),
            left("Who", 12),
            free("What"),
            free("Where"),
        ]
    } else {
        vec![time, left("Who", 12), free("What"), left("Where", 12)]
    }
}

fn source(state: &crate::snapshot::SourceState) -> Vec<String> {
    let mut said = Vec::new();
    if let Observed::Known { value } | Observed::Partial { value, .. } = &state.seen {
        said.push(value.events.to_string());
    }
    if let Observed::Unsupported { why: Some(why), .. } = &state.seen {
        said.push(visible(why));
    }
    said.extend(state.seen.needs().iter().map(|need| visible(need)));
    vec![
        visible(&state.source.to_string()),
        state.seen.state().to_owned(),
        said.join("\n"),
    ]
}

fn row(event: &Event, is_wide: bool) -> Vec<String> {
    let time = shortened(&event.moment, 19);
    let mut row = vec![if is_wide {
        time
    } else {
        time.replacen(' ', "\n", 1)
    }];
    if is_wide {
        row.push(visible(&event.source.to_string()));
    }
    row.extend([who(event), what(event), origin(event)]);
    row
}

/// The login that connected, and the one that it acted as where it is another.
fn who(event: &Event) -> String {
    let who = &event.who;
    let name = who.login.as_deref().or(who.database_user.as_deref());
    let name = visible(name.unwrap_or("?"));
    match &who.session_login {
        Some(session) if Some(session) != who.login.as_ref() => {
            format!("{}\nas {name}", visible(session))
        }
        _ => name,
    }
}

fn what(event: &Event) -> String {
    let (action, on) = (&event.action, &event.on);
    let mut first = visible(action.name.as_deref().unwrap_or(&action.id));
    // Writing to a String cannot fail.
    if let Some(subclass) = &action.subclass_name {
        let _ = write!(first, " ({})", visible(subclass));
    }
    if event.succeeded == Some(false) {
        first.push_str(", refused");
    }
    let parts = [&on.database, &on.schema, &on.object].into_iter().flatten();
    let named: Vec<String> = parts.map(|part| visible(part)).collect();
    if !named.is_empty() {
        let _ = write!(first, ": {}", named.join("."));
    }
    let further = [("login", &on.login), ("user", &on.user), ("role", &on.role)];
    for (kind, name) in further {
        if let Some(name) = name.as_deref().filter(|name| !name.is_empty()) {
            let _ = write!(first, ", {kind} {}", visible(name));
        }
    }
    match &event.statement {
        Some(statement) => format!("{first}\n{}", shown(statement)),
        None => first,
    }
}

fn host_row(event: &HostEvent) -> Vec<String> {
    let or_unknown = |text: &Option<String>| visible(text.as_deref().unwrap_or("?"));
    vec![
        shortened(&event.moment, 19).replacen(' ', "\n", 1),
        or_unknown(&event.machine),
        host_words(event),
        or_unknown(&event.user),
    ]
}

/// What happened on a host, in one sentence, with secrets masked and nothing that a terminal obeys.
pub fn host_words(event: &HostEvent) -> String {
    let image = |process: &Option<HostProcess>| {
        let image = process
            .as_ref()
            .and_then(|process| process.image.as_deref());
        visible(image.map_or("?", |path| path.rsplit('\\').next().unwrap_or(path)))
    };
    let parameters = || {
        event
            .parameters
            .iter()
            .map(|text| visible(text))
            .collect::<Vec<_>>()
    };
    match event.kind {
        HostEventKind::ProcessCreated => {
            let command = event
                .process
                .as_ref()
                .and_then(|process| process.command_line.as_ref());
            let command = command.map_or_else(String::new, |line| format!(": {}", shown(line)));
            format!(
                "{} under {}{command}",
                image(&event.process),
                image(&event.parent)
            )
        }
        HostEventKind::ModuleLoaded => {
            let module = event.module.clone().unwrap_or_default();
            let path = visible(module.path.as_deref().unwrap_or("?"));
            let signed = match (module.signed, &module.signature) {
                (Some(true), Some(by)) => format!("signed by {}", visible(by)),
                (Some(true), None) => "signed".to_owned(),
                (Some(false), _) => "not signed".to_owned(),
                (None, _) => "signature not told".to_owned(),
            };
            format!("{} loaded {path} ({signed})", image(&event.process))
        }
        HostEventKind::OptionChanged => match parameters().as_slice() {
            [option, from, to, ..] => format!("option {option} changed from {from} to {to}"),
            other => format!("option changed: {}", other.join(", ")),
        },
        kind => format!("{}: {}", kind.words(), parameters().join(", ")),
    }
}

/// The beginning of a statement on one line.
fn shown(statement: &EventStatement) -> String {
    let mut end = statement.text.len().min(LONGEST_READ);
    while !statement.text.is_char_boundary(end) {
        end -= 1;
    }
    let masked = mask_secrets(statement.text.get(..end).unwrap_or_default());
    let mut text = match masked.char_indices().nth(LONGEST_SHOWN) {
        Some((cut, _)) => format!("{}…", masked.get(..cut).unwrap_or_default()),
        None => masked.into_owned(),
    };
    if !statement.missing.is_empty() {
        let missing = statement.missing.join(", ");
        let _ = write!(text, " (records {missing} missing)"); // cannot fail
    }
    visible(&text)
}

fn origin(event: &Event) -> String {
    let from = &event.from;
    let parts = [&from.host, &from.client_ip, &from.application];
    let told: Vec<String> = parts
        .into_iter()
        .flatten()
        .map(|part| visible(part))
        .collect();
    told.join("\n")
}
