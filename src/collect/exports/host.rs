//! Windows events of any carrier as [`HostEvent`]s: which count, and where each exporter puts what they say.

use jiff::Timestamp;

use super::fields::Fields;
use super::logged_audit;
use super::server::time;
use crate::collect::events::times;
use crate::ids::InstanceId;
use crate::snapshot::{
    EventStatement, HostEvent, HostEventKind, HostLine, HostModule, HostParent, HostProcess,
    sha256_hex,
};

/// Most bytes of a command line; Windows takes half as many characters.
const LONGEST_COMMAND: usize = 64 << 10;

const ID: &[&str] = &[
    "system.eventid",
    "winlog.event_id",
    "eventid",
    "event_id",
    "event.code",
    "eventcode",
    "=id",
];
const PROVIDER: &[&str] = &[
    "provider.name",
    "provider_attributes.name",
    "provider_name",
    "providername",
    "sourcename",
    "source_name",
    "event.provider",
    "=source",
];
const CHANNEL: &[&str] = &[
    "system.channel",
    "winlog.channel",
    "=channel",
    "logname",
    "log_name",
];
const MACHINE: &[&str] = &[
    "system.computer",
    "computer_name",
    "computername",
    "machinename",
    "=computer",
    "hostname",
    "host.name",
    "=host",
];
const RECORD: &[&str] = &[
    "eventrecordid",
    "record_id",
    "recordid",
    "recordnumber",
    "event_record_id",
];
/// Always UTC.
const SYSTEM_TIME: &[&str] = &[
    "timecreated.systemtime",
    "timecreated_attributes.systemtime",
    "systemtime",
];
/// UTC where they say so.
const TIME: &[&str] = &[
    "=@timestamp",
    "timecreated.value",
    "timecreated",
    "eventtime",
    "=_time",
    "=time",
    "=result.time",
    "timegenerated",
    "=timestamp",
];
const MESSAGE: &[&str] = &[
    "=message",
    "renderinginfo.message",
    "winlog.message",
    "eventdata.message",
];

const NEW_IMAGE: &[&str] = &["newprocessname", "image", "=process.executable"];
const NEW_ID: &[&str] = &["newprocessid"];
/// Of what the event says, never of its System part, where the process that wrote the record has the same name. Flat
/// records have it as they have all else, unless the thread that wrote the record stands beside it.
const OWN_ID: &[&str] = &[
    "eventdata.processid",
    "event_data.processid",
    "data.processid",
    "message.processid",
    "=process.pid",
];
const FLAT_ID: &[&str] = &["=processid"];
const WRITERS_THREAD: &[&str] = &["=threadid"];
const COMMAND: &[&str] = &["commandline", "processcommandline", "=process.command_line"];
const PARENT_IMAGE: &[&str] = &[
    "parentprocessname",
    "parentimage",
    "creatorprocessname",
    "=process.parent.executable",
];
const PARENT_ID: &[&str] = &["parentprocessid", "creatorprocessid", "=process.parent.pid"];
const PARENT_COMMAND: &[&str] = &["parentcommandline", "=process.parent.command_line"];
const LOADED: &[&str] = &["imageloaded", "=dll.path"];

/// The events that count, by what writes them or where it stands, in letters and digits alone.
const SECURITY: (&str, &str) = ("microsoftwindowssecurityauditing", "security");
const SYSMON: (&str, &str) = (
    "microsoftwindowssysmon",
    "microsoftwindowssysmonoperational",
);
/// Logs of which it is known what writes to them.
const OTHER_LOGS: &[&str] = &["application", "security", "setup", "system"];
const PROCESS_AUDITED: u32 = 4688;
const PROCESS_SYSMON: u32 = 1;
const MODULE_SYSMON: u32 = 7;
/// Messages of the engine in the Application log, by Microsoft's list of "Database engine events and errors": 15457 is
/// written by sp_configure, 8128, 6253 and 6254 are marked as logged there; 15281 and 33090 are not, and come where
/// somebody had them logged (sp_altermessage) or the server does so itself.
const MESSAGES: &[(u32, HostEventKind)] = &[
    (15457, HostEventKind::OptionChanged),
    (15281, HostEventKind::CallBlocked),
    (8128, HostEventKind::ExtendedProcedureUsed),
    (33090, HostEventKind::LibraryLoading),
    (6253, HostEventKind::ClrStarted),
    (6254, HostEventKind::ClrStarted),
];
/// A record of an audit that writes to a Windows log.
const AUDIT_RECORD: u32 = 33205;
/// What the provider of an instance begins with; records of audits have more behind it in the Security log.
const ENGINES: &[&str] = &["mssql$", "mssqlserver$"];

/// How an export is read.
#[derive(Clone, Copy)]
pub struct Reading<'a> {
    /// The file's name.
    pub export: &'a str,
    /// The target that it is of.
    pub target: Option<&'a InstanceId>,
    /// Offset of times that do not say theirs.
    pub offset: Option<i32>,
}

/// What a record is to us.
pub enum Told {
    /// It counts; and why not all that it says can be believed.
    Event(Box<HostEvent>, Option<String>),
    /// It is of another kind.
    Other,
    /// It has the number of one that counts, and comes from a source that is not known.
    Unrecognised,
    /// Windows did not write what started the process, as before Windows Server 2016.
    NoParent,
}

/// Whether a record is a Windows event: it has a number, and says what wrote it or where.
pub fn is_host(fields: &Fields) -> bool {
    let says = |names| fields.get(names).is_some();
    says(ID) && (says(PROVIDER) || says(CHANNEL) || says(MACHINE))
}

/// Whether it is an audit's record that went to a Windows log.
pub fn is_audit(fields: &Fields) -> bool {
    let provider = fields.get(PROVIDER).unwrap_or_default().to_lowercase();
    number(fields) == Some(AUDIT_RECORD) && is_engine(&provider)
}

/// That record as one of an audit's file.
///
/// # Errors
/// Its text cannot be read, or not be believed; in words.
pub fn audit(fields: &Fields) -> Result<Fields, String> {
    let text = parameters(fields).into_iter().next();
    let text = text.or_else(|| fields.get(MESSAGE).map(str::to_owned));
    let text = text.ok_or("an audit's record (33205) without its text")?;
    let log = fields.get(CHANNEL).unwrap_or("Application");
    let record = fields.get(RECORD);
    let record = record.ok_or("an audit's record (33205) without its number in the log")?;
    logged_audit::fields(&text, log, record)
}

/// The number of an event. In some exports a code of severity and facility stands in the upper half.
fn number(fields: &Fields) -> Option<u32> {
    let id = fields.get(ID)?.trim().parse::<u32>().ok()?;
    Some(id & 0xffff)
}

/// Whether the engine wrote it; `provider` is in lower case.
fn is_engine(provider: &str) -> bool {
    provider.eq_ignore_ascii_case(HostEvent::DEFAULT_INSTANCE)
        || ENGINES.iter().any(|engine| provider.starts_with(engine))
}

/// Exporters write one source in several ways: `Microsoft Windows security auditing.` too.
fn letters(text: &str) -> String {
    let own = text.chars().filter(char::is_ascii_alphanumeric);
    own.map(|c| c.to_ascii_lowercase()).collect()
}

/// Whether a record has the number of one that counts and comes from where nobody knows. Numbers as low as Sysmon's are
/// those of many: of them only where nothing says whose it is, or a part of Sysmon's name does.
fn is_unrecognised(id: u32, provider: &str, channel: &str) -> bool {
    let (provider, channel) = (letters(provider), letters(channel));
    match id {
        PROCESS_SYSMON | MODULE_SYSMON => {
            let is_untold = provider.is_empty() && !OTHER_LOGS.contains(&channel.as_str());
            is_untold || provider.contains("sysmon") || channel.contains("sysmon")
        }
        PROCESS_AUDITED | AUDIT_RECORD => true,
        _ => MESSAGES.iter().any(|(number, _)| *number == id),
    }
}

/// `provider` is in lower case.
fn kind(id: u32, provider: &str, channel: &str) -> Option<HostEventKind> {
    let (source, place) = (letters(provider), letters(channel));
    let is = |(name, log): (&str, &str)| source == name || place == log;
    match id {
        PROCESS_AUDITED if is(SECURITY) || (provider.is_empty() && channel.is_empty()) => {
            Some(HostEventKind::ProcessCreated)
        }
        PROCESS_SYSMON if is(SYSMON) => Some(HostEventKind::ProcessCreated),
        MODULE_SYSMON if is(SYSMON) => Some(HostEventKind::ModuleLoaded),
        _ if is_engine(provider) => {
            let mut messages = MESSAGES.iter();
            messages
                .find(|(number, _)| *number == id)
                .map(|(_, kind)| *kind)
        }
        _ => None,
    }
}

/// The event.
///
/// # Errors
/// It counts and cannot be understood, in words.
pub fn event(fields: &Fields, reading: Reading<'_>) -> Result<Told, String> {
    let id = number(fields).ok_or_else(|| {
        let id = fields.get(ID).unwrap_or_default();
        format!("{id:?} is no number of an event")
    })?;
    let text = |names: &[&str]| fields.get(names).map(str::to_owned);
    let (provider, channel) = (text(PROVIDER), text(CHANNEL));
    let lower = |text: &Option<String>| text.as_deref().unwrap_or_default().to_lowercase();
    let (source, log) = (lower(&provider), lower(&channel));
    let Some(kind) = kind(id, &source, &log) else {
        return Ok(if is_unrecognised(id, &source, &log) {
            Told::Unrecognised
        } else {
            Told::Other
        });
    };
    let (recorded, moment) = moment(fields, reading.offset)?;
    let machine = text(MACHINE);
    let mut event = HostEvent {
        line: HostLine::Host,
        target: InstanceId::new(""),
        moment,
        recorded,
        export: reading.export.to_owned(),
        machine,
        channel,
        event_id: id,
        record: text(RECORD),
        kind,
        process: None,
        parent: None,
        user: None,
        module: None,
        parameters: Vec::new(),
        provider,
    };
    let counts = match kind {
        HostEventKind::ProcessCreated => process(&mut event, fields)?,
        HostEventKind::ModuleLoaded => module(&mut event, fields)?,
        _ => message(&mut event, fields),
    };
    let Told::Event(_, doubt) = counts else {
        return Ok(counts);
    };
    event.target = match reading.target {
        Some(target) => target.clone(),
        None => named(&event).ok_or("it names no computer: say with --target whose it is")?,
    };
    Ok(Told::Event(Box::new(event), doubt))
}

/// Recorded, and in UTC.
fn moment(fields: &Fields, offset: Option<i32>) -> Result<(String, String), String> {
    let (recorded, is_utc) = match fields.get(SYSTEM_TIME) {
        Some(text) => (text, true),
        None => (fields.get(TIME).ok_or("it has no time")?, false),
    };
    let strange = || {
        let shown: String = recorded.chars().take(40).collect();
        format!("{shown:?} is no time: export times as ISO 8601")
    };
    if let Some(moment) = epoch(recorded) {
        return Ok((recorded.to_owned(), times::written(moment)));
    }
    let (civil, own) = time(recorded).ok_or_else(strange)?;
    let offset = own.or(is_utc.then_some(0)).or(offset).ok_or(
        "its time does not say its offset from UTC: give --utc-offset of the machine that exported it",
    )?;
    let utc = times::utc_of_local(&civil, offset).map_err(|_| strange())?;
    Ok((recorded.to_owned(), utc))
}

/// `/Date(1788343200000)/` as PowerShell 5 writes it, and seconds or milliseconds since 1970 as SIEMs do.
fn epoch(text: &str) -> Option<Timestamp> {
    let inner = text
        .strip_prefix("/Date(")
        .and_then(|rest| rest.strip_suffix(")/"));
    if let Some(milliseconds) = inner {
        return Timestamp::from_millisecond(milliseconds.parse().ok()?).ok();
    }
    let (whole, part) = text.split_once('.').unwrap_or((text, "0"));
    let digits = |text: &str| text.bytes().all(|b| b.is_ascii_digit());
    match whole.len() {
        13 if digits(whole) && part == "0" => Timestamp::from_millisecond(whole.parse().ok()?).ok(),
        10 if digits(whole) && digits(part) && part.len() <= 9 => {
            let nanoseconds = format!("{part:0<9}").parse().ok()?;
            Timestamp::new(whole.parse().ok()?, nanoseconds).ok()
        }
        _ => None,
    }
}

/// Fields, with those of the message where the exporter gave nothing else, and why those may not be what Windows wrote.
fn with_message(fields: &Fields, needed: &[&str]) -> (Fields, Option<String>) {
    let mut fields = fields.clone();
    let mut doubt = None;
    if fields.get(needed).is_none()
        && let Some(message) = fields.get(MESSAGE).map(str::to_owned)
    {
        doubt = fields.add_lines_of(&message);
    }
    let doubt = doubt.map(|why| {
        format!("{why}, so that some of it may be what a command line holds: export its fields rather than its text")
    });
    (fields, doubt)
}

/// The process that the event is about, or in 4688 its parent.
fn own_id(fields: &Fields) -> Option<String> {
    let is_writers = fields.get(WRITERS_THREAD).is_some();
    let flat = || fields.sole(FLAT_ID).filter(|_| !is_writers);
    fields.sole(OWN_ID).or_else(flat).map(str::to_owned)
}

/// Of the programs that a record names the one of SQL Server, else the first: what a command line brought along may stand
/// before it.
fn of_server(fields: &Fields, names: &[&str]) -> Option<String> {
    let mut all = fields.all(names).filter(|path| *path != "-").peekable();
    let first = all.peek().copied();
    let own = all.find(|path| HostParent::of(path).is_some());
    own.or(first).map(str::to_owned)
}

fn process(event: &mut HostEvent, fields: &Fields) -> Result<Told, String> {
    let (fields, doubt) = with_message(fields, NEW_IMAGE);
    let text = |names: &[&str]| {
        fields
            .get(names)
            .filter(|text| *text != "-")
            .map(str::to_owned)
    };
    let image = text(NEW_IMAGE).ok_or(
        "it does not say which process: export its fields rather than a text in another language than English",
    )?;
    let Some(parent) = of_server(&fields, PARENT_IMAGE) else {
        return Ok(Told::NoParent);
    };
    if HostParent::of(&parent).is_none() {
        return Ok(Told::Other);
    }
    let is_audited = event.event_id == PROCESS_AUDITED;
    // In 4688 the process that is meant by ProcessId is the parent.
    let sole = |names| fields.sole(names).map(str::to_owned);
    let (id, parent_id) = if is_audited {
        (sole(NEW_ID), sole(PARENT_ID).or_else(|| own_id(&fields)))
    } else {
        (own_id(&fields), sole(PARENT_ID))
    };
    event.process = Some(HostProcess {
        image: Some(image),
        id,
        command_line: text(COMMAND).map(|line| command(&line)),
    });
    event.parent = Some(HostProcess {
        image: Some(parent),
        id: parent_id,
        command_line: text(PARENT_COMMAND).map(|line| command(&line)),
    });
    event.user = user(&fields);
    Ok(Told::Event(Box::new(event.clone()), doubt))
}

fn user(fields: &Fields) -> Option<String> {
    let told = |text: Option<&str>| text.filter(|text| *text != "-").map(str::to_owned);
    let text = |names: &[&str]| told(fields.get(names));
    let joined = |domain: Option<String>, name: Option<String>| {
        let name = name?;
        Some(match domain {
            Some(domain) => format!("{domain}\\{name}"),
            None => name,
        })
    };
    told(fields.sole(&["eventdata.user", "event_data.user", "=user", "message.user"]))
        .or_else(|| joined(text(&["targetdomainname"]), text(&["targetusername"])))
        .or_else(|| joined(text(&["subjectdomainname"]), text(&["subjectusername"])))
        .or_else(|| joined(text(&["accountdomain"]), text(&["accountname"])))
        .or_else(|| joined(text(&["=user.domain"]), text(&["=user.name"])))
}

fn command(line: &str) -> EventStatement {
    let mut end = line.len().min(LONGEST_COMMAND);
    while !line.is_char_boundary(end) {
        end -= 1;
    }
    EventStatement {
        text: line.get(..end).unwrap_or_default().to_owned(),
        sha256: Some(sha256_hex(line.as_bytes())),
        missing: Vec::new(),
        cut: end < line.len(),
    }
}

fn module(event: &mut HostEvent, fields: &Fields) -> Result<Told, String> {
    let (fields, doubt) = with_message(fields, LOADED);
    let text = |names: &[&str]| {
        fields
            .get(names)
            .filter(|text| *text != "-")
            .map(str::to_owned)
    };
    let path = text(LOADED).ok_or("it does not say which module was loaded")?;
    let image = of_server(&fields, NEW_IMAGE);
    let image = image.ok_or("it does not say which process loaded the module")?;
    if HostParent::of(&image) != Some(HostParent::Engine) {
        return Ok(Told::Other);
    }
    let hashes = text(&["hashes"]).unwrap_or_default();
    let is = |text: String| match text.to_lowercase().as_str() {
        "true" => Some(true),
        "false" => Some(false),
        _ => None,
    };
    event.module = Some(HostModule {
        path: Some(path),
        hashes: hashes
            .split(',')
            .map(str::trim)
            .filter(|h| !h.is_empty())
            .map(str::to_owned)
            .collect(),
        signed: text(&["signed"]).and_then(is),
        signature: text(&["signature"]),
        signature_status: text(&["signaturestatus"]),
    });
    event.process = Some(HostProcess {
        image: Some(image),
        id: own_id(&fields),
        command_line: None,
    });
    event.user = user(&fields);
    Ok(Told::Event(Box::new(event.clone()), doubt))
}

fn message(event: &mut HostEvent, fields: &Fields) -> Told {
    let (mut parameters, mut doubt) = (parameters(fields), None);
    if parameters.is_empty() {
        let text = fields.get(MESSAGE).unwrap_or_default();
        parameters = put_in(text, event.kind);
        let due = PUT_IN.iter().find(|(kind, _)| *kind == event.kind);
        if due.is_some_and(|(_, due)| parameters.len() != *due) {
            doubt = Some(
                "what was put into its text cannot be told from the text: export its fields"
                    .to_owned(),
            );
        }
    }
    parameters.truncate(8);
    let last = |n: usize| parameters.get(n).cloned();
    if matches!(
        event.kind,
        HostEventKind::ExtendedProcedureUsed | HostEventKind::LibraryLoading
    ) {
        event.module = Some(HostModule {
            path: last(0),
            ..HostModule::default()
        });
    }
    event.parameters = parameters;
    event.user = fields
        .get(&["=user", "security.userid", "userid"])
        .map(str::to_owned);
    Told::Event(Box::new(event.clone()), doubt)
}

/// What an exporter gives of what was put into a message.
fn parameters(fields: &Fields) -> Vec<String> {
    let mut parameters = [fields.numbered("data"), fields.numbered("param")].concat();
    if parameters.is_empty() {
        // One alone is written without a number.
        parameters.extend(fields.get(&["eventdata.data"]).map(str::to_owned));
    }
    parameters
}

/// How much is put into a message: the option and its values; DLL, version and procedure; the DLL.
const PUT_IN: &[(HostEventKind, usize)] = &[
    (HostEventKind::OptionChanged, 3),
    (HostEventKind::ExtendedProcedureUsed, 3),
    (HostEventKind::LibraryLoading, 1),
];

/// What was put into a message, in whatever language it is: what stands in quotes; of an option that which two numbers
/// follow, and those.
fn put_in(text: &str, kind: HostEventKind) -> Vec<String> {
    let parts = between_quotes(text);
    if kind != HostEventKind::OptionChanged {
        let quoted = parts.iter().skip(1).step_by(2);
        return quoted.map(|part| (*part).to_owned()).collect();
    }
    let mut pairs = parts.windows(2).skip(1).step_by(2);
    let option = pairs.find_map(|pair| {
        let (name, after) = (pair.first()?, pair.get(1)?);
        let words = after.split(|c: char| !c.is_ascii_digit() && c != '-');
        let mut numbers = words.filter(|word| word.parse::<i64>().is_ok());
        let all = [*name, numbers.next()?, numbers.next()?];
        Some(all.map(str::to_owned).to_vec())
    });
    option.unwrap_or_default()
}

/// A text at its quotation marks: what stands before the first, in the first pair, behind it, and so on. Between Latin
/// letters it is an apostrophe: `l'option`.
fn between_quotes(text: &str) -> Vec<&str> {
    let is_latin = |c: Option<char>| c.is_some_and(|c| c.is_alphabetic() && c < '\u{250}');
    let (mut parts, mut start, mut before) = (Vec::new(), 0, None);
    for (at, c) in text.char_indices() {
        let end = at + c.len_utf8();
        let after = text.get(end..).and_then(|rest| rest.chars().next());
        if "'\"«»„“”‘’「」".contains(c) && !(is_latin(before) && is_latin(after)) {
            parts.push(text.get(start..at).unwrap_or_default());
            start = end;
        }
        before = Some(c);
    }
    parts.push(text.get(start..).unwrap_or_default());
    parts
}

/// The machine, with the instance that the event names.
fn named(event: &HostEvent) -> Option<InstanceId> {
    let machine = event.machine.as_deref()?.split('.').next()?.trim();
    if machine.is_empty() {
        return None;
    }
    let machine = machine.to_uppercase();
    let own = event.instance();
    let own = own.filter(|own| !own.eq_ignore_ascii_case(HostEvent::DEFAULT_INSTANCE));
    Some(InstanceId::new(match own {
        Some(own) => format!("{machine}\\{}", own.to_uppercase()),
        None => machine,
    }))
}
