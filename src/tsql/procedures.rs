//! SQL Server's own procedures, as far as what they do with what they are given matters: one table.

use super::Sink;
use super::names::folded;

/// What a procedure does.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) enum Does {
    /// It is a sink; what it takes is its command.
    Is(Sink),
    /// It executes what it takes as T-SQL.
    Executes,
    /// It executes what it takes, a query, and then every row of its result.
    ExecutesRows,
    /// It executes what it takes, and the text has parameters.
    ExecutesWithParameters(Parameters),
    /// It takes a language, a script in it, and a query for the script's input.
    RunsScript,
    /// It takes an option and a value.
    SetsOption,
    /// It takes a subsystem and a command; without a subsystem the command is T-SQL.
    AddsJobStep,
    /// The same; without a subsystem the step's own stays.
    ChangesJobStep,
    /// It takes a procedure, an option and a value.
    SetsStartup,
}

/// Where the parameters of a text that is executed are passed, from 0.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) struct Parameters {
    /// The list that declares them.
    pub(super) list: usize,
    /// The first of their values.
    pub(super) values: usize,
}

/// A parameter that matters.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) struct Parameter {
    /// In lower case, with `@`.
    pub(super) name: &'static str,
    /// Its place, from 0.
    pub(super) place: usize,
}

/// Which arguments matter.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) enum Takes {
    /// None.
    Nothing,
    /// All from this place on, but those it gives back.
    From(usize),
    /// These.
    These(&'static [Parameter]),
}

/// A row of the table.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) struct Procedure {
    /// In lower case.
    pub(super) name: &'static str,
    pub(super) does: Does,
    pub(super) takes: Takes,
    /// Whether an argument of another name than the parameter's counts by its place. So it is with procedures that are
    /// no T-SQL.
    pub(super) names_do_not_count: bool,
}

const fn parameter(name: &'static str, place: usize) -> Parameter {
    Parameter { name, place }
}

/// A procedure written in T-SQL.
const fn written(name: &'static str, does: Does, takes: &'static [Parameter]) -> Procedure {
    Procedure {
        name,
        does,
        takes: Takes::These(takes),
        names_do_not_count: false,
    }
}

/// A procedure that is part of the engine or of a library.
const fn native(name: &'static str, does: Does, takes: Takes) -> Procedure {
    Procedure {
        name,
        does,
        takes,
        names_do_not_count: true,
    }
}

/// An executor whose text has parameters.
const fn parameterised(
    name: &'static str,
    takes: &'static [Parameter],
    list: usize,
    values: usize,
) -> Procedure {
    let parameters = Parameters { list, values };
    native(name, Does::ExecutesWithParameters(parameters), first(takes))
}

const fn files(name: &'static str) -> Procedure {
    native(name, Does::Is(Sink::OtherXp), Takes::From(0))
}

const fn registry(name: &'static str) -> Procedure {
    native(name, Does::Is(Sink::RegistryWrite), Takes::From(0))
}

const fn ole(name: &'static str, takes: Takes) -> Procedure {
    native(name, Does::Is(Sink::OleAutomation), takes)
}

const fn first(parameter: &'static [Parameter]) -> Takes {
    Takes::These(parameter)
}

const COMMAND_STRING: &[Parameter] = &[parameter("@command_string", 0)];
const STATEMENT: &[Parameter] = &[parameter("@stmt", 0), parameter("@statement", 0)];
const THIRD_STATEMENT: &[Parameter] = &[parameter("@stmt", 2), parameter("@statement", 2)];
const SECOND_STATEMENT: &[Parameter] = &[parameter("@stmt", 1), parameter("@statement", 1)];
const STEP: &[Parameter] = &[parameter("@subsystem", 4), parameter("@command", 5)];
const FOR_EACH_DATABASE: &[Parameter] = &[
    parameter("@command1", 0),
    parameter("@command2", 2),
    parameter("@command3", 3),
    parameter("@precommand", 4),
    parameter("@postcommand", 5),
];
const FOR_EACH_TABLE: &[Parameter] = &[
    parameter("@command1", 0),
    parameter("@command2", 2),
    parameter("@command3", 3),
    // A condition, which becomes a part of a query's text.
    parameter("@whereand", 4),
    parameter("@precommand", 5),
    parameter("@postcommand", 6),
];

#[rustfmt::skip] // one row, one line
const PROCEDURES: &[Procedure] = &[
    written("sp_add_jobstep", Does::AddsJobStep, STEP),
    written("sp_add_jobstep_internal", Does::AddsJobStep, STEP),
    native("sp_add_trusted_assembly", Does::Is(Sink::CreateAssembly), Takes::From(0)),
    written("sp_addextendedproc", Does::Is(Sink::ExtendedProcAdd), &[parameter("@functname", 0), parameter("@dllname", 1)]),
    written("sp_addtask", Does::AddsJobStep, &[parameter("@subsystem", 1), parameter("@command", 22)]),
    written("sp_configure", Does::SetsOption, &[parameter("@configname", 0), parameter("@configvalue", 1)]),
    parameterised("sp_cursoropen", SECOND_STATEMENT, 5, 6),
    native("sp_cursorprepare", Does::Executes, first(THIRD_STATEMENT)),
    parameterised("sp_cursorprepexec", &[parameter("@stmt", 3), parameter("@statement", 3)], 2, 7),
    native("sp_execute_external_script", Does::RunsScript, first(&[parameter("@language", 0), parameter("@script", 1), parameter("@input_data_1", 2)])),
    parameterised("sp_execute_remote", SECOND_STATEMENT, 2, 3),
    parameterised("sp_executesql", STATEMENT, 1, 2),
    written("sp_invoke_external_rest_endpoint", Does::Is(Sink::RestEndpoint), &[parameter("@url", 0), parameter("@payload", 1), parameter("@headers", 2)]),
    written("sp_makewebtask", Does::Executes, &[parameter("@query", 1)]),
    written("sp_msforeach_worker", Does::Executes, &[parameter("@command1", 0), parameter("@command2", 2), parameter("@command3", 3)]),
    written("sp_msforeachdb", Does::Executes, FOR_EACH_DATABASE),
    written("sp_msforeachtable", Does::Executes, FOR_EACH_TABLE),
    ole("sp_oacreate", Takes::From(0)),
    ole("sp_oadestroy", Takes::Nothing),
    ole("sp_oageterrorinfo", Takes::Nothing),
    ole("sp_oagetproperty", Takes::From(1)),
    ole("sp_oamethod", Takes::From(1)),
    ole("sp_oasetproperty", Takes::From(1)),
    ole("sp_oastop", Takes::Nothing),
    native("sp_prepare", Does::Executes, first(THIRD_STATEMENT)),
    parameterised("sp_prepexec", THIRD_STATEMENT, 1, 3),
    native("sp_prepexecrpc", Does::Executes, first(SECOND_STATEMENT)),
    written("sp_procoption", Does::SetsStartup, &[parameter("@procname", 0), parameter("@optionname", 1), parameter("@optionvalue", 2)]),
    parameterised("sp_resyncexecutesql", STATEMENT, 1, 2),
    written("sp_send_dbmail", Does::Executes, &[parameter("@query", 10)]),
    native("sp_sqlexec", Does::Executes, first(&[parameter("@p1", 0)])),
    written("sp_update_jobstep", Does::ChangesJobStep, &[parameter("@subsystem", 4), parameter("@command", 5)]),
    files("xp_availablemedia"),
    native("xp_cmdshell", Does::Is(Sink::XpCmdshell), first(COMMAND_STRING)),
    files("xp_copy_file"),
    files("xp_copy_files"),
    files("xp_create_subdir"),
    files("xp_delete_file"),
    files("xp_delete_files"),
    files("xp_dirtree"),
    native("xp_execresultset", Does::ExecutesRows, first(&[parameter("@cmd", 0)])),
    files("xp_fileexist"),
    files("xp_fixeddrives"),
    files("xp_getfiledetails"),
    registry("xp_instance_regaddmultistring"),
    registry("xp_instance_regdeletekey"),
    registry("xp_instance_regdeletevalue"),
    registry("xp_instance_regremovemultistring"),
    registry("xp_instance_regwrite"),
    files("xp_makecab"),
    registry("xp_regaddmultistring"),
    registry("xp_regdeletekey"),
    registry("xp_regdeletevalue"),
    registry("xp_regremovemultistring"),
    registry("xp_regwrite"),
    native("xp_sendmail", Does::Executes, first(&[parameter("@query", 2)])),
    files("xp_subdirs"),
    files("xp_unpackcab"),
];

/// Functions that reach the file system.
const FILE_FUNCTIONS: &[&str] = &["dm_os_enumerate_filesystem", "dm_os_file_exists"];

/// In bytes; none of their letters has a shorter one that is held equal.
pub(super) const SHORTEST_FILE_FUNCTION: usize = 17;

/// Whether a function reaches the file system.
pub(super) fn is_file_function(name: &str) -> bool {
    name.len() >= SHORTEST_FILE_FUNCTION && FILE_FUNCTIONS.contains(&folded(name).as_str())
}

/// The row of a procedure's own name, in any database, under any schema.
pub(super) fn procedure(name: &str) -> Option<&'static Procedure> {
    let name = folded(name);
    let row = PROCEDURES.binary_search_by(|row| row.name.cmp(name.as_str()));
    row.ok().and_then(|row| PROCEDURES.get(row))
}

/// What SQL Server's own procedure of this name comes to when it is called; none where it depends on a text that it
/// executes, and of any other procedure.
pub fn sink_of_procedure(name: &str) -> Option<Sink> {
    match procedure(name)?.does {
        Does::Is(sink) => Some(sink),
        Does::RunsScript => Some(Sink::ExternalScript),
        Does::SetsOption => Some(Sink::SpConfigureEnable),
        Does::AddsJobStep | Does::ChangesJobStep => Some(Sink::AgentJob),
        Does::SetsStartup => Some(Sink::StartupProc),
        Does::Executes | Does::ExecutesRows | Does::ExecutesWithParameters(_) => None,
    }
}

/// All of their names.
pub(super) fn names() -> impl Iterator<Item = &'static str> {
    PROCEDURES.iter().map(|row| row.name)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_table_is_in_order_in_lower_case_and_without_doubles() {
        let names: Vec<&str> = PROCEDURES.iter().map(|row| row.name).collect();
        assert!(names.windows(2).all(|pair| pair[0] < pair[1]), "{names:?}");
        assert!(names.iter().all(|name| **name == name.to_lowercase()));
    }

    #[test]
    fn parameters_are_in_lower_case_and_those_that_need_two_have_them() {
        for row in PROCEDURES {
            let Takes::These(parameters) = row.takes else {
                continue;
            };
            assert!(!parameters.is_empty(), "{}", row.name);
            for parameter in parameters {
                assert!(parameter.name.starts_with('@'), "{}", row.name);
                assert_eq!(parameter.name, parameter.name.to_lowercase());
            }
            let least = match row.does {
                Does::SetsStartup => 3,
                Does::SetsOption | Does::AddsJobStep | Does::ChangesJobStep => 2,
                _ => 1,
            };
            assert!(parameters.len() >= least, "{}", row.name);
        }
    }

    #[test]
    fn names_are_the_same_without_case_width_and_trailing_blanks() {
        for name in [
            "xp_cmdshell",
            "XP_CMDSHELL",
            "xp_cmdshell  ",
            "xp_cmd\u{17F}hell",
            "\u{FF58}p_cmdshell",
        ] {
            assert_eq!(
                procedure(name).map(|row| row.name),
                Some("xp_cmdshell"),
                "{name}"
            );
        }
        for name in ["", " xp_cmdshell", "xp_cmdshell2", "xp_cmdshel", "sp_oa"] {
            assert_eq!(procedure(name), None, "{name}");
        }
        assert_eq!(
            procedure("SP_MS\u{66}OREACHDB").map(|row| row.name),
            Some("sp_msforeachdb")
        );
    }
}
