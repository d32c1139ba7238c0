//! What it checks: linked servers that keep one login (remote login) for every login that has no mapping of its own: high,
//! for however many those are, since a mapping for one login takes nothing from the others; low while neither RPC OUT nor
//! data access is on, or only logins that cannot log in are left. Never critical: what the stored login may do over
//! there this instance does not know; link-with-stored-privileged-login tells those that are known to be privileged.
//!
//! Why it matters: who may use the link is then not a matter of a grant: every login that comes in, by a group or an
//! application, runs statements over there under one name, and the server over there cannot tell them apart.
//!
//! How to fix: EXEC sp_droplinkedsrvlogin N'link', NULL; then EXEC sp_addlinkedsrvlogin for the logins that need it, or
//! @useself = 'true', by which each is itself there.
//!
//! When it is fine: a login over there that may only read what everybody may know.
//!
//! References: docs: sp_addlinkedsrvlogin, sys.linked_logins; STIG V-271299

use super::link_with_stored_privileged_login::way_over;
use super::reached::{Reached, Whom};
use super::{Case, Judgement, Rule, Severity, Subject, named};
use crate::graph::Mapping;
use crate::snapshot::Fact;

pub(super) static RULE: Rule = Rule {
    id: "LINK-002",
    slug: "link-default-mapping",
    title: "A linked server keeps one login for everybody",
    severity: Severity::High,
    facts: &[
        Fact::LinkedServers,
        Fact::LinkedLogins,
        Fact::ServerPrincipals,
        Fact::ServerRoleMembers,
        Fact::ServerPermissions,
    ],
    master_facts: &[],
    msdb_facts: &[],
    controls: &[
        "nist-800-53r5:AC-3",
        "nist-800-53r5:AU-10",
        "nist-800-53r5:IA-5",
        "pci-4.0.1:7.2.5",
        "pci-4.0.1:8.2.1",
        "pci-4.0.1:8.2.2",
        "iso-27001-2022:A.5.17",
        "iso-27001-2022:A.8.3",
        "soc2:CC6.6",
    ],
    attack: &["T1210"],
    source: include_str!("link_default_mapping.rs"),
    check,
};

fn check(case: &Case<'_>, judgement: &mut Judgement) {
    for mapping in case.graph().mappings() {
        if !mapping.is_default {
            judgement.pass();
            continue;
        }
        judge(case, mapping, judgement);
    }
}

fn judge(case: &Case<'_>, mapping: &Mapping<'_>, judgement: &mut Judgement) {
    let graph = case.graph();
    let reached = Reached::of_logins(case, &mapping.locals.of(graph.index()));
    let (severity, who) = match reached.as_ref().map(|reached| reached.whom) {
        Some(Whom::Everybody) => (Severity::High, "every login".to_owned()),
        Some(Whom::Some) => {
            let who = reached.as_ref().map(|r| r.who(graph)).unwrap_or_default();
            let others = "every login without a mapping of its own";
            (Severity::High, format!("{others} ({who})"))
        }
        // Who is left now may be joined by anybody who is given a login.
        Some(Whom::Nobody) | None => {
            let who = "every login without a mapping of its own, none but administrators' now";
            (Severity::Low, who.to_owned())
        }
    };
    let way = way_over(mapping);
    let severity = way.map_or(Severity::Low, |_| severity);
    let way = way.unwrap_or("once RPC OUT or data access is switched on");
    let (link, remote) = (named(&mapping.server.name), named(mapping.remote));
    let message = format!("linked server {link} keeps the login {remote} for {who}, {way}");
    let mut evidence = case.cited(&mapping.facts);
    evidence.extend(reached.into_iter().flat_map(|reached| reached.evidence));
    let subject = Subject::server("linked_server", &mapping.server.name);
    judgement.fail_at(severity, subject, message, evidence);
}
