//! What it checks: the credential ##xp_cmdshell_proxy_account## exists, whether xp_cmdshell is on or off.
//!
//! Why it matters: it is what lets callers outside sysadmin run xp_cmdshell once it is on and granted: commands run
//! as its account. Who has the right is xp-cmdshell-granted's to say.
//!
//! How to fix: EXEC sp_xp_cmdshell_proxy_account NULL; -- after looking for grants of EXECUTE on xp_cmdshell.
//!
//! When it is fine: where a job of an application needs it; then the account must be able to do nothing else.
//!
//! References: docs: sp_xp_cmdshell_proxy_account; STIG V-271342

use super::{Case, Evidence, Judgement, Rule, Severity, Subject, named};
use crate::snapshot::Fact;

pub(super) static RULE: Rule = Rule {
    id: "SURF-017",
    slug: "xp-cmdshell-proxy-credential",
    title: "xp_cmdshell has a proxy account",
    severity: Severity::Medium,
    facts: &[Fact::Host, Fact::Credentials],
    master_facts: &[],
    msdb_facts: &[],
    controls: &[
        "nist-800-53r5:AC-6(8)",
        "nist-800-53r5:IA-5",
        "pci-4.0.1:7.2.5",
        "iso-27001-2022:A.5.17",
        "iso-27001-2022:A.8.18",
    ],
    attack: &["T1505.001", "T1059.003", "T1134"],
    source: include_str!("xp_cmdshell_proxy_credential.rs"),
    check,
};

const NAME: &str = "##xp_cmdshell_proxy_account##";

fn check(case: &Case<'_>, judgement: &mut Judgement) {
    if case.without_xp_cmdshell(judgement) {
        return;
    }
    let mut credentials = case.snapshot.server.credentials.seen().iter();
    let Some(proxy) = credentials.find(|row| row.name.eq_ignore_ascii_case(NAME)) else {
        return judgement.pass();
    };
    let account = match &proxy.credential_identity {
        Some(account) => format!("as {}", named(account)),
        None => "as an account that is not shown".to_owned(),
    };
    let message = format!(
        "xp_cmdshell has a proxy: whoever outside sysadmin may execute it runs commands {account}"
    );
    let evidence = vec![Evidence::row("credentials", None, proxy)];
    judgement.fail(
        Subject::server("credential", &proxy.name),
        message,
        evidence,
    );
    judgement.is_answered();
}
