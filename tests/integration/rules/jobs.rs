//! Agent: whose jobs run commands, and to whom proxies are granted.

use mssql_posture::snapshot::Fact;

use super::{Fixture, windows};

pub(super) fn fixtures() -> Vec<&'static Fixture> {
    [STEPS, PROXIES].into_iter().flatten().collect()
}

const NIGHTLY: &[&str] = &["fail high job nightly, step 1"];
const LOW: &[&str] = &["fail low job nightly, step 1"];
const PASS: &[&str] = &["pass"];
const EXPRESS: &[&str] = &["not_applicable: Express has no Agent"];
const LINUX: &[&str] = &["not_applicable: SQL Server on Linux does not have it"];

static STEPS: &[Fixture] = {
    const fn one(
        about: &'static str,
        estate: &'static str,
        verdicts: &'static [&'static str],
    ) -> Fixture {
        Fixture::of_lines("agent-os-step-by-non-admin", about, estate, verdicts)
    }
    const RUN: &str =
        "login app; proxy run cmdexec to login app; job nightly owner app step cmdexec by run";
    &[
        one("CmdExec by a proxy", RUN, NIGHTLY)
            .saying("CmdExec step step of job nightly belongs to app, who is not in sysadmin, and runs by the proxy \
                     run as CORP\\agent-low"),
        one("PowerShell", "login app; proxy run powershell to login app; job nightly owner app step powershell by run",
            NIGHTLY),
        one("a package", "login app; proxy run ssis to login app; job nightly owner app step ssis by run", NIGHTLY),
        one("a script, before 2016",
            "version 12; login app; proxy run activex to login app; job nightly owner app step activex by run", NIGHTLY),
        one("without a proxy the Agent refuses", "login app; job nightly owner app step cmdexec", LOW),
        one("the proxy is switched off",
            "login app; proxy run cmdexec disabled to login app; job nightly owner app step cmdexec by run", LOW),
        one("its owner is gone", "job nightly owner nobody step cmdexec", LOW).saying("a login that is gone"),
        one("the second step of two",
            "login app; proxy run cmdexec to login app; in master: procedure dbo.p; server:; \
             job nightly owner app step calls master.dbo.p step cmdexec by run",
            &["fail high job nightly, step 2", "pass"]),
        one("an administrator's", "job nightly owner sa step cmdexec", PASS),
        one("a role deep", "login dba; server role ops; member dba of ops; member ops of sysadmin; \
            job nightly owner dba step cmdexec", PASS),
        one("disabled", "login app; proxy run cmdexec to login app; job nightly owner app disabled step cmdexec by run",
            PASS),
        one("no jobs", "", &["not_applicable: there is nothing of this kind"]),
        one("Express", "edition express", EXPRESS),
        one("Linux", "platform linux", LINUX),
        one("whether the owner is an administrator was not seen", RUN, &["unknown job nightly, step 1"])
            .without(Fact::ServerRoleMembers, None),
        one("whose it is was not seen", RUN, &["unknown job nightly, step 1"]).without(Fact::ServerPrincipals, None),
        one("steps were not seen", RUN, &["unknown instance"]).without(Fact::JobSteps, None),
    ]
};

static PROXIES: &[Fixture] = {
    const fn one(
        about: &'static str,
        estate: &'static str,
        verdicts: &'static [&'static str],
    ) -> Fixture {
        Fixture::of_lines("proxy-to-public", about, estate, verdicts)
    }
    const MAKER: &str = "login app; in msdb: user app; member app of SQLAgentUserRole; server:; \
         proxy run cmdexec to msdb role public";
    const PUBLIC: &[&str] = &["fail high proxy run, public"];
    &[
        one(
            "to public of msdb, where somebody makes jobs",
            MAKER,
            PUBLIC,
        )
        .saying("Agent proxy run is granted to public, that is everybody; jobs are made by app"),
        one(
            "to the server's public",
            "login app; in msdb: user app; member app of SQLAgentUserRole; server:; \
             proxy run cmdexec to server role public",
            PUBLIC,
        ),
        one(
            "to guest",
            "login app; login joe; in msdb: user app; member app of SQLAgentUserRole; server:; \
            proxy run cmdexec to msdb role guest",
            &["fail high proxy run, guest"],
        ),
        one(
            "to SQLAgentUserRole, and public is in it",
            "login app; in msdb: member public of SQLAgentUserRole; server:; \
             proxy run cmdexec to msdb role SQLAgentUserRole",
            &["fail critical proxy run, SQLAgentUserRole"],
        ),
        one(
            "to SQLAgentUserRole with a few members",
            "login app; in msdb: user app; member app of SQLAgentUserRole; \
            server:; proxy run cmdexec to msdb role SQLAgentUserRole",
            PASS,
        ),
        one(
            "to a login",
            "login app; proxy run cmdexec to login app",
            PASS,
        ),
        one(
            "only administrators make jobs",
            "login app; proxy run cmdexec to msdb role public",
            &["fail low proxy run, public"],
        ),
        one(
            "switched off",
            "login app; in msdb: user app; member app of SQLAgentUserRole; server:; \
            proxy run cmdexec disabled to msdb role public",
            &["fail low proxy run, public"],
        ),
        one(
            "no proxy",
            "",
            &["not_applicable: there is nothing of this kind"],
        ),
        one("Express", "edition express", EXPRESS),
        one("Linux", "platform linux", LINUX),
        Fixture::new(
            "proxy-to-public",
            "msdb is excluded",
            windows(16),
            |r| _ = r.exclude("msdb"),
            &["not_applicable: the inventory excludes msdb"],
        ),
        one(
            "who is granted it was not seen",
            MAKER,
            &["unknown instance"],
        )
        .without(Fact::ProxyLogins, None),
        one(
            "who is in msdb's roles was not seen",
            MAKER,
            &["fail low proxy run, public", "unknown database msdb"],
        )
        .without(Fact::DatabaseRoleMembers, Some("msdb")),
    ]
};
