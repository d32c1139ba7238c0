//! What `baseline` takes.

use std::path::PathBuf;

use clap::{Args, Subcommand, ValueEnum};

use super::Signing;

/// `baseline`.
#[derive(Debug, Args)]
pub struct Baseline {
    /// What to do.
    #[command(subcommand)]
    pub command: BaselineCommand,
}

/// What can be done with a file of approved hashes.
#[derive(Debug, Subcommand)]
pub enum BaselineCommand {
    /// Add what T-SQL scripts create, and assemblies, to a file; makes the file if it is not there.
    ///
    /// Of a script every module that it creates or alters, assemblies written out in it, and T-SQL steps of Agent jobs whose
    /// text is written out. What is not taken is said. The same name and version is replaced by what is given now.
    ///
    /// Example: mssql-posture baseline add --name tSQLt --version 1.0.8083 -o vendor.baseline.toml tSQLt.class.sql
    Add(BaselineAdd),
    /// List what a file approves.
    ///
    /// Example: mssql-posture baseline list vendor.baseline.toml
    List(BaselineList),
}

/// `baseline add`.
#[derive(Debug, Args)]
pub struct BaselineAdd {
    /// What it is called: sp_Blitz.
    #[arg(long, value_name = "NAME")]
    pub name: String,
    /// Its version, as whoever published it numbers it.
    #[arg(long, value_name = "VERSION")]
    pub version: Option<String>,
    /// The file to make or extend.
    #[arg(short, long, value_name = "FILE", default_value = "baseline.toml")]
    pub output: PathBuf,
    /// For *.dll: the most that the assembly may be allowed where it is approved.
    #[arg(long, value_name = "SET", default_value = "safe")]
    pub permission_set: PermissionSet,
    /// T-SQL scripts, assemblies (*.dll), or folders of them.
    #[arg(required = true, value_name = "PATH")]
    pub paths: Vec<PathBuf>,
    /// Signature: FILE.minisig beside the file.
    #[command(flatten)]
    pub signing: Signing,
}

/// What an assembly may do.
#[derive(Clone, Copy, Debug, PartialEq, Eq, ValueEnum)]
#[value(rename_all = "snake_case")]
#[allow(missing_docs)]
pub enum PermissionSet {
    Safe,
    ExternalAccess,
    Unsafe,
}

impl PermissionSet {
    /// The word of T-SQL.
    pub fn as_str(self) -> &'static str {
        match self {
            Self::Safe => "SAFE",
            Self::ExternalAccess => "EXTERNAL_ACCESS",
            Self::Unsafe => "UNSAFE",
        }
    }
}

/// `baseline list`.
#[derive(Debug, Args)]
pub struct BaselineList {
    /// The file.
    pub file: PathBuf,
    /// The public key that must have signed it: a file, or the key itself.
    #[arg(long, value_name = "KEY")]
    pub key: Option<String>,
    /// Form of the list.
    #[arg(long, default_value = "table")]
    pub format: BaselineFormat,
}

/// Forms of `baseline list`.
#[derive(Clone, Copy, Debug, PartialEq, Eq, ValueEnum)]
pub enum BaselineFormat {
    /// A table.
    Table,
    /// An array of objects.
    Json,
}
