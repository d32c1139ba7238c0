//! An inventory over simulated instances, and the audit of it.

use std::fmt::Write as _;

use super::cli::Cli;
use super::instance::{PASSWORD, RunningInstance, USER};

/// The environment variable that inventories of tests take the password from.
pub const VARIABLE: &str = "POSTURE_PASSWORD";

/// An inventory being written.
pub struct Estate {
    text: String,
    ca: String,
}

impl Estate {
    /// Without targets; the defaults trust the simulated servers' authority and wait for nothing long.
    pub fn new() -> Self {
        Self::with_defaults(
            "timeouts = { connect_seconds = 5, login_seconds = 5, query_seconds = 20 }",
        )
    }

    /// The same with other lines in `[defaults]` besides the credential and the authority.
    pub fn with_defaults(lines: &str) -> Self {
        let text = format!(
            "schema = \"mssql-posture/inventory/v1\"\nas_of = \"2026-01-01\"\n\
             [defaults]\n\
             auth = {{ kind = \"sql\", user = \"{USER}\", password = {{ env = \"{VARIABLE}\" }} }}\n\
             tls = {{ ca_file = \"ca.pem\" }}\n{lines}\n"
        );
        Self {
            text,
            ca: String::new(),
        }
    }

    /// Adds a running instance.
    pub fn with(self, name: &str, server: &RunningInstance) -> Self {
        let mut estate = self.at(name, server.port(), "");
        server.ca_pem().clone_into(&mut estate.ca);
        estate
    }

    /// Adds a running instance with further lines.
    pub fn with_lines(self, name: &str, server: &RunningInstance, lines: &str) -> Self {
        let mut estate = self.at(name, server.port(), lines);
        server.ca_pem().clone_into(&mut estate.ca);
        estate
    }

    /// Adds whatever listens at a port of this machine, or nothing.
    pub fn at(mut self, name: &str, port: u16, lines: &str) -> Self {
        let _ = write!(
            self.text,
            "[[target]]\nname = \"{name}\"\nhost = \"127.0.0.1\"\nport = {port}\n{lines}\n"
        );
        self
    }

    /// Adds text as it is.
    pub fn raw(mut self, text: &str) -> Self {
        self.text += text;
        self
    }

    /// Changes what was written so far.
    pub fn replace(&mut self, from: &str, to: &str) {
        assert!(self.text.contains(from), "no {from:?} in {}", self.text);
        self.text = self.text.replace(from, to);
    }

    /// A run of a command on it, writing to `out`, with the password in the environment.
    pub fn command(&self, command: &str, args: &[&str]) -> Cli {
        let mut all = vec![command, "estate.toml", "-o", "out"];
        all.extend(args);
        Cli::new(&all)
            .file("estate.toml", &self.text)
            .file("ca.pem", &self.ca)
            .env(VARIABLE, PASSWORD)
    }

    /// `collect`.
    pub fn collect(&self, args: &[&str]) -> Cli {
        self.command("collect", args)
    }

    /// A run of a command on it that writes no folder.
    pub fn look(&self, command: &str, args: &[&str]) -> Cli {
        let mut all = vec![command, "estate.toml"];
        all.extend(args);
        Cli::new(&all)
            .file("estate.toml", &self.text)
            .file("ca.pem", &self.ca)
            .env(VARIABLE, PASSWORD)
    }

    /// `audit`.
    pub fn audit(&self, args: &[&str]) -> Cli {
        self.command("audit", args)
    }
}

/// A port of this machine at which nothing listens.
pub fn closed_port() -> u16 {
    std::net::TcpListener::bind("127.0.0.1:0")
        .unwrap()
        .local_addr()
        .unwrap()
        .port()
}
