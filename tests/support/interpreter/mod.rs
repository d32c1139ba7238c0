//! Runs scripts: just enough of Transact-SQL's control flow for the collector script, after Microsoft's reference
//! and not after the program's code. It is strict where a server is (no semicolon before ELSE, no expressions as
//! arguments of procedures, variables are cut to their types, texts that are not of a `max` type at 8000 bytes), and
//! pessimistic where the reference leaves room: of a statement's errors CATCH sees the last, and what fails because a
//! name leads nowhere is not caught at the level at which it fails.
//!
//! SELECT over catalogs is the host's business; this knows none.

mod functions;
mod lexer;
mod parser;
mod run;
mod syntax;
mod value;

pub use run::{Interpreter, Uncaught};
pub use value::Value;

/// An error of the server.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Failure {
    pub number: i32,
    pub text: String,
}

/// A result set.
#[derive(Debug, Default)]
pub struct Rows {
    pub columns: Vec<String>,
    pub rows: Vec<Vec<Value>>,
}

/// What a script says outside comments: its words and variables in upper case, and its texts.
pub fn words_and_texts(script: &str) -> Result<(Vec<String>, Vec<String>), String> {
    let (mut words, mut texts) = (Vec::new(), Vec::new());
    for placed in lexer::tokens(script)? {
        match placed.token {
            lexer::Token::Word(word) | lexer::Token::Variable(word) => {
                words.push(word.to_ascii_uppercase());
            }
            lexer::Token::Text(text, _) => texts.push(text),
            _ => {}
        }
    }
    Ok((words, texts))
}

/// The server around a script.
pub trait Host {
    /// Enters a database; what leads back.
    fn enter(&mut self, database: &str) -> Result<usize, Failure>;
    /// Back to where `enter` came from.
    fn leave(&mut self, before: usize);
    /// Runs a SELECT in the current database: its rows, or every error, in order.
    fn query(&mut self, text: &str) -> Result<Rows, Vec<Failure>>;
    /// A function of the session or the server, such as ORIGINAL_LOGIN; `None` if there is no such function.
    fn function(&mut self, name: &str, arguments: &[Value]) -> Option<Value>;
    /// Whether a session option may be set so.
    fn option(&mut self, words: &[String]) -> bool;
    fn version(&self) -> u16;
    /// What a test did that is not understood.
    fn gap(&mut self, text: String);
}
