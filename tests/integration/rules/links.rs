//! Logins kept for linked servers, and what can be run there.

use mssql_posture::snapshot::{Fact, Observed};

use super::{Fixture, partly, windows};
use crate::support::recording::Recording;

pub(super) fn fixtures() -> Vec<&'static Fixture> {
    [PRIVILEGED, DEFAULT, RPC_OUT]
        .into_iter()
        .flatten()
        .collect()
}

const HIGH: &[&str] = &["fail high linked_server BACK"];
const CRITICAL: &[&str] = &["fail critical linked_server BACK"];
const PASS: &[&str] = &["pass"];

static PRIVILEGED: &[Fixture] = {
    const fn one(
        about: &'static str,
        estate: &'static str,
        verdicts: &'static [&'static str],
    ) -> Fixture {
        Fixture::of_lines("link-with-stored-privileged-login", about, estate, verdicts)
    }
    &[
        one("back as sa, for everybody", "login app; link BACK to localhost rpc; link login BACK default as sa", CRITICAL)
            .saying("linked server BACK keeps the login sa for everybody, by EXECUTE … AT; it leads back to this \
                     instance, where sa is sysadmin"),
        one("back as sa, for one login", "login app; link BACK to localhost data; link login BACK app as sa", HIGH)
            .saying("for app, by OPENQUERY"),
        one("sa has another name", "login app; login dba; member dba of sysadmin; link BACK to SQL01 rpc; \
            link login BACK app as dba", HIGH),
        one("back as a login with CONTROL SERVER",
            "login app; login ops; grant CONTROL SERVER to ops; link BACK to SQL01 rpc; link login BACK app as ops", HIGH),
        one("back as a plain login", "login app; login plain; link BACK to SQL01 rpc; link login BACK app as plain", PASS),
        one("back as a login that is not here: the name proves nothing",
            "login app; link BACK to SQL01 rpc; link login BACK app as admin", PASS),
        one("elsewhere as sa", "login app; link AWAY to SQL02 rpc; link login AWAY app as SA",
            &["fail high linked_server AWAY"]).saying("where sa is sysadmin unless it was renamed"),
        one("elsewhere under a name that is commonly an administrator's, for everybody",
            "login app; link AWAY to SQL02 rpc; link login AWAY default as dba",
            &["fail medium linked_server AWAY"]).saying("which is not proven"),
        one("elsewhere as a plain login", "login app; link AWAY to SQL02 rpc; link login AWAY app as report", PASS),
one("nothing goes over now", "login app; link BACK to localhost; link login BACK app as sa",
            &["fail low linked_server BACK"]),
        one("for a login that cannot log in",
            "login app disabled; link BACK to localhost rpc; link login BACK app as sa", &["fail low linked_server BACK"]),
        one("for an administrator alone",
            "login dba; member dba of sysadmin; link BACK to localhost rpc; link login BACK dba as sa", PASS),
        one("each is itself there", "link BACK to localhost rpc; link login BACK default self",
            &["not_applicable: there is nothing of this kind"]),
        one("logins kept were not seen", "link BACK to localhost rpc", &["unknown instance"])
            .without(Fact::LinkedLogins, None),
        one("whether the login is privileged here was not seen",
            "login app; login plain; link BACK to SQL01 rpc; link login BACK app as plain",
            &["unknown instance"]).without(Fact::ServerRoleMembers, None),
    ]
};

static DEFAULT: &[Fixture] = {
    const fn one(
        about: &'static str,
        estate: &'static str,
        verdicts: &'static [&'static str],
    ) -> Fixture {
        Fixture::of_lines("link-default-mapping", about, estate, verdicts)
    }
    &[
        one("for everybody", "login app; link AWAY to SQL02 data; link login AWAY default as report",
            &["fail high linked_server AWAY"])
            .saying("linked server AWAY keeps the login report for every login, by OPENQUERY"),
        one("some have a mapping of their own",
            "login app; login joe; link AWAY to SQL02 data; link login AWAY app as a; link login AWAY default as report",
            &["fail high linked_server AWAY", "pass"]).saying("every login without a mapping of its own (joe)"),
        one("nobody is left but administrators",
            "login app; link AWAY to SQL02 data; link login AWAY app as a; link login AWAY default as report",
            &["fail low linked_server AWAY", "pass"]),
        one("a member of sysadmin is one of them",
            "login dba; member dba of sysadmin; login app; link AWAY to SQL02 data; \
             link login AWAY app as a; link login AWAY default as report",
            &["fail low linked_server AWAY", "pass"]),
        one("nothing goes over now", "login app; link AWAY to SQL02; link login AWAY default as report",
            &["fail low linked_server AWAY"]),
        one("each login its own", "login app; link AWAY to SQL02 data; link login AWAY app as a; \
            link login AWAY default self", PASS),
        one("no linked server", "", &["not_applicable: there is nothing of this kind"]),
        one("linked servers were not seen", "", &["unknown instance"]).without(Fact::LinkedServers, None),
    ]
};

static RPC_OUT: &[Fixture] = {
    const fn one(
        about: &'static str,
        estate: &'static str,
        verdicts: &'static [&'static str],
    ) -> Fixture {
        Fixture::of_lines("linked-server-rpc-out", about, estate, verdicts)
    }
    const FAIL: &[&str] = &["fail low linked_server AWAY"];
    fn marked(r: &mut Recording) {
        let servers = &mut r.snapshot.server.linked_servers;
        let mut seen = servers.seen().to_vec();
        let mut row = seen[0].clone();
        (row.server_id, row.is_linked, row.is_system) = (1, true, true);
        "AWAY".clone_into(&mut row.name);
        seen.push(row);
        *servers = Observed::Known { value: seen };
    }
    fn remote(r: &mut Recording) {
        marked(r);
        r.snapshot
            .server
            .linked_servers
            .seen_mut()
            .last_mut()
            .unwrap()
            .is_linked = false;
    }
    const fn other(
        about: &'static str,
        change: fn(&mut Recording),
        verdicts: &'static [&'static str],
    ) -> Fixture {
        Fixture::new(
            "linked-server-rpc-out",
            about,
            windows(16),
            change,
            verdicts,
        )
    }
    &[
        one("on", "link AWAY to SQL02 rpc data", FAIL)
            .saying("can be run on linked server AWAY: RPC OUT is on"),
        one(
            "on for one of two",
            "link AWAY to SQL02 rpc; link FAR to SQL03 data",
            &["fail low linked_server AWAY", "pass"],
        ),
        one(
            "it leads back to this instance",
            "link AWAY to localhost rpc",
            FAIL,
        ),
        one(
            "another database's provider",
            "link AWAY to ora provider OraOLEDB.Oracle rpc",
            FAIL,
        ),
        other(
            "marked as the system's own, which sp_serveroption does",
            marked,
            FAIL,
        ),
        one("data access alone", "link AWAY to SQL02 data", PASS),
        one("neither", "link AWAY to SQL02", PASS),
        other(
            "the instance itself has it on, as setup leaves it",
            |_| {},
            &["not_applicable: there is no linked server"],
        ),
        other(
            "a remote server of the old kind is another rule's",
            remote,
            &["not_applicable: there is no linked server"],
        ),
        one(
            "linked servers were not seen",
            "link AWAY to SQL02 rpc",
            &["unknown instance"],
        )
        .without(Fact::LinkedServers, None),
        other(
            "seen in part: what is there is there",
            |r| {
                marked(r);
                partly(&mut r.snapshot.server.linked_servers);
            },
            &["fail low linked_server AWAY", "unknown instance"],
        ),
    ]
};
