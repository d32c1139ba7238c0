//! Who acts as dbo where the server believes it.

use mssql_posture::snapshot::Fact;

use super::{Fixture, windows};

pub(super) fn fixtures() -> Vec<&'static Fixture> {
    [TRUSTWORTHY, MSDB, JOBS].into_iter().flatten().collect()
}

const APP: &[&str] = &["fail high principal App app", "pass"];
const OWNERS: &[&str] = &["fail high principal App db_owner", "pass"];
const PASS: &[&str] = &["pass"];

static TRUSTWORTHY: &[Fixture] = {
    const fn one(
        about: &'static str,
        estate: &'static str,
        verdicts: &'static [&'static str],
    ) -> Fixture {
        Fixture::of_lines("db-owner-in-trustworthy", about, estate, verdicts)
    }
    &[
        one("db_owner under sa",
            "login app; database App trustworthy; in App: user app; member app of db_owner", OWNERS)
            .saying("dbo is within reach of app: app enters as user app of App; user app of App is a member of \
                     role db_owner of App; role db_owner of App holds CONTROL on database App"),
        one("CONTROL", "login app; database App trustworthy; in App: user app; grant CONTROL to app", APP),
        one("IMPERSONATE on dbo",
            "login app; database App trustworthy; in App: user app; grant IMPERSONATE on user dbo to app", APP),
        one("a DENY takes CONTROL back",
            "login app; database App trustworthy; in App: user app; grant CONTROL to app; deny CONTROL to app", PASS),
        one("a role that he joins, being its owner",
            "login app; database App trustworthy; in App: user app; role ops owner app; grant CONTROL to ops",
            &["fail high principal App ops", "pass"]).saying("app of App owns role ops of App and joins it"),
        one("by acting as a login that is",
            "login app; login joe disabled; grant IMPERSONATE on login joe to app; database App trustworthy; \
             in App: user joe; member joe of db_owner", OWNERS).saying("within reach of app: app holds IMPERSONATE"),
        one("db_securityadmin grants itself what it wants",
            "login app; database App trustworthy; in App: user app; member app of db_securityadmin",
            &["fail high principal App db_securityadmin", "pass"]),
        one("public of a database with guest is everybody",
            "login app; database App trustworthy; in App: grant CONNECT to guest; grant CONTROL to public",
            &["fail critical principal App public", "pass"]).saying("within reach of everybody"),
        one("guest", "login app; database App trustworthy; in App: grant CONNECT to guest; grant CONTROL to guest",
            &["fail critical principal App guest", "pass"]),
        one("a role without members",
            "database App trustworthy; in App: role ops; grant CONTROL to ops",
            &["fail low principal App ops", "pass"]),
        one("a login that cannot log in",
            "login app disabled; database App trustworthy; in App: user app; grant CONTROL to app",
            &["fail low principal App app", "pass"]),
        one("an owner who may only vouch gains by it",
            "login own; login dba; member dba of sysadmin; grant AUTHENTICATE SERVER to own; \
             database App owner own trustworthy",
            &["fail high principal App own", "pass"]),
        one("an owner with CONTROL SERVER gains nothing",
            "login own; grant CONTROL SERVER to own; database App owner own trustworthy", PASS),
        one("members of sysadmin are administrators by design",
            "login dba; member dba of sysadmin; database App trustworthy; in App: user dba; member dba of db_owner",
            PASS),
        one("an owner without rights vouches for nobody",
            "login own; login app; database App owner own trustworthy; in App: user app; member app of db_owner", PASS),
        one("not TRUSTWORTHY", "login app; database App; in App: user app; member app of db_owner", PASS),
        one("the inventory excludes all but msdb, which is for the other rule", "",
            &["not_applicable: excluded by the inventory; msdb is for msdb-db-owner"]).excluding_most(),
        one("an excluded database is not judged",
            "login app; database App trustworthy excluded", PASS),
        one("six members are not all named",
            "login a; login b; login c; login d; login e; login f; database App trustworthy; \
             in App: user a; user b; user c; user d; user e; user f; member a of db_owner; member b of db_owner; \
             member c of db_owner; member d of db_owner; member e of db_owner; member f of db_owner", OWNERS)
            .saying("within reach of a, b, c, d, e, 1 others"),
        one("who is in it was not seen",
            "login app; database App trustworthy; in App: user app; member app of db_owner",
            &["unknown database App"]).without(Fact::DatabaseRoleMembers, Some("App")),
        one("whether a login is an administrator was not seen: what is there is bad",
            "login app; database App trustworthy; in App: user app; member app of db_owner",
            &["fail high principal App db_owner", "unknown instance"])
            .without(Fact::ServerRoleMembers, None),
        one("the owner may be in a Windows group of sysadmin",
            "login \"CORP\\dba\" type G; member \"CORP\\dba\" of sysadmin; login \"CORP\\own\" type U; \
             database App owner \"CORP\\own\" trustworthy",
            &["unknown database App", "pass"]).saying("whether the owner is in the group CORP\\dba"),
        one("databases were not seen", "", &["unknown instance"]).without(Fact::Databases, None),
    ]
};

static JOBS: &[Fixture] = {
    const fn one(
        about: &'static str,
        estate: &'static str,
        verdicts: &'static [&'static str],
    ) -> Fixture {
        Fixture::of_lines("agent-jobs-writable", about, estate, verdicts)
    }
    const WRITER: &str = "login app; in msdb: user app; member app of db_datawriter";
    &[
        one("db_datawriter", WRITER, &["fail high principal msdb app"])
            .saying("decides what SQL Server Agent runs for an administrator"),
        one(
            "UPDATE on the table of steps",
            "login app; in msdb: user app; grant UPDATE on dbo.sysjobsteps to app",
            &["fail high principal msdb app"],
        ),
        one(
            "ALTER on a procedure of setup's",
            "login app; in msdb: user app; grant ALTER on dbo.sp_sqlagent_refresh_job to app",
            &["fail high principal msdb app"],
        ),
        one(
            "guest is there by setup: UPDATE to public is for everybody",
            "login app; in msdb: grant UPDATE on dbo.sysjobs to public",
            &["fail critical principal msdb guest"],
        ),
        one(
            "a login that cannot log in",
            "login app disabled; in msdb: user app; grant UPDATE on dbo.sysjobs to app",
            PASS,
        ),
        one(
            "a role without members is nobody's",
            "in msdb: role writers; grant UPDATE on dbo.sysjobs to writers",
            PASS,
        ),
        one(
            "dbo is another rule's",
            "login app; in msdb: user app; member app of db_owner",
            PASS,
        ),
        one(
            "a DENY on the tables holds db_datawriter",
            "login app; in msdb: user app; member app of db_datawriter; deny UPDATE on dbo.sysjobs to app; \
             deny UPDATE on dbo.sysjobsteps to app; deny INSERT on dbo.sysjobsteps to app",
            PASS,
        ),
        one(
            "who makes jobs of his own",
            "login app; in msdb: user app; member app of SQLAgentUserRole",
            PASS,
        ),
        one(
            "an administrator",
            "login dba; member dba of sysadmin; in msdb: user dba; member dba of db_datawriter",
            PASS,
        ),
        one(
            "Express has no Agent",
            "edition express; login app; in msdb: user app; member app of db_datawriter",
            &["not_applicable: Express has no Agent"],
        ),
        Fixture::new(
            "agent-jobs-writable",
            "msdb is excluded",
            windows(16),
            |r| _ = r.exclude("msdb"),
            &["not_applicable: the inventory excludes msdb"],
        ),
        one(
            "who is in it was not seen",
            WRITER,
            &["unknown database msdb"],
        )
        .without(Fact::DatabaseRoleMembers, Some("msdb")),
        one("whose msdb is was not seen", "", &["unknown instance"]).without(Fact::Databases, None),
    ]
};

static MSDB: &[Fixture] = {
    const fn one(
        about: &'static str,
        estate: &'static str,
        verdicts: &'static [&'static str],
    ) -> Fixture {
        Fixture::of_lines("msdb-db-owner", about, estate, verdicts)
    }
    const OWNERS: &[&str] = &["fail high principal msdb db_owner"];
    const FIXTURE: &str = "login app; in msdb: user app; member app of db_owner";
    &[
        one("db_owner", FIXTURE, OWNERS)
            .saying("changes the jobs that the Agent runs for administrators"),
        one(
            "TRUSTWORTHY off does not help: the jobs are there",
            "login app; change msdb trustworthy off; in msdb: user app; member app of db_owner",
            OWNERS,
        ),
        one(
            "TAKE OWNERSHIP",
            "login app; in msdb: user app; grant TAKE OWNERSHIP to app",
            &["fail high principal msdb app"],
        ),
        one(
            "its owner",
            "login app; change msdb owner app",
            &["fail high principal msdb app"],
        ),
        one(
            "guest is there by setup: CONTROL to public is for everybody",
            "login app; in msdb: grant CONTROL to public",
            &["fail critical principal msdb public"],
        ),
        one(
            "a role without members",
            "in msdb: role ops; grant CONTROL to ops",
            &["fail low principal msdb ops"],
        ),
        one(
            "who makes jobs is not dbo",
            "login app; in msdb: user app; member app of SQLAgentOperatorRole",
            PASS,
        ),
        one(
            "an administrator",
            "login dba; member dba of sysadmin; in msdb: user dba; member dba of db_owner",
            PASS,
        ),
        one(
            "Express has no Agent; msdb is TRUSTWORTHY as setup leaves it",
            "edition express; login app; in msdb: user app; member app of db_owner",
            OWNERS,
        )
        .saying("since it is TRUSTWORTHY"),
        one(
            "Express, TRUSTWORTHY off",
            "edition express; login app; change msdb trustworthy off; in msdb: user app; member app of db_owner",
            &["not_applicable: Express has no Agent, and msdb is not TRUSTWORTHY"],
        ),
        one(
            "who is in it was not seen",
            FIXTURE,
            &["unknown database msdb"],
        )
        .without(Fact::DatabaseRoleMembers, Some("msdb")),
        Fixture::new(
            "msdb-db-owner",
            "msdb is excluded",
            windows(16),
            |r| _ = r.exclude("msdb"),
            &["not_applicable: the inventory excludes msdb"],
        ),
        one("whose msdb is was not seen", "", &["unknown instance"]).without(Fact::Databases, None),
    ]
};
