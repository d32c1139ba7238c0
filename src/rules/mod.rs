//! The rules. One file per rule: its text for people, its data, and a pure check over one snapshot.
//! A rule is its file, its fixture in `tests/integration/rules.rs`, and two lines here.

mod acceptance;
mod analysis;
mod audited;
mod case;
mod dbo;
mod excerpt;
mod granted;
mod judgement;
mod observations;
mod own;
mod pin;
mod published;
mod reached;
mod renamed;
mod verdict;
mod walk;

mod ad_hoc_distributed_queries;
mod agent_jobs_writable;
mod agent_operator_member;
mod agent_os_step_by_non_admin;
mod ai_runtimes_enabled;
mod allow_updates;
mod alter_settings_granted;
mod assembly_changed_after_trust;
mod assembly_key_login;
mod audit_configured_not_running;
mod audit_connection_unverified;
mod audit_misses_changes;
mod audit_misses_logins;
mod audit_narrowed;
mod auditor_is_sysadmin;
mod broker_activation_reaches_channel;
mod builtin_administrators_sysadmin;
mod clr_enabled;
mod clr_enabled_without_strict_security;
mod connection_not_encrypted;
mod contained_authentication;
mod control_server_granted;
mod cross_db_chaining_database;
mod cross_db_chaining_server;
mod database_mail_enabled;
mod db_owner_in_trustworthy;
mod dbo_is_not_the_owner;
mod default_trace_off;
mod encrypted_module;
mod external_access_assembly;
mod external_rest_endpoint_enabled;
mod external_scripts_enabled;
mod filestream_access;
mod filesystem_enumeration_allowed;
mod guest_enabled;
mod hadoop_connectivity;
mod impersonate_privileged_login;
mod instance_not_seen_whole;
mod job_runs_at_agent_start;
mod job_step_reaches_channel;
mod link_default_mapping;
mod link_with_stored_privileged_login;
mod linked_server_rpc_out;
mod local_group_login;
mod logon_or_ddl_trigger_reaches_channel;
mod metadata_hidden_from_auditor;
mod missing_security_update;
mod mixed_mode;
mod module_creates_os_job;
mod module_enables_command_channel;
mod module_invokes_command_channel;
mod module_tainted_command;
mod module_text_disguised;
mod module_writes_registry;
mod msdb_db_owner;
mod nested_role_reaches_sysadmin;
mod no_audit_running;
mod non_microsoft_extended_procedure;
mod not_all_databases_read;
mod numbered_procedure_hides_command;
mod object_marked_as_shipped;
mod ole_automation_enabled;
mod orphaned_owner;
mod orphaned_user;
mod password_policy_off;
mod polybase_export_allowed;
mod privileged_key_left_in_database;
mod privileged_module_alterable;
mod privileged_password_never_expires;
mod proxy_to_public;
mod public_can_execute_command_module;
mod public_server_permission;
mod rare_assembly;
mod remote_access;
mod remote_admin_connections;
mod replication_xps_enabled;
mod risky_option_pending;
mod sa_enabled;
mod sa_not_renamed;
mod scan_for_startup_procs;
mod securityadmin_member;
mod service_account_privileged;
mod shipped;
mod signed_module_grants_privilege;
mod sink_severity;
mod stale_trusted_assembly;
mod startup_procedure;
mod synonym_to_extended_procedure;
pub mod telemetry;
mod telemetry_gap;
mod trustworthy_owned_by_privileged_login;
mod unexpected_sysadmin;
mod unsafe_assembly;
mod unsafe_assembly_grant;
mod unsupported_version;
mod waiver_expired;
mod waiver_too_broad;
mod waiver_unused;
mod xp_cmdshell_enabled;
mod xp_cmdshell_granted;
mod xp_cmdshell_proxy_credential;
mod xp_cmdshell_staged;

pub use crate::ids::named;
pub use acceptance::{AcceptanceError, Acceptances, WaiverEntry, WaiverState};
pub use analysis::Analysis;
pub use case::Case;
pub use excerpt::Excerpt;
pub use judgement::Judgement;
pub use observations::{
    ObservationError, Observations, ObservedCall, ObservedJobStep, ObservedModule, ObservedSink,
    flagged,
};
pub use own::{OwnCheck, OwnRule, OwnRuleError, OwnRules, RULES_SCHEMA, parse_own};
pub use pin::Pins;
pub use published::AtHand;
pub use rare_assembly::Assemblies;
pub use sink_severity::{base_severity, sink_severity};
pub use verdict::{
    Acceptance, Evidence, Finding, Missing, Outcome, Place, Population, Severity, Subject, Verdict,
};

use std::collections::BTreeSet;

use crate::snapshot::{Fact, FactState, Snapshot};

/// A rule: what it is called, what it needs to know, and its check.
#[derive(Debug)]
pub struct Rule {
    /// Stable identifier, `FAMILY-nnn`.
    pub id: &'static str,
    /// Names the bad state, not the fix.
    pub slug: &'static str,
    /// One line for people.
    pub title: &'static str,
    /// Our own severity, of the worst case: circumstances can make a finding lighter, never worse,
    /// so that what is unknown can be counted at it. Frameworks' severities are theirs.
    pub severity: Severity,
    /// Facts the check reads at server scope and in every database. While one is not settled the
    /// rule passes nothing, and the audit is incomplete.
    pub facts: &'static [Fact],
    /// Facts the check reads in master alone.
    pub master_facts: &'static [Fact],
    /// Facts the check reads in msdb alone.
    pub msdb_facts: &'static [Fact],
    /// Controls of compliance frameworks, `framework:control`.
    pub controls: &'static [&'static str],
    /// MITRE ATT&CK techniques and analytics, v18.1.
    pub attack: &'static [&'static str],
    /// The rule's file, whose head is its documentation.
    pub source: &'static str,
    /// The check.
    pub check: fn(&Case<'_>, &mut Judgement),
}

impl PartialEq for Rule {
    fn eq(&self, other: &Self) -> bool {
        self.id == other.id
    }
}

impl Eq for Rule {}

/// Every rule, by id.
pub static ALL: &[&Rule] = &[
    &agent_os_step_by_non_admin::RULE,
    &proxy_to_public::RULE,
    &job_runs_at_agent_start::RULE,
    &job_step_reaches_channel::RULE,
    &agent_operator_member::RULE,
    &agent_jobs_writable::RULE,
    &default_trace_off::RULE,
    &no_audit_running::RULE,
    &audit_misses_changes::RULE,
    &audit_misses_logins::RULE,
    &audit_narrowed::RULE,
    &audit_configured_not_running::RULE,
    &telemetry_gap::RULE,
    &waiver_expired::RULE,
    &waiver_unused::RULE,
    &waiver_too_broad::RULE,
    &risky_option_pending::RULE,
    &rare_assembly::RULE,
    &assembly_changed_after_trust::RULE,
    &clr_enabled_without_strict_security::RULE,
    &unsafe_assembly::RULE,
    &unsafe_assembly_grant::RULE,
    &assembly_key_login::RULE,
    &stale_trusted_assembly::RULE,
    &external_access_assembly::RULE,
    &clr_enabled::RULE,
    &startup_procedure::RULE,
    &module_invokes_command_channel::RULE,
    &object_marked_as_shipped::RULE,
    &logon_or_ddl_trigger_reaches_channel::RULE,
    &encrypted_module::RULE,
    &synonym_to_extended_procedure::RULE,
    &numbered_procedure_hides_command::RULE,
    &module_enables_command_channel::RULE,
    &module_creates_os_job::RULE,
    &module_writes_registry::RULE,
    &module_tainted_command::RULE,
    &module_text_disguised::RULE,
    &broker_activation_reaches_channel::RULE,
    &link_with_stored_privileged_login::RULE,
    &link_default_mapping::RULE,
    &ad_hoc_distributed_queries::RULE,
    &remote_access::RULE,
    &linked_server_rpc_out::RULE,
    &unexpected_sysadmin::RULE,
    &xp_cmdshell_granted::RULE,
    &control_server_granted::RULE,
    &alter_settings_granted::RULE,
    &impersonate_privileged_login::RULE,
    &securityadmin_member::RULE,
    &nested_role_reaches_sysadmin::RULE,
    &public_can_execute_command_module::RULE,
    &privileged_module_alterable::RULE,
    &guest_enabled::RULE,
    &service_account_privileged::RULE,
    &contained_authentication::RULE,
    &sa_enabled::RULE,
    &sa_not_renamed::RULE,
    &builtin_administrators_sysadmin::RULE,
    &local_group_login::RULE,
    &mixed_mode::RULE,
    &password_policy_off::RULE,
    &privileged_password_never_expires::RULE,
    &public_server_permission::RULE,
    &not_all_databases_read::RULE,
    &instance_not_seen_whole::RULE,
    &metadata_hidden_from_auditor::RULE,
    &auditor_is_sysadmin::RULE,
    &audit_connection_unverified::RULE,
    &xp_cmdshell_enabled::RULE,
    &xp_cmdshell_staged::RULE,
    &ole_automation_enabled::RULE,
    &external_scripts_enabled::RULE,
    &non_microsoft_extended_procedure::RULE,
    &database_mail_enabled::RULE,
    &scan_for_startup_procs::RULE,
    &remote_admin_connections::RULE,
    &allow_updates::RULE,
    &external_rest_endpoint_enabled::RULE,
    &polybase_export_allowed::RULE,
    &hadoop_connectivity::RULE,
    &filesystem_enumeration_allowed::RULE,
    &ai_runtimes_enabled::RULE,
    &replication_xps_enabled::RULE,
    &filestream_access::RULE,
    &xp_cmdshell_proxy_credential::RULE,
    &connection_not_encrypted::RULE,
    &unsupported_version::RULE,
    &missing_security_update::RULE,
    &trustworthy_owned_by_privileged_login::RULE,
    &orphaned_owner::RULE,
    &signed_module_grants_privilege::RULE,
    &db_owner_in_trustworthy::RULE,
    &msdb_db_owner::RULE,
    &cross_db_chaining_server::RULE,
    &cross_db_chaining_database::RULE,
    &orphaned_user::RULE,
    &dbo_is_not_the_owner::RULE,
    &privileged_key_left_in_database::RULE,
];

impl Rule {
    /// SURF, CODE, CLR, PRIV, TRUST, LINK, AGENT, AUDIT, CHANGE or SIGHT.
    pub fn family(&self) -> &'static str {
        self.id.split('-').next().unwrap_or_default()
    }

    /// The controls that it names, those of ATT&CK among them, as `framework:control`.
    pub fn named_controls(&self) -> impl Iterator<Item = String> {
        let controls = self.controls.iter().map(|control| (*control).to_owned());
        let attack = self.attack.iter().map(|id| format!("{ATTACK}:{id}"));
        controls.chain(attack)
    }

    /// The rule's documentation: the head of its file, as Markdown.
    pub fn documentation(&self) -> String {
        let head = self
            .source
            .lines()
            .map_while(|line| line.strip_prefix("//!"));
        head.map(|line| line.strip_prefix(' ').unwrap_or(line))
            .collect::<Vec<_>>()
            .join("\n")
    }

    /// Judges one instance.
    pub fn judge(&'static self, case: &Case<'_>) -> Vec<Verdict> {
        let mut judgement = Judgement::new(self);
        (self.check)(case, &mut judgement);
        judgement.finish(case.snapshot)
    }

    /// Where a fact that the check reads is not settled, each once.
    pub fn unsettled(&self, snapshot: &Snapshot) -> BTreeSet<FactState> {
        let everywhere = self.facts.iter().flat_map(|f| f.unsettled(snapshot));
        let only_in = |database: &'static str, facts: &'static [Fact]| {
            let facts = facts.iter();
            facts.flat_map(move |fact| fact.unsettled_only_in(database, snapshot))
        };
        everywhere
            .chain(only_in("master", self.master_facts))
            .chain(only_in("msdb", self.msdb_facts))
            .collect()
    }

    /// The rule with this id or slug, or that had it before it was renamed.
    pub fn find(name: &str) -> Option<&'static Self> {
        renamed::find(name, ALL, renamed::RENAMED)
    }
}

/// The framework whose ids rules have apart.
const ATTACK: &str = "attack-v18.1";

/// Rules about the estate as a whole, by id: about the inventory's waivers, and what one instance has and no other.
pub const ON_THE_ESTATE: &[&str] = &["CHANGE-001", "CHANGE-002", "CHANGE-003", "CHANGE-005"];

/// The check of a rule about the estate: nothing is so of one instance.
fn on_the_estate(_: &Case<'_>, judgement: &mut Judgement) {
    judgement.not_applicable("judged on the estate as a whole");
}

/// All rules on one instance, in order of id.
pub fn judge(case: &Case<'_>) -> Vec<Verdict> {
    let rules = ALL.iter().filter(|rule| !ON_THE_ESTATE.contains(&rule.id));
    rules.flat_map(|rule| rule.judge(case)).collect()
}

/// Facts that some rule needs and that are not settled, in order of fact and database. One of them
/// makes the audit incomplete.
pub fn unsettled(snapshot: &Snapshot) -> BTreeSet<FactState> {
    ALL.iter()
        .flat_map(|rule| rule.unsettled(snapshot))
        .collect()
}

#[cfg(test)]
mod tests {
    use std::collections::BTreeSet;

    use super::*;

    #[test]
    fn ids_slugs_and_files_agree() {
        let ids: BTreeSet<_> = ALL.iter().map(|r| r.id).collect();
        let slugs: BTreeSet<_> = ALL.iter().map(|r| r.slug).collect();
        assert_eq!(ids.len(), ALL.len());
        assert_eq!(slugs.len(), ALL.len());
        for rule in ALL {
            for part in [
                "What it checks",
                "Why it matters",
                "How to fix",
                "When it is fine",
                "References",
            ] {
                assert!(
                    rule.documentation().contains(part),
                    "{}: no \"{part}\"",
                    rule.slug
                );
            }
            let on_waivers = rule.slug.starts_with("waiver-");
            assert_eq!(rule.facts.is_empty(), on_waivers, "{}", rule.slug);
        }
    }

    #[test]
    fn rules_stand_in_order_of_id() {
        assert!(ALL.is_sorted_by_key(|rule| rule.id));
    }

    #[test]
    fn every_rule_file_is_listed() {
        let folder = concat!(env!("CARGO_MANIFEST_DIR"), "/src/rules");
        let listed: BTreeSet<_> = ALL.iter().map(|r| r.slug.replace('-', "_")).collect();
        let shared = [
            "mod",
            "acceptance",
            "analysis",
            "audited",
            "case",
            "dbo",
            "excerpt",
            "granted",
            "judgement",
            "observations",
            "own",
            "pin",
            "published",
            "reached",
            "renamed",
            "shipped",
            "sink_severity",
            "telemetry",
            "verdict",
            "walk",
        ];
        for entry in std::fs::read_dir(folder).into_iter().flatten().flatten() {
            let name = entry
                .file_name()
                .to_string_lossy()
                .trim_end_matches(".rs")
                .to_owned();
            assert!(
                shared.contains(&name.as_str()) || listed.contains(&name),
                "src/rules/{name}.rs is a rule without its line in src/rules/mod.rs"
            );
        }
    }
}
