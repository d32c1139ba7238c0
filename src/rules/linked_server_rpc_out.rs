//! What it checks: RPC OUT is on for a linked server, so that EXEC … AT and four-part procedure calls run there. Marks
//! such as is_system, which sp_serveroption sets, count for nothing. Remote servers of the old kind, which are not
//! linked, are remote-access's.
//!
//! Why it matters: reading data needs data access alone. With RPC OUT whoever uses the link can run any statement
//! there that the mapped login may run, options and jobs among them.
//!
//! How to fix: EXEC sp_serveroption N'name', 'rpc out', 'false'; -- where only queries use it.
//!
//! When it is fine: where procedures there are called on purpose, as a login that may run only those.
//!
//! References: docs: sp_serveroption, EXECUTE (AT linked_server_name); STIG V-271299 asks for an approval of every link

use super::{Case, Evidence, Judgement, Rule, Severity, Subject, named};
use crate::snapshot::Fact;

pub(super) static RULE: Rule = Rule {
    id: "LINK-005",
    slug: "linked-server-rpc-out",
    title: "Procedures can be run on a linked server",
    severity: Severity::Low,
    facts: &[Fact::LinkedServers],
    master_facts: &[],
    msdb_facts: &[],
    controls: &["nist-800-53r5:AC-3", "nist-800-53r5:CM-7"],
    attack: &["T1210"],
    source: include_str!("linked_server_rpc_out.rs"),
    check,
};

/// `server_id` of the instance itself.
const ITSELF: i32 = 0;

fn check(case: &Case<'_>, judgement: &mut Judgement) {
    let servers = case.snapshot.server.linked_servers.seen().iter();
    for server in servers.filter(|row| row.is_linked && row.server_id != ITSELF) {
        if !server.is_rpc_out_enabled {
            judgement.pass();
            continue;
        }
        let message = format!(
            "whatever its login may run there can be run on linked server {}: RPC OUT is on",
            named(&server.name)
        );
        let evidence = vec![Evidence::row("linked_servers", None, server)];
        let subject = Subject::server("linked_server", &server.name);
        judgement.fail(subject, message, evidence);
    }
    judgement.nothing_there("there is no linked server");
}
