//! What a call of a system procedure does, by Microsoft's page on each: to which thing, and which columns of its row it
//! sets to what.

use super::deed::{Class, Deed, Verb, hash};
use crate::snapshot::Event;
use crate::tsql::ActCall;

/// Where a procedure lives: one of its name elsewhere is somebody's own.
#[derive(Clone, Copy, PartialEq, Eq)]
enum Home {
    /// In schema `sys`, whatever the current database is; nobody can make anything there.
    Sys,
    /// In `msdb.dbo`.
    Agent,
}

/// A parameter by its name and its place.
type Parameter = (&'static str, usize);

/// What a call sets of the thing. What is no column is a kind of parts of the thing.
enum Sets {
    /// Whatever there is of it.
    All,
    /// This, whatever is passed.
    Only(&'static str),
    /// The column of each parameter that is passed.
    Passed(&'static [(&'static str, usize, &'static str)]),
    /// The column of the option that a parameter names, to the value of another.
    Named(
        Parameter,
        Parameter,
        &'static [(&'static str, &'static str)],
    ),
}

/// What a procedure does to what its parameters name.
struct Procedure {
    name: &'static str,
    home: Home,
    verb: Verb,
    class: Class,
    /// The parameter that names the thing.
    named: Parameter,
    /// The parameter of the other thing, or of the value.
    other: Option<Parameter>,
    sets: Sets,
}

const fn of(
    home: Home,
    name: &'static str,
    verb: Verb,
    class: Class,
    named: Parameter,
) -> Procedure {
    Procedure {
        name,
        home,
        verb,
        class,
        named,
        other: None,
        sets: Sets::All,
    }
}

const fn sys(name: &'static str, verb: Verb, class: Class, named: Parameter) -> Procedure {
    of(Home::Sys, name, verb, class, named)
}

const fn agent(name: &'static str, verb: Verb, class: Class, named: Parameter) -> Procedure {
    of(Home::Agent, name, verb, class, named)
}

impl Procedure {
    const fn other(mut self, parameter: &'static str, place: usize) -> Self {
        self.other = Some((parameter, place));
        self
    }

    const fn only(mut self, what: &'static str) -> Self {
        self.sets = Sets::Only(what);
        self
    }

    const fn passed(mut self, columns: &'static [(&'static str, usize, &'static str)]) -> Self {
        self.sets = Sets::Passed(columns);
        self
    }

    const fn option(
        mut self,
        named: Parameter,
        value: Parameter,
        columns: &'static [(&'static str, &'static str)],
    ) -> Self {
        self.sets = Sets::Named(named, value, columns);
        self
    }
}

const STEP: &[(&str, usize, &str)] = &[
    ("@subsystem", 4, "subsystem"),
    ("@command", 5, "command"),
    ("@database_name", 13, "database_name"),
    ("@database_user_name", 14, "database_user_name"),
    ("@output_file_name", 18, "output_file_name"),
    ("@proxy_id", 20, "proxy_id"),
    ("@proxy_name", 21, "proxy_id"),
];

const SERVER_OPTIONS: &[(&str, &str)] = &[
    ("data access", "is_data_access_enabled"),
    ("rpc", "is_remote_login_enabled"),
    ("rpc out", "is_rpc_out_enabled"),
];

#[rustfmt::skip] // one procedure a line or two
const PROCEDURES: &[Procedure] = &[
    agent("sp_add_job", Verb::Makes, Class::Job, ("@job_name", 0)).passed(&[("@enabled", 1, "enabled")]),
    agent("sp_add_jobschedule", Verb::Changes, Class::Job, ("@job_name", 1)).only("schedule"),
    agent("sp_add_jobserver", Verb::Changes, Class::Job, ("@job_name", 1)).only("target"),
    agent("sp_add_jobstep", Verb::Makes, Class::JobStep, ("@step_name", 3)).other("@job_name", 1).passed(STEP),
    agent("sp_add_proxy", Verb::Makes, Class::Proxy, ("@proxy_name", 0)).passed(&[("@enabled", 1, "enabled")]),
    agent("sp_add_schedule", Verb::Makes, Class::Schedule, ("@schedule_name", 0)),
    sys("sp_add_trusted_assembly", Verb::Makes, Class::TrustedAssembly, ("@hash", 0)),
    sys("sp_addextendedproc", Verb::Makes, Class::Object, ("@functname", 0)).passed(&[("@dllname", 1, "dll_name")]),
    sys("sp_addlinkedserver", Verb::Makes, Class::LinkedServer, ("@server", 0))
        // Its login mapping for everybody comes with it.
        .passed(&[("@server", 0, "login"), ("@datasrc", 3, "data_source"), ("@location", 4, "location"), ("@catalog", 6, "catalog")]),
    sys("sp_addlinkedsrvlogin", Verb::Changes, Class::LinkedServer, ("@rmtsrvname", 0)).only("login"),
    agent("sp_attach_schedule", Verb::Changes, Class::Job, ("@job_name", 1)).only("schedule"),
    sys("sp_configure", Verb::Changes, Class::Option, ("@configname", 0)).other("@configvalue", 1),
    agent("sp_delete_job", Verb::Ends, Class::Job, ("@job_name", 1)),
    agent("sp_delete_proxy", Verb::Ends, Class::Proxy, ("@proxy_name", 1)),
    agent("sp_delete_schedule", Verb::Ends, Class::Schedule, ("@schedule_name", 1)),
    sys("sp_drop_trusted_assembly", Verb::Ends, Class::TrustedAssembly, ("@hash", 0)),
    sys("sp_dropextendedproc", Verb::Ends, Class::Object, ("@functname", 0)),
    sys("sp_droplinkedsrvlogin", Verb::Changes, Class::LinkedServer, ("@rmtsrvname", 0)).only("login"),
    sys("sp_dropserver", Verb::Ends, Class::LinkedServer, ("@server", 0)),
    agent("sp_grant_login_to_proxy", Verb::Changes, Class::Proxy, ("@proxy_name", 4)).only("login"),
    agent("sp_grant_proxy_to_subsystem", Verb::Changes, Class::Proxy, ("@proxy_name", 1)).only("subsystem"),
    sys("sp_procoption", Verb::Changes, Class::Startup, ("@ProcName", 0)).other("@OptionValue", 2),
    sys("sp_serveroption", Verb::Changes, Class::LinkedServer, ("@server", 0))
        .option(("@optname", 1), ("@optvalue", 2), SERVER_OPTIONS),
    agent("sp_update_job", Verb::Changes, Class::Job, ("@job_name", 1))
        .passed(&[("@enabled", 3, "enabled"), ("@start_step_id", 5, "start_step_id"), ("@owner_login_name", 7, "owner_sid")]),
    agent("sp_update_jobstep", Verb::Changes, Class::JobStep, ("@step_name", 3)).other("@job_name", 1).passed(STEP),
    agent("sp_update_proxy", Verb::Changes, Class::Proxy, ("@proxy_name", 1))
        .passed(&[("@credential_name", 2, "credential_id"), ("@credential_id", 3, "credential_id"), ("@enabled", 5, "enabled")]),
    agent("sp_update_schedule", Verb::Changes, Class::Schedule, ("@name", 1))
        .passed(&[("@enabled", 3, "enabled"), ("@freq_type", 4, "freq_type"), ("@owner_login_name", 14, "owner_sid")]),
];

const NOT_WHICH: &str = "whether the procedure of this name is the system's is not recorded";
const NO_OPTION: &str = "which option it set stands in a variable, whose value is not recorded";

/// What a call does that a record of its own is about: an execution of the procedure.
pub fn executed(call: &ActCall, event: &Event) -> Option<Deed> {
    let on = &event.on;
    let (own, known) = known(call)?;
    // Others of the text have records of their own.
    if !on.object.as_deref()?.eq_ignore_ascii_case(own) {
        return None;
    }
    let is = |recorded: &Option<String>, name: &str| {
        recorded
            .as_deref()
            .map(|own| own.eq_ignore_ascii_case(name))
    };
    let is_home = match known.home {
        Home::Sys => is(&on.schema, "sys"),
        Home::Agent => match (is(&on.database, "msdb"), is(&on.schema, "dbo")) {
            (Some(false), _) | (_, Some(false)) => Some(false),
            (Some(true), Some(true)) => Some(true),
            _ => None,
        },
    };
    match is_home {
        Some(false) => None,
        Some(true) => Some(does(known, call)),
        None => Some(does(known, call).doubted(NOT_WHICH)),
    }
}

/// What a call does of which a record is that names no procedure: of the right that it took, or of the batch.
pub fn called(call: &ActCall) -> Option<Deed> {
    known(call).map(|(_, known)| does(known, call))
}

/// The procedure that a call names as it is written, if that can be the system's.
fn known(call: &ActCall) -> Option<(&str, &'static Procedure)> {
    let (own, before) = call.callee.split_last()?;
    let mut known = PROCEDURES.iter();
    let known = known.find(|procedure| own.eq_ignore_ascii_case(procedure.name))?;
    // A name of the system's in dbo is the system's.
    let schemas: &[&str] = match known.home {
        Home::Sys => &["", "dbo", "sys"],
        Home::Agent => &["", "dbo"],
    };
    let schema = before.last().map(String::as_str).unwrap_or_default();
    let is_schema = schemas.iter().any(|own| own.eq_ignore_ascii_case(schema));
    // Of another server it changes that one.
    let is_here = before.len() < 3 || before.first().is_some_and(String::is_empty);
    // Without a value sp_configure shows the option.
    let is_shown = known.class == Class::Option && call.arguments.len() < 2;
    (is_schema && is_here && !is_shown).then_some((own.as_str(), known))
}

fn does(known: &Procedure, call: &ActCall) -> Deed {
    let value = |(name, place): Parameter| call.value(name, place).map(str::to_owned);
    let other = known.other.and_then(value);
    let is_value = matches!(known.class, Class::Option | Class::Startup);
    let mut name = value(known.named);
    if known.class == Class::TrustedAssembly {
        name = name.as_deref().map(hash);
    }
    let sets = sets(known, call);
    let doubt = sets.is_err().then_some(NO_OPTION);
    Deed {
        value: other.clone().filter(|_| is_value),
        other: other.filter(|_| !is_value),
        sets: sets.unwrap_or_default(),
        doubt,
        ..Deed::new(known.verb, known.class, name)
    }
}

/// What a deed sets, and to which value where that is written; `None`: anything.
pub type Columns = Option<Vec<(&'static str, Option<String>)>>;

/// `Err`: which column it is stands in a variable.
fn sets(known: &Procedure, call: &ActCall) -> Result<Columns, ()> {
    Ok(Some(match &known.sets {
        Sets::All => return Ok(None),
        Sets::Only(what) => vec![(*what, None)],
        Sets::Passed(columns) => {
            let passed = columns.iter().filter_map(|(name, place, column)| {
                let value = &call.argument(name, *place)?.value;
                // NULL leaves it as it is.
                let is_null = value
                    .as_deref()
                    .is_some_and(|own| own.eq_ignore_ascii_case("null"));
                (!is_null).then(|| (*column, value.clone()))
            });
            passed.collect()
        }
        Sets::Named(named, value, columns) => {
            let option = call.value(named.0, named.1).ok_or(())?;
            let value = call.value(value.0, value.1);
            let mut columns = columns.iter();
            let column = columns.find(|(own, _)| own.eq_ignore_ascii_case(option.trim()));
            let set = column.map(|(_, column)| (*column, value.map(str::to_owned)));
            set.into_iter().collect()
        }
    }))
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::tsql::acts;

    fn columns(text: &str) -> Columns {
        let calls = acts(text).calls;
        calls.iter().find_map(called).and_then(|own| own.sets)
    }

    #[test]
    fn procedures_are_in_order_and_stand_once() {
        assert!(
            PROCEDURES
                .windows(2)
                .all(|pair| pair[0].name < pair[1].name)
        );
    }

    #[test]
    fn a_call_sets_the_columns_of_what_is_passed() {
        let one = |column, value: &str| Some(vec![(column, Some(value.to_owned()))]);
        for (text, due) in [
            (
                "EXEC msdb.dbo.sp_update_jobstep @job_name = 'j', @step_name = 's', @command = N'x'",
                one("command", "x"),
            ),
            (
                "EXEC msdb.dbo.sp_update_jobstep @job_name = 'j', @step_name = 's', @command = @x",
                Some(vec![("command", None)]),
            ),
            (
                "EXEC msdb.dbo.sp_update_jobstep @job_name = 'j', @step_name = 's', @command = NULL",
                Some(Vec::new()),
            ),
            (
                "EXEC sp_serveroption 'LS', 'RPC out', 'true'",
                one("is_rpc_out_enabled", "true"),
            ),
            (
                "EXEC sp_serveroption 'LS', 'collation compatible', 'true'",
                Some(Vec::new()),
            ),
            ("EXEC sp_configure 'xp_cmdshell', 1", None),
        ] {
            assert_eq!(columns(text), due, "{text}");
        }
    }

    #[test]
    fn a_name_of_the_system_elsewhere_is_somebodys_own() {
        for (text, is_own) in [
            ("EXEC sp_configure 'a', 1", true),
            ("EXEC master..sp_configure 'a', 1", true),
            ("EXEC [sys].sp_configure 'a', 1", true),
            ("EXEC x.sp_configure 'a', 1", false),
            ("EXEC Vault.x.sp_configure 'a', 1", false),
            ("EXEC other.master.dbo.sp_configure 'a', 1", false),
            ("EXEC sys.sp_add_job 'a'", false),
        ] {
            let calls = acts(text).calls;
            assert_eq!(
                calls.iter().any(|call| called(call).is_some()),
                is_own,
                "{text}"
            );
        }
    }
}
