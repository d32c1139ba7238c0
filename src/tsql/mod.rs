//! What a T-SQL text executes. Pure: text in, observations out; the room knows nothing of the rest.
//!
//! ```text
//! text ─▶ lexer (tokens that cover every byte) ─▶ walk (statements) ─▶ object (sinks, calls, notes)
//!                                                  │  ▲
//!                                    expression ◀──┘  └── text that is executed is walked again
//! ```
//!
//! Most modules do nothing but call others by name, or not even that. They are not walked: `skim` finds their calls, and
//! these are read by themselves.
//!
//! Nothing here fails: what is not understood is stepped over, and code that is executed but could not be
//! read is itself an observation. Time is linear in the text; the only recursion is into text that is
//! executed by text, and that is bounded.
//!
//! What SQL Server's own procedures do with what they are given stands in one table (`procedures`). A text that is
//! given to a procedure of somebody else's is read as if it were executed, and kept with the call: whoever knows the
//! callee decides whether it is.
//!
//! Values are followed exactly where they are known, through the functions in `functions`, rows that are written out,
//! both branches of IF, and loops that decode text (as many as 2^15 tokens of one); of a query over a table one row
//! stands for any number, so that what it adds must stand alone. A value may be one of 32; what is beyond that, or
//! beyond the budget, is open, and says why. Rows of table variables come in the order they went in, as they do where
//! there is no key.
//!
//! Known limits of this version: what a callee gives back in an OUTPUT parameter is known of procedures further up in the same script
//! only; what a function of users returns is not; what sqlcmd puts into a script is not read, and `directives` says
//! where. Names are compared without case and width, though a server's collation may hold more or fewer of
//! them equal.

mod acts;
mod arguments;
mod assignment;
mod branches;
mod call;
mod callees;
mod catalog;
mod catalog_names;
mod changes;
mod code;
mod command_secrets;
mod conditions;
mod convert;
mod decode;
mod directives;
mod execute;
mod expression;
mod folded;
mod for_xml;
mod found;
mod frames;
mod function_calls;
mod functions;
mod given_back;
mod header;
mod holes;
mod json;
mod lexer;
mod loops;
mod methods;
mod module;
mod named_calls;
mod names;
mod normal;
mod numbered;
mod object;
mod open_json;
mod operators;
mod options;
mod order;
mod place;
mod plain;
mod procedures;
mod program;
mod published;
mod query;
mod raised;
mod reach;
mod recursive;
mod remote;
mod returned_rows;
mod rows;
mod script;
mod secrets;
mod shipped;
mod signs;
mod sink;
mod skim;
mod source;
mod statements;
mod tables;
mod taint;
mod text_building;
mod text_functions;
mod types;
mod value;
mod variables;
mod walk;
mod words;
mod writes;
mod xml_paths;

#[cfg(test)]
mod cases;
#[cfg(test)]
mod laws;
#[cfg(test)]
mod skim_laws;
#[cfg(test)]
mod statement_laws;
#[cfg(test)]
mod tests;
#[cfg(test)]
mod values_laws;
#[cfg(test)]
mod values_tests;

pub use acts::{ActArgument, ActCall, ActGrant, Acts, GrantAct, acts, makes_module};
pub use callees::{Callees, Home};
pub use directives::first_unread_directive;
#[cfg(any(test, fuzzing))]
pub use module::observe_module_without_first_pass;
pub use module::{name_parts, observe_module, observe_module_among};
pub use names::Synonyms;
pub use normal::{is_same_code, is_same_step, normalised, normalised_step};
pub use object::{Argument, AsCode, CallSite, Kind, Note, Object, Observation, Parameter};
pub use options::{is_option, shut_value};
pub use procedures::sink_of_procedure;
pub use program::{Member, connect};
pub use published::{
    Published, PublishedAssembly, PublishedModule, PublishedStep, normalised_module, published,
};
pub use script::{observe_job_step, observe_script, observe_script_among};
pub use secrets::mask_secrets;
pub use sink::{How, Sink};

/// How many tokens a text has, white space and comments among them: what of an analysis is the lexer's alone.
pub fn count_tokens(text: &str, quoted_identifier: bool) -> usize {
    lexer::Lexer::new(text, quoted_identifier).count()
}
