//! Agent, further: jobs that stay, what their T-SQL steps reach, and who operates them all.

use mssql_posture::snapshot::{Fact, Observed};

use super::{Fixture, managed_instance, partly, windows};
use crate::support::recording::Recording;

pub(super) fn fixtures() -> Vec<&'static Fixture> {
    let tables = [AT_START, STEPS, OPERATORS];
    tables.into_iter().flatten().collect()
}

const PASS: &[&str] = &["pass"];
const EXPRESS: &[&str] = &["not_applicable: Express has no Agent"];
const EXCLUDED: &[&str] = &["not_applicable: the inventory excludes msdb"];
const UNSEEN: &[&str] = &["unknown instance"];

const JOB: &str = "6F9619FF-8B86-D011-B42D-00C04FC964FF";
const AT_AGENT_START: i32 = 64;

/// A job of these steps, by their subsystems, that runs at Agent start.
fn starting(r: &mut Recording, subsystems: &[&str]) {
    for subsystem in subsystems {
        r.add_job_step(JOB, "master", "PRINT 1");
        let steps = r.snapshot.server.job_steps.seen_mut();
        (*subsystem).clone_into(&mut steps.last_mut().unwrap().subsystem);
    }
    r.add_schedule(JOB, AT_AGENT_START);
}

fn disable(r: &mut Recording) {
    let jobs = r.snapshot.server.jobs.seen_mut().iter_mut();
    jobs.for_each(|job| job.enabled = 0);
}

fn forget_jobs(r: &mut Recording) {
    r.snapshot.server.jobs = Observed::Known { value: Vec::new() };
    r.snapshot.server.job_steps = Observed::Known { value: Vec::new() };
}

static AT_START: &[Fixture] = {
    const fn one(
        about: &'static str,
        change: fn(&mut Recording),
        verdicts: &'static [&'static str],
    ) -> Fixture {
        let rule = "job-runs-at-agent-start";
        Fixture::new(rule, about, windows(16), change, verdicts)
    }
    const MEDIUM: &[&str] = &[
        "fail medium job job 6F9619FF-8B86-D011-B42D-00C04FC964FF",
        "pass",
    ];
    const LOW: &[&str] = &[
        "fail low job job 6F9619FF-8B86-D011-B42D-00C04FC964FF",
        "pass",
    ];
    &[
        one(
            "one that runs commands",
            |r| starting(r, &["CmdExec"]),
            MEDIUM,
        )
        .saying("runs whenever the Agent starts"),
        one(
            "one step of three is no T-SQL",
            |r| starting(r, &["TSQL", "PowerShell", "TSQL"]),
            MEDIUM,
        ),
        one(
            "an agent of replication is one too",
            |r| starting(r, &["LogReader"]),
            MEDIUM,
        ),
        one("T-SQL alone", |r| starting(r, &["TSQL", "TSQL"]), LOW),
        one(
            "the second of its schedules",
            |r| {
                r.add_job_step(JOB, "master", "PRINT 1");
                r.add_schedule(JOB, 4);
                r.add_schedule(JOB, AT_AGENT_START);
            },
            LOW,
        ),
        one(
            "a schedule that is switched off starts nothing",
            |r| {
                r.add_job_step(JOB, "master", "PRINT 1");
                r.add_schedule(JOB, AT_AGENT_START).enabled = 0;
            },
            PASS,
        ),
        one(
            "a job that is disabled",
            |r| {
                starting(r, &["CmdExec"]);
                disable(r);
            },
            PASS,
        ),
        one(
            "daily and when idle is not at start",
            |r| {
                r.add_job_step(JOB, "master", "PRINT 1");
                r.add_schedule(JOB, 4);
                r.add_schedule(JOB, 128);
            },
            PASS,
        ),
        one(
            "a schedule that no job has",
            |r| {
                r.add_job_step(JOB, "master", "PRINT 1");
                r.add_schedule("00000000-0000-0000-0000-000000000000", AT_AGENT_START);
            },
            PASS,
        ),
        one(
            "as installed: the purge of policies' history is daily",
            |_| {},
            PASS,
        ),
        one("no job", forget_jobs, &["not_applicable: there is no job"]),
        one(
            "the inventory excludes msdb",
            |r| _ = r.exclude("msdb"),
            EXCLUDED,
        ),
        Fixture::of_lines(
            "job-runs-at-agent-start",
            "Express",
            "edition express",
            EXPRESS,
        ),
        one(
            "schedules were not seen",
            |r| starting(r, &["CmdExec"]),
            UNSEEN,
        )
        .without(Fact::Schedules, None),
        one(
            "which job has which was not seen",
            |r| starting(r, &["CmdExec"]),
            UNSEEN,
        )
        .without(Fact::JobSchedules, None),
        one(
            "steps that were not seen are not taken to be T-SQL",
            |r| {
                starting(r, &["TSQL"]);
            },
            &[
                "fail medium job job 6F9619FF-8B86-D011-B42D-00C04FC964FF",
                "unknown instance",
            ],
        )
        .without(Fact::JobSteps, None),
        Fixture::new(
            "job-runs-at-agent-start",
            "a managed instance has an Agent",
            managed_instance(),
            |r| starting(r, &["SSIS"]),
            MEDIUM,
        ),
    ]
};

fn step(r: &mut Recording, command: &str) {
    r.add_database("App", "sa");
    r.add_job_step(JOB, "App", command);
}

static STEPS: &[Fixture] = {
    const fn one(
        about: &'static str,
        change: fn(&mut Recording),
        verdicts: &'static [&'static str],
    ) -> Fixture {
        let rule = "job-step-reaches-channel";
        Fixture::new(rule, about, windows(16), change, verdicts)
    }
    const FAIL: &[&str] = &[
        "fail medium job job 6F9619FF-8B86-D011-B42D-00C04FC964FF, step 1",
        "pass",
    ];
    const UNKNOWN: &[&str] = &[
        "unknown job job 6F9619FF-8B86-D011-B42D-00C04FC964FF, step 1",
        "pass",
    ];
    &[
        one(
            "xp_cmdshell in its own text",
            |r| step(r, "USE master\nGO\nEXEC xp_cmdshell 'dir'"),
            FAIL,
        )
        .saying("-00C04FC964FF\" reaches xp_cmdshell (line 3)"),
        one(
            "by a procedure that it calls",
            |r| {
                step(r, "EXEC dbo.p");
                r.add_module(
                    "App",
                    "dbo.p",
                    "P",
                    "CREATE PROCEDURE dbo.p AS EXEC xp_cmdshell 'dir'",
                );
            },
            FAIL,
        ),
        one(
            "by a synonym",
            |r| {
                step(r, "EXEC dbo.tidy 'dir'");
                r.add_synonym("App", "dbo.tidy", "[master].[dbo].[xp_cmdshell]");
            },
            FAIL,
        ),
        one(
            "it switches a channel on",
            |r| step(r, "EXEC sp_configure 'xp_cmdshell', 1; RECONFIGURE"),
            FAIL,
        )
        .saying("sp_configure_enable"),
        one(
            "it writes the registry",
            |r| {
                step(
                    r,
                    "EXEC xp_regwrite 'HKEY_LOCAL_MACHINE', 'Software\\x', 'y', 'REG_SZ', 'z'",
                );
            },
            FAIL,
        )
        .saying("registry_write"),
        one(
            "it has a DLL registered",
            |r| step(r, "EXEC sp_addextendedproc 'xp_x', 'x.dll'"),
            FAIL,
        )
        .saying("extended_proc_add"),
        one(
            "each step is judged by itself",
            |r| {
                step(r, "PRINT 1");
                r.add_job_step(JOB, "App", "EXEC xp_cmdshell 'a'");
                r.add_job_step(JOB, "App", "EXEC xp_cmdshell 'b'");
            },
            &[
                "fail medium job job 6F9619FF-8B86-D011-B42D-00C04FC964FF, step 2",
                "fail medium job job 6F9619FF-8B86-D011-B42D-00C04FC964FF, step 3",
                "pass",
            ],
        ),
        one(
            "it only prints the name, and one in a comment",
            |r| {
                step(r, "PRINT 'EXEC xp_cmdshell' -- EXEC xp_cmdshell 'dir'");
            },
            PASS,
        ),
        one(
            "it switches a channel off",
            |r| step(r, "EXEC sp_configure 'xp_cmdshell', 0; RECONFIGURE"),
            PASS,
        ),
        one(
            "it reads the registry",
            |r| {
                step(
                    r,
                    "EXEC xp_regread 'HKEY_LOCAL_MACHINE', 'Software\\x', 'y'",
                );
            },
            PASS,
        ),
        one(
            "a CmdExec step that says so is another rule's",
            |r| {
                step(r, "EXEC xp_cmdshell 'dir'");
                let steps = r.snapshot.server.job_steps.seen_mut();
                "CmdExec".clone_into(&mut steps.last_mut().unwrap().subsystem);
            },
            PASS,
        ),
        one(
            "a job that is disabled",
            |r| {
                step(r, "EXEC xp_cmdshell 'dir'");
                disable(r);
            },
            &["not_applicable: no T-SQL step of an enabled job"],
        ),
        one(
            "it executes text that could not be read",
            |r| {
                step(
                    r,
                    "DECLARE @s nvarchar(max);\nSELECT @s = body FROM dbo.Task;\nEXEC (@s)",
                );
            },
            UNKNOWN,
        )
        .saying("what the step executes in line 3"),
        one(
            "it calls what is encrypted",
            |r| {
                step(r, "EXEC dbo.p");
                r.add_encrypted_module("App", "dbo.p");
            },
            UNKNOWN,
        )
        .saying("the text of dbo.p, which is called"),
        one(
            "it calls what calls what executes text that could not be read",
            |r| {
                step(r, "EXEC dbo.p");
                r.add_module("App", "dbo.p", "P", "CREATE PROCEDURE dbo.p AS\nEXEC dbo.q");
                r.add_module(
                    "App",
                    "dbo.q",
                    "P",
                    "CREATE PROCEDURE dbo.q AS\nDECLARE @s nvarchar(9) = APP_NAME()\nEXEC (@s)",
                );
            },
            UNKNOWN,
        )
        .saying("what dbo.q, which is called, executes in line 3"),
        one(
            "it calls code of an assembly, which has no text",
            |r| {
                step(r, "EXEC dbo.native");
                let assembly = r.add_assembly("App", "Tool", 1, "tool");
                r.add_clr_procedure("App", "dbo.native", assembly, "Run");
            },
            UNKNOWN,
        ),
        one(
            "its text is not among the files",
            |r| {
                step(r, "EXEC xp_cmdshell 'dir'");
                r.forget_texts("msdb");
            },
            &[
                "unknown job job 6F9619FF-8B86-D011-B42D-00C04FC964FF, step 1",
                "unknown job syspolicy_purge_history, step 1",
                "unknown job syspolicy_purge_history, step 2",
            ],
        ),
        one(
            "a step without a command",
            |r| {
                step(r, "PRINT 1");
                r.snapshot
                    .server
                    .job_steps
                    .seen_mut()
                    .last_mut()
                    .unwrap()
                    .command = None;
            },
            PASS,
        ),
        one("as installed", |_| {}, PASS),
        one("no job", forget_jobs, &["not_applicable: there is no job"]),
        one(
            "the inventory excludes msdb",
            |r| {
                step(r, "EXEC xp_cmdshell 'dir'");
                r.exclude("msdb");
            },
            EXCLUDED,
        ),
        Fixture::of_lines(
            "job-step-reaches-channel",
            "Express",
            "edition express",
            EXPRESS,
        ),
        one(
            "steps were not seen",
            |r| step(r, "EXEC xp_cmdshell 'dir'"),
            UNSEEN,
        )
        .without(Fact::JobSteps, None),
        one(
            "modules of a database were not seen",
            |r| step(r, "PRINT 1"),
            &["unknown database App"],
        )
        .without(Fact::Modules, Some("App")),
    ]
};

static OPERATORS: &[Fixture] = {
    const fn one(
        about: &'static str,
        estate: &'static str,
        verdicts: &'static [&'static str],
    ) -> Fixture {
        Fixture::of_lines("agent-operator-member", about, estate, verdicts)
    }
    const MEMBER: &str = "login app; in msdb: user app; member app of SQLAgentOperatorRole";
    const FAIL: &[&str] = &["fail medium principal msdb app"];
    &[
        one("a member", MEMBER, FAIL).saying("app operates every job, and is not in sysadmin"),
        one(
            "by a role of msdb's own",
            "login app; in msdb: role ops; member ops of SQLAgentOperatorRole; user app; member app of ops",
            &["fail medium principal msdb app", "pass"],
        ),
        one(
            "a Windows group that may log in",
            "login \"CORP\\ops\" type G; in msdb: user \"CORP\\ops\"; member \"CORP\\ops\" of SQLAgentOperatorRole",
            &["fail medium principal msdb CORP\\ops"],
        ),
        one(
            "guest is whoever logs in",
            "in msdb: member guest of SQLAgentOperatorRole",
            &["fail medium principal msdb guest"],
        ),
        one(
            "public is everybody",
            "in msdb: member public of SQLAgentOperatorRole",
            &["fail medium principal msdb public"],
        ),
        one(
            "a user that lost its login",
            "in msdb: user old orphan; member old of SQLAgentOperatorRole",
            &["fail low principal msdb old"],
        )
        .saying("old, a user without a login here, operates every job"),
        one(
            "a member of sysadmin has the role's rights anyway",
            "login dba; member dba of sysadmin; in msdb: user dba; member dba of SQLAgentOperatorRole",
            PASS,
        ),
        one(
            "a role deep in sysadmin",
            "login dba; server role ops; member dba of ops; member ops of sysadmin; \
             in msdb: user dba; member dba of SQLAgentOperatorRole",
            PASS,
        ),
        one(
            "a login that cannot log in, as setup makes for policies",
            "login \"##MS_PolicyTsqlExecutionLogin##\" disabled; in msdb: user \"##MS_PolicyTsqlExecutionLogin##\"; \
             role PolicyAdministratorRole; member PolicyAdministratorRole of SQLAgentOperatorRole; \
             member \"##MS_PolicyTsqlExecutionLogin##\" of PolicyAdministratorRole",
            PASS,
        ),
        one(
            "a login that only has such a name",
            "login \"##MS_PolicyX##\"; in msdb: user \"##MS_PolicyX##\"; member \"##MS_PolicyX##\" of SQLAgentOperatorRole",
            &["fail medium principal msdb ##MS_PolicyX##"],
        ),
        one(
            "SQLAgentReaderRole only looks, SQLAgentUserRole has its own",
            "login app; login joe; in msdb: user app; member app of SQLAgentReaderRole; user joe; \
             member joe of SQLAgentUserRole",
            PASS,
        ),
        one(
            "a role of that name in another database",
            "login app; database App; in App: role SQLAgentOperatorRole; user app; member app of SQLAgentOperatorRole",
            PASS,
        ),
        one("nobody", "", PASS),
        one(
            "Express",
            "edition express; login app; in msdb: user app; member app of SQLAgentOperatorRole",
            EXPRESS,
        ),
        Fixture::new(
            "agent-operator-member",
            "the inventory excludes msdb",
            windows(16),
            |r| _ = r.exclude("msdb"),
            EXCLUDED,
        ),
        one(
            "a Windows user without a login may come in by a group",
            "in msdb: user \"CORP\\joe\" windows; member \"CORP\\joe\" of SQLAgentOperatorRole",
            &["unknown principal msdb CORP\\joe"],
        ),
        one(
            "whether it is an administrator's was not seen",
            MEMBER,
            &["unknown principal msdb app"],
        )
        .without(Fact::ServerRoleMembers, None),
        one(
            "which login the user is was not seen",
            MEMBER,
            &["unknown principal msdb app"],
        )
        .without(Fact::ServerPrincipals, None),
        one("members were not seen", MEMBER, &["unknown database msdb"])
            .without(Fact::DatabaseRoleMembers, Some("msdb")),
        one("roles were not seen", MEMBER, &["unknown database msdb"])
            .without(Fact::DatabasePrincipals, Some("msdb")),
        Fixture::new(
            "agent-operator-member",
            "a member of whom only the number was seen",
            windows(16),
            |r| {
                r.add_login("app", "S");
                r.add_user("msdb", "app", Some("app"));
                r.add_member("msdb", "SQLAgentOperatorRole", "app");
                let users = &mut r.database("msdb").database_principals;
                let mut seen = users.seen().to_vec();
                seen.retain(|user| user.name != "app");
                *users = Observed::Known { value: seen };
                partly(users);
            },
            &["unknown database msdb", "unknown principal msdb user 12"],
        ),
    ]
};
