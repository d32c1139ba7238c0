//! What it checks: the option filestream access level has a value other than 0, running or configured.
//!
//! Why it matters: at 2 data of tables can be opened as files over a share, at 1 by T-SQL; the share's rights come
//! from the database, the host's administrators see the files.
//!
//! How to fix: EXEC sp_configure 'filestream access level', 0; RECONFIGURE; -- where no database has a FILESTREAM
//! file group.
//!
//! When it is fine: where FILESTREAM or FileTables are used.
//!
//! References: docs: filestream access level; Microsoft VA1230

use super::{Case, Judgement, Rule, Severity};
use crate::snapshot::Fact;

pub(super) static RULE: Rule = Rule {
    id: "SURF-016",
    slug: "filestream-access",
    title: "FILESTREAM data is open to the file system",
    severity: Severity::Low,
    facts: &[Fact::Configurations],
    master_facts: &[],
    msdb_facts: &[],
    controls: &[
        "stig-2022-instance:V-274450",
        "nist-800-53r5:CM-7",
        "pci-4.0.1:2.2.4",
        "ms-va:VA1230",
    ],
    attack: &[],
    source: include_str!("filestream_access.rs"),
    check,
};

fn check(case: &Case<'_>, judgement: &mut Judgement) {
    case.must_be_off(
        judgement,
        "filestream access level",
        11,
        "FILESTREAM is enabled",
        "FILESTREAM is configured on, from the next RECONFIGURE at the latest",
    );
}
