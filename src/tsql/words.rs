//! The words that matter: keywords by what they do to a statement, and functions by what they do to a text.

/// A reserved word's part in finding statements and the ends of expressions.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) enum Keyword {
    Alter,
    As,
    Begin,
    Bulk,
    Case,
    Collate,
    Create,
    Dbcc,
    Declare,
    Else,
    End,
    Execute,
    From,
    Goto,
    Grant,
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
            b"alter" => Self::Alter,
            b"as" => Self::As,
            b"begin" => Self::Begin,
            b"bulk" => Self::Bulk,
            b"case" => Self::Case,
            b"collate" => Self::Collate,
            b"create" => Self::Create,
            b"dbcc" => Self::Dbcc,
            b"declare" => Self::Declare,
            b"else" => Self::Else,
            b"end" => Self::End,
            b"exec" | b"execute" => Self::Execute,
            b"from" => Self::From,
            b"goto" => Self::Goto,
            b"grant" => Self::Grant,
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
            b"backup" | b"break" | b"checkpoint" | b"close" | b"commit" | b"continue"
            | b"deallocate" | b"delete" | b"deny" | b"drop" | b"fetch" | b"insert" | b"kill"
            | b"merge" | b"open" | b"print" | b"raiserror" | b"readtext" | b"reconfigure"
            | b"restore" | b"return" | b"revert" | b"revoke" | b"rollback" | b"save"
            | b"shutdown" | b"truncate" | b"updatetext" | b"use" | b"waitfor" | b"writetext" => {
                Self::Statement
            }
            b"and" | b"or" | b"not" | b"in" | b"like" | b"between" | b"is" | b"escape"
            | b"exists" => Self::Operator,
            _ => return None,
        })
    }

    /// Whether a statement begins here wherever the word stands, so that an expression before it has ended.
    pub(super) fn begins_statement(self) -> bool {
        matches!(
            self,
            Self::Alter
                | Self::Begin
                | Self::Bulk
                | Self::Create
                | Self::Dbcc
                | Self::Declare
                | Self::Execute
                | Self::Goto
                | Self::Grant
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
