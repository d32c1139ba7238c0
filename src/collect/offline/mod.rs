//! Collection from hosts that this program cannot reach: one script for a DBA, made from the collector's own
//! queries, and the way back from what it prints to a snapshot. Both carriers bring the same rows, and the
//! same code decides what they mean.

mod answers;
mod columns;
mod place;
mod records;
mod script;

pub use columns::{Kind, kinds};
pub use place::Output;
pub use script::{Script, script};

/// Largest output that is read, in bytes.
pub const LARGEST_OUTPUT: u64 = 2 << 30;

/// Why the output of a script is refused. Each says what is wrong and what to do.
#[derive(Debug, PartialEq, Eq, thiserror::Error)]
pub enum ImportError {
    /// More than any catalog gives.
    #[error("it is larger than {} GiB, which no output of the collector script is: {SAVE}", LARGEST_OUTPUT >> 30)]
    TooLarge,
    /// Some other file, or one saved without the messages.
    #[error(
        "it holds no record of the collector script: {SAVE}; the answers are messages (PRINT), not result sets"
    )]
    NoRecords,
    /// Another form of records.
    #[error(
        "it was made by the script of mssql-posture {version}, whose form {format} this version does not read: {OTHER}"
    )]
    OtherFormat {
        /// The form's number.
        format: String,
        /// The version that it names.
        version: String,
    },
    /// Another script.
    #[error("it was made by the script of mssql-posture {version}, and this is {own}: {OTHER}")]
    OtherVersion {
        /// The version that it names.
        version: String,
        /// This one.
        own: &'static str,
    },
    /// A script of this version, but not the one that it prints.
    #[error(
        "it names the script {found}, and `mssql-posture script collector` prints {due}: the script or the output was \
         edited, or another build of the same version made it; {AGAIN}"
    )]
    OtherScript {
        /// SHA-256 in the output.
        found: String,
        /// SHA-256 of this version's script.
        due: String,
    },
    /// A number is left out, or stands elsewhere.
    #[error(
        "record {due} is missing, record {found} stands in its place: lines were removed or put in another order; {SAVE}"
    )]
    Missing {
        /// What should stand there.
        due: u32,
        /// What stands there.
        found: u32,
    },
    /// The chain of hashes does not hold.
    #[error("record {record} is not as it was printed: it was edited or damaged; {SAVE}")]
    Edited {
        /// Its number.
        record: u32,
    },
    /// Two runs in one file.
    #[error(
        "after record {record} the output of another run begins: import each run's output as a file of its own"
    )]
    SecondRun {
        /// The last record before it.
        record: u32,
    },
    /// The closing record is not there.
    #[error(
        "it ends after record {record} without the closing record: it was cut off, or the script was stopped or lost \
         its connection; {SAVE}, or run the script again"
    )]
    CutOff {
        /// The last whole record.
        record: u32,
    },
    /// Records that fit together and say what no script says.
    #[error("its records fit together, but {what}, which the script never prints; {AGAIN}")]
    Malformed {
        /// What they say.
        what: String,
    },
}

const SAVE: &str = "save all that the script printed, from its first line to its last, unchanged";
const OTHER: &str = "import it with that version, or collect again with the script that this one prints \
                     (`mssql-posture script collector`)";
const AGAIN: &str = "print the script anew (`mssql-posture script collector`) and run it unchanged";

impl ImportError {
    fn malformed(what: impl Into<String>) -> Self {
        Self::Malformed { what: what.into() }
    }
}
