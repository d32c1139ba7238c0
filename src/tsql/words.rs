//! The words that matter: keywords by what they do to a statement, and the procedures that are observed.

use super::Sink;

/// A reserved word's part in finding statements and the ends of expressions.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) enum Keyword {
    As,
    Begin,
    Case,
    Collate,
    Declare,
    Else,
    End,
    Execute,
    From,
    Goto,
    If,
    Into,
    Null,
    Over,
    Select,
    Set,
    Then,
    Top,
    Update,
    When,
    While,
    Within,
    /// ALL, DISTINCT: may stand before a select list.
    Quantifier,
    /// ON, TO, ANY: what follows EXECUTE where it names a permission, like AS and FROM.
    PermissionTail,
    /// Not reserved; assigns from a queue's rows.
    Receive,
    /// Begins a clause of a query, so ends an expression.
    Clause,
    /// Begins a statement that assigns nothing.
    Statement,
    /// An operator written as a word; its result is no text.
    Operator,
}

const LONGEST_KEYWORD: usize = 11;

impl Keyword {
    /// The keyword this bare word is, in any case.
    pub(super) fn of(word: &str) -> Option<Self> {
        let mut lower = [0_u8; LONGEST_KEYWORD];
        let lower = lower.get_mut(..word.len())?;
        lower.copy_from_slice(word.as_bytes());
        lower.make_ascii_lowercase();
        Some(match &*lower {
            b"as" => Self::As,
            b"begin" => Self::Begin,
            b"case" => Self::Case,
            b"collate" => Self::Collate,
            b"declare" => Self::Declare,
            b"else" => Self::Else,
            b"end" => Self::End,
            b"exec" | b"execute" => Self::Execute,
            b"from" => Self::From,
            b"goto" => Self::Goto,
            b"if" => Self::If,
            b"into" => Self::Into,
            b"null" => Self::Null,
            b"over" => Self::Over,
            b"receive" => Self::Receive,
            b"select" => Self::Select,
            b"set" => Self::Set,
            b"then" => Self::Then,
            b"top" => Self::Top,
            b"update" => Self::Update,
            b"when" => Self::When,
            b"while" => Self::While,
            b"within" => Self::Within,
            b"all" | b"distinct" => Self::Quantifier,
            b"on" | b"to" | b"any" => Self::PermissionTail,
            b"where" | b"group" | b"order" | b"having" | b"union" | b"except" | b"intersect"
            | b"option" | b"for" | b"with" => Self::Clause,
            b"alter" | b"backup" | b"break" | b"bulk" | b"checkpoint" | b"close" | b"commit"
            | b"continue" | b"create" | b"dbcc" | b"deallocate" | b"delete" | b"deny" | b"drop"
            | b"fetch" | b"grant" | b"insert" | b"kill" | b"merge" | b"open" | b"print"
            | b"raiserror" | b"readtext" | b"reconfigure" | b"restore" | b"return" | b"revert"
            | b"revoke" | b"rollback" | b"save" | b"shutdown" | b"truncate" | b"updatetext"
            | b"use" | b"waitfor" | b"writetext" => Self::Statement,
            b"and" | b"or" | b"not" | b"in" | b"like" | b"between" | b"is" | b"escape"
            | b"exists" => Self::Operator,
            _ => return None,
        })
    }

    /// Whether a statement begins here wherever the word stands, so that an expression before it has ended.
    pub(super) fn begins_statement(self) -> bool {
        matches!(
            self,
            Self::Begin
                | Self::Declare
                | Self::Execute
                | Self::Goto
                | Self::If
                | Self::Set
                | Self::Statement
                | Self::Update
                | Self::While
        )
    }

    /// Whether a list of arguments or declarations has ended here.
    pub(super) fn ends_list(self) -> bool {
        self.begins_statement() || matches!(self, Self::Select | Self::End | Self::Else)
    }
}

/// Procedures that are a channel, in any database, under any schema.
const CHANNELS: &[(&str, Sink)] = &[
    ("xp_cmdshell", Sink::XpCmdshell),
    ("sp_OACreate", Sink::OleAutomation),
    ("sp_OAMethod", Sink::OleAutomation),
    ("sp_OAGetProperty", Sink::OleAutomation),
    ("sp_OASetProperty", Sink::OleAutomation),
    ("sp_OADestroy", Sink::OleAutomation),
    ("sp_OAGetErrorInfo", Sink::OleAutomation),
    ("sp_OAStop", Sink::OleAutomation),
    ("sp_execute_external_script", Sink::ExternalScript),
];

/// The channel that a procedure's own name, without its qualification, stands for. Trailing blanks do not tell
/// names apart in SQL Server.
pub(super) fn channel(name: &str) -> Option<Sink> {
    find(CHANNELS, name)
}

/// The parameter of a procedure that is executed as T-SQL.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) struct Executed {
    /// Its place among the arguments, from 0.
    pub(super) position: usize,
    /// The names it may be given by.
    pub(super) names: &'static [&'static str],
}

/// Procedures that execute a text they are given.
const EXECUTORS: &[(&str, Executed)] = &[(
    "sp_executesql",
    Executed {
        position: 0,
        names: &["@stmt", "@statement"],
    },
)];

/// Which argument a procedure of this name executes.
pub(super) fn executed(name: &str) -> Option<Executed> {
    find(EXECUTORS, name)
}

fn find<T: Copy>(table: &[(&str, T)], name: &str) -> Option<T> {
    let name = name.trim_end_matches(' ');
    let row = table.iter().find(|(row, _)| row.eq_ignore_ascii_case(name));
    row.map(|(_, value)| *value)
}

/// How a function's result hangs together with the text of its arguments.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) enum Function {
    /// The argument at this place, unchanged as far as code goes (or all, one after the other).
    Passes(Option<usize>),
    /// Something made of the argument at this place, so its text is known in part.
    Alters(usize),
    /// One of the arguments from this place on.
    Chooses(usize),
    /// The character of a number; `true` for NCHAR.
    Character(bool),
    /// The argument backwards.
    Reverses,
    /// Nothing that can be told.
    Opaque,
}

const FUNCTIONS: &[(&str, Function)] = &[
    ("cast", Function::Passes(Some(0))),
    ("try_cast", Function::Passes(Some(0))),
    ("convert", Function::Passes(Some(1))),
    ("try_convert", Function::Passes(Some(1))),
    ("upper", Function::Passes(Some(0))),
    ("lower", Function::Passes(Some(0))),
    ("ltrim", Function::Passes(Some(0))),
    ("rtrim", Function::Passes(Some(0))),
    ("concat", Function::Passes(None)),
    ("char", Function::Character(false)),
    ("nchar", Function::Character(true)),
    ("reverse", Function::Reverses),
    ("replace", Function::Alters(0)),
    ("stuff", Function::Alters(0)),
    ("string_agg", Function::Alters(0)),
    ("quotename", Function::Alters(0)),
    ("isnull", Function::Chooses(0)),
    ("coalesce", Function::Chooses(0)),
    ("iif", Function::Chooses(1)),
    ("choose", Function::Chooses(1)),
];

/// What is known of a function by its own name.
pub(super) fn function(name: &str) -> Function {
    find(FUNCTIONS, name).unwrap_or(Function::Opaque)
}
