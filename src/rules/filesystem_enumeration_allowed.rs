//! What it checks: the option allow filesystem enumeration (shown from 2019 on; 1 as shipped) is on, running or
//! configured. Where the row is missing the version does not show the option.
//!
//! Why it matters: sys.dm_os_enumerate_filesystem and xp_dirtree then list the host's files for whoever may use them;
//! with a UNC path they make the service account authenticate to a host of the caller's choice.
//!
//! How to fix: EXEC sp_configure 'show advanced options', 1; RECONFIGURE; EXEC sp_configure 'allow filesystem
//! enumeration', 0; RECONFIGURE; -- Management Studio's file dialogs need it.
//!
//! When it is fine: where administrators choose files by Management Studio.
//!
//! References: docs: allow filesystem enumeration, sys.dm_os_enumerate_filesystem

use super::{Case, Judgement, Rule, Severity};
use crate::snapshot::Fact;

pub(super) static RULE: Rule = Rule {
    id: "SURF-013",
    slug: "filesystem-enumeration-allowed",
    title: "The host's folders can be listed from SQL",
    severity: Severity::Info,
    facts: &[Fact::Configurations],
    master_facts: &[],
    msdb_facts: &[],
    controls: &["nist-800-53r5:CM-7"],
    attack: &["T1505.001"],
    source: include_str!("filesystem_enumeration_allowed.rs"),
    check,
};

fn check(case: &Case<'_>, judgement: &mut Judgement) {
    case.must_be_off(
        judgement,
        "allow filesystem enumeration",
        15,
        "the host's folders can be listed from SQL",
        "listing of the host's folders is configured on, from the next RECONFIGURE at the latest",
    );
}
