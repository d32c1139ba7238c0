//! What it checks: the configured and the running value of xp_cmdshell differ, either way.
//!
//! Why it matters: Configured on and running off means that the next RECONFIGURE, by anyone for any reason, or the next
//! restart switches it on. Configured off and running on means that somebody believes it is off.
//!
//! How to fix: EXEC sp_configure 'xp_cmdshell', 0; RECONFIGURE;
//!
//! When it is fine: only during a change that is under way.
//!
//! References: docs: sp_configure, RECONFIGURE; sys.configurations value and value_in_use

use super::{Case, Evidence, Judgement, Rule, Severity, Subject};
use crate::snapshot::{Configuration, Fact};

pub(super) static RULE: Rule = Rule {
    id: "SURF-002",
    slug: "xp-cmdshell-staged",
    title: "xp_cmdshell is configured otherwise than it runs",
    severity: Severity::Medium,
    facts: &[Fact::Configurations, Fact::Host],
    master_facts: &[],
    controls: &[
        "stig-2022:V-271302",
        "nist-800-53r5:CM-7",
        "ms-va:VA1059",
        "cis-2017:2.15",
    ],
    attack: &["T1505.001", "T1059.003", "AN0511"],
    source: include_str!("xp_cmdshell_staged.rs"),
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
        |judgement, option: &Configuration, set, running| {
            let message = match (set, running) {
                (set, running) if set == running => return judgement.pass(),
                (0, _) => {
                    "xp_cmdshell is configured off but still runs, until RECONFIGURE or a restart"
                }
                _ => "xp_cmdshell is off, but the next RECONFIGURE or restart switches it on",
            };
            let evidence = vec![Evidence::row("configurations", None, option)];
            judgement.fail(Subject::option(&option.name), message, evidence);
        },
    );
}
