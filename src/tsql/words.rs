//! The words that matter: keywords by what they do to a statement, and the procedures that are observed.

use super::Channel;

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
const CHANNELS: &[(&str, Channel)] = &[
    ("xp_cmdshell", Channel::XpCmdshell),
    ("sp_OACreate", Channel::OleAutomation),
    ("sp_OAMethod", Channel::OleAutomation),
    ("sp_OAGetProperty", Channel::OleAutomation),
    ("sp_OASetProperty", Channel::OleAutomation),
    ("sp_OADestroy", Channel::OleAutomation),
    ("sp_OAGetErrorInfo", Channel::OleAutomation),
    ("sp_OAStop", Channel::OleAutomation),
    ("sp_execute_external_script", Channel::ExternalScript),
];

/// The channel that a procedure's own name, without its qualification, stands for. Trailing blanks do not tell
/// names apart in SQL Server.
pub(super) fn channel(name: &str) -> Option<Channel> {
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
