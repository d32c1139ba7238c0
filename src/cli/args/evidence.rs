//! What the commands take that make keys, sign and verify.

use std::path::PathBuf;

use clap::Args;

/// How to sign what is written.
#[derive(Debug, Args)]
pub struct Signing {
    /// Sign the folder with this secret key of `keygen` or minisign.
    #[arg(long, value_name = "KEY", group = "signing_key")]
    pub sign_key: Option<PathBuf>,
    /// Sign it with the secret key that this command prints: a program, or an array like `["pass", "show", "auditor"]`. It is
    /// run directly, never by a shell.
    #[arg(long, value_name = "COMMAND", group = "signing_key")]
    pub sign_key_command: Option<String>,
    /// Environment variable that holds the key's password.
    #[arg(long, value_name = "VAR", requires = "signing_key")]
    pub key_password_env: Option<String>,
}

/// `keygen`.
#[derive(Debug, Args)]
pub struct Keygen {
    /// File for the secret key; the public one stands beside it, with .pub added.
    #[arg(short, long, value_name = "KEY")]
    pub output: PathBuf,
    /// Environment variable that holds the password to protect the secret key with.
    #[arg(long, value_name = "VAR", required_unless_present = "no_password")]
    pub key_password_env: Option<String>,
    /// Write the secret key unprotected, for a place that protects files itself.
    #[arg(long, conflicts_with = "key_password_env")]
    pub no_password: bool,
}

/// `sign`.
#[derive(Debug, Args)]
pub struct Sign {
    /// The folder that an audit wrote.
    pub bundle: PathBuf,
    /// The secret key of `keygen` or minisign.
    #[arg(long, value_name = "KEY", required_unless_present = "command")]
    pub key: Option<PathBuf>,
    /// The command that prints it: a program, or an array like `["pass", "show", "auditor"]`. It is run directly, never by a
    /// shell.
    #[arg(
        long = "sign-key-command",
        value_name = "COMMAND",
        conflicts_with = "key"
    )]
    pub command: Option<String>,
    /// Environment variable that holds the key's password.
    #[arg(long, value_name = "VAR")]
    pub key_password_env: Option<String>,
}

/// `verify`.
#[derive(Debug, Args)]
pub struct Verify {
    /// The folder that an audit wrote.
    pub bundle: PathBuf,
    /// The public key that must have signed it: a file, or the key itself. One inside the folder proves nothing.
    #[arg(long, value_name = "KEY")]
    pub key: Option<String>,
    /// The baseline that drift was measured against (`audit --against`): compares it again.
    #[arg(long, value_name = "BASELINE")]
    pub against: Option<PathBuf>,
    /// An earlier audit that the trend on the first page was counted from (`audit --history`): counts again. May be repeated.
    #[arg(long, value_name = "BUNDLE")]
    pub history: Vec<PathBuf>,
}
