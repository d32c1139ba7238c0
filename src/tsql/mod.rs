//! What a T-SQL text executes. Pure: text in, observations out; the room knows nothing of the rest.
//!
//! ```text
//! text ─▶ lexer (tokens that cover every byte) ─▶ walk (statements) ─▶ observations
//!                                                  │  ▲
//!                                    expression ◀──┘  └── text that is executed is walked again
//! ```
//!
//! Nothing here fails: what is not understood is stepped over, and code that is executed but could not be
//! read is itself an observation. Time is linear in the text; the only recursion is into text that is
//! executed by text, and that is bounded.
//!
//! Known limits of this version: values of variables are followed in straight order, with branches joined and
//! loops walked twice; a value that depends on data, on parameters or on a function outside the small table
//! in `expression` is a hole. What a handler sees of values replaced inside its own TRY block is not
//! followed. Procedures other than sp_executesql are not taken to execute the text they are given, and ODBC's
//! `{call …}` is not read. Names are compared without case but otherwise letter by letter, though a server's
//! collation may hold more of them equal.

mod assignment;
mod branches;
mod code;
mod convert;
mod decode;
mod execute;
mod expression;
mod folded;
mod functions;
mod holes;
mod lexer;
mod methods;
mod operators;
mod place;
mod query;
mod rows;
mod source;
mod tables;
mod text_functions;
mod types;
mod value;
mod variables;
mod walk;
mod words;

#[cfg(test)]
mod laws;
#[cfg(test)]
mod tests;

/// A way by which a module runs code outside the engine, or code that nobody could read.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub enum Channel {
    /// A call of xp_cmdshell, under any qualification or spelling.
    XpCmdshell,
    /// A call of sp_OACreate or one of its siblings.
    OleAutomation,
    /// A call of sp_execute_external_script.
    ExternalScript,
    /// Code is executed that could not be read, or not in full.
    DynamicUnresolved,
}

impl Channel {
    /// The channel's name in machine output.
    pub fn as_str(self) -> &'static str {
        match self {
            Self::XpCmdshell => "xp_cmdshell",
            Self::OleAutomation => "ole_automation",
            Self::ExternalScript => "external_script",
            Self::DynamicUnresolved => "dynamic_unresolved",
        }
    }
}

/// How the text comes to the call.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub enum How {
    /// In the text's own code.
    Direct,
    /// Whole inside a string that is executed.
    DynamicLiteral,
    /// Inside text that is executed, and the name itself is put together from pieces.
    DynamicConcat,
    /// `EXEC @name`, the name being the variable's value.
    ViaVariableProcName,
}

impl How {
    /// The word in machine output.
    pub fn as_str(self) -> &'static str {
        match self {
            Self::Direct => "direct",
            Self::DynamicLiteral => "dynamic_literal",
            Self::DynamicConcat => "dynamic_concat",
            Self::ViaVariableProcName => "via_variable_proc_name",
        }
    }
}

/// One call seen in a text.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash)]
pub struct Observation {
    /// What is called.
    pub channel: Channel,
    /// How the text comes to the call.
    pub how: How,
    /// Line, from 1, of the call's name, or of the string literal that holds it.
    pub line: u32,
    /// Column, from 1, in UTF-16 units, of the same place.
    pub column: u32,
}

/// What a batch or a module's definition executes, in order of place; calls of one channel in one literal are
/// one observation. `quoted_identifier` is the setting the module was created under: it decides whether
/// `"…"` is a name or a string.
pub fn observe(text: &str, quoted_identifier: bool) -> Vec<Observation> {
    let calls = walk::calls(text, quoted_identifier);
    let mut places = place::Places::new(text);
    let observation = |call: walk::Call| {
        let (line, column) = places.advance_to(call.offset);
        Observation {
            channel: call.channel,
            how: call.how,
            line,
            column,
        }
    };
    calls.into_iter().map(observation).collect()
}
