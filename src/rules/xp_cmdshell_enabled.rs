//! What it checks: the running value of the option xp_cmdshell (sys.configurations.value_in_use) is 1.
//!
//! Why it matters: xp_cmdshell runs any operating-system command as the service account, or as the proxy account for
//! logins that are not sysadmin. It is the shortest way from a database login to the host.
//!
//! How to fix: EXEC sp_configure 'xp_cmdshell', 0; RECONFIGURE; -- after finding out who uses it. RECONFIGURE also
//! activates every other pending option: look at those first.
//!
//! When it is fine: rarely; some backup and maintenance products ask for it. Then say who may execute it, and watch it.
//!
//! References: docs: sp_configure, xp_cmdshell; MITRE ATT&CK T1505.001; STIG V-271302. CIS 2019 and 2022 have no item for it.

use super::{Case, Evidence, Judgement, Rule, Severity, Subject};
use crate::snapshot::{Configuration, Fact};

pub(super) static RULE: Rule = Rule {
    id: "SURF-001",
    slug: "xp-cmdshell-enabled",
    title: "xp_cmdshell is running",
    severity: Severity::High,
    facts: &[Fact::Configurations, Fact::Host],
    master_facts: &[],
    controls: &[
        "stig-2022:V-271302",
        "nist-800-53r5:CM-7",
        "ms-va:VA1059",
        "cis-2017:2.15",
    ],
    attack: &["T1505.001", "T1059.003", "AN0511"],
    source: include_str!("xp_cmdshell_enabled.rs"),
    check,
};

fn check(case: &Case<'_>, judgement: &mut Judgement) {
    if case.not_on_linux(judgement) {
        return;
    }
    case.judge_option(
        judgement,
        "xp_cmdshell",
        11,
        |judgement, option: &Configuration, _, running| {
            if running == 0 {
                return judgement.pass();
            }
            judgement.fail(
                Subject::option(&option.name),
                "xp_cmdshell is running: SQL can start operating-system commands",
                vec![Evidence::row("configurations", None, option)],
            );
        },
    );
}
