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

mod arguments;
mod assignment;
mod branches;
mod call;
mod code;
mod convert;
mod decode;
mod execute;
mod expression;
mod folded;
mod found;
mod functions;
mod header;
mod holes;
mod lexer;
mod methods;
mod module;
mod names;
mod object;
mod operators;
mod options;
mod place;
mod procedures;
mod query;
mod remote;
mod rows;
mod script;
mod sink;
mod source;
mod statements;
mod tables;
mod text_functions;
mod types;
mod value;
mod variables;
mod walk;
mod words;

#[cfg(test)]
mod cases;
#[cfg(test)]
mod laws;
#[cfg(test)]
mod tests;

pub use module::{observe_module, observe_module_among};
pub use names::Synonyms;
pub use object::{Argument, AsCode, CallSite, Kind, Note, Object, Observation, Parameter};
pub use script::{observe_script, observe_script_among};
pub use sink::{How, Sink};
