//! Code that is approved as it was published: by its tokens, and by nothing that is only called so.

use serde_json::Value;

use super::{Estate, RUNS, planted, planted_as, said};
use crate::support::cli::{Cli, Ran, verdicts};

const MODULE: &str = "module-invokes-command-channel";
const ASSEMBLY: &str = "unsafe-assembly";
const STEP: &str = "job-step-reaches-channel";

/// The planted module as its vendor publishes it, and the assembly with it.
const SCRIPT: &str = "-- tools 1.2\nSET QUOTED_IDENTIFIER ON\nGO\n\
    IF OBJECT_ID('dbo.usp_Run') IS NULL EXEC('CREATE PROCEDURE dbo.usp_Run AS RETURN 0')\nGO\n\
    ALTER PROCEDURE dbo.usp_Run\nAS\n    exec master.dbo.xp_cmdshell N'dir C:\\'; -- lists\nGO\n\
    CREATE ASSEMBLY Tools FROM 0x746F6F6C732031 WITH PERMISSION_SET = UNSAFE;\nGO\n";

const NAMES: &str = "baselines = [\"vendor.toml\"]";

fn add(script: &str) -> Cli {
    let args = ["baseline", "add", "--name", "tools", "--version", "1.2"];
    Cli::new(&args)
        .args(&["-o", "vendor.toml", "tools.sql"])
        .file("tools.sql", script)
}

fn baseline(script: &str) -> String {
    add(script).run().code(0).read("vendor.toml")
}

/// An estate that takes up a baseline.
fn taking(mut estate: Estate, script: &str) -> Estate {
    estate.name("rules", NAMES);
    estate.file("vendor.toml", &baseline(script))
}

fn erp(text: &str) -> Estate {
    Estate::of(vec![planted_as("erp", "tools 1", text)])
}

/// The one finding of a rule about something of this name.
fn finding(ran: &Ran, slug: &str, name: &str) -> Value {
    let instance = ran.instance("erp");
    let all = verdicts(&instance, slug);
    let mut own = all.into_iter().filter(|v| v["subject"]["name"] == name);
    own.next().cloned().unwrap_or_default()
}

#[test]
fn what_was_published_so_is_accepted_under_its_name_and_version() {
    let estate = taking(Estate::new(), SCRIPT);
    let ran = estate.audit(&[]);
    for instance in ["erp", "crm"] {
        assert_eq!(
            said(&ran, instance, MODULE),
            ["accepted dbo.usp_Run", "pass all"]
        );
        assert_eq!(said(&ran, instance, ASSEMBLY)[0], "accepted Tools");
    }
    assert_eq!(finding(&ran, MODULE, "dbo.usp_Run")["waiver"], "tools 1.2");
    let judgement = ran.json("out/inputs/judgement.json");
    let taken = &judgement["inventory"]["baselines"][0];
    assert_eq!(
        (&taken["name"], &taken["file"]),
        (&"tools".into(), &"vendor.toml".into())
    );
    let out = ran.path("out");
    let verified = Cli::new(&["verify", out.to_str().unwrap()]).run().code(0);
    assert!(
        verified.stdout.contains("judged again"),
        "{}",
        verified.stdout
    );
}

#[test]
fn nothing_is_approved_that_comes_with_the_program() {
    let ran = Estate::new().audit(&[]);
    assert_eq!(ran.assessment()["fleet"]["verdicts"]["accepted"], 0);
    let judgement = ran.json("out/inputs/judgement.json");
    assert_eq!(judgement["inventory"]["baselines"], Value::Null);
}

#[test]
fn comments_and_layout_are_not_the_code() {
    let text = "/* somebody's\n remark */ CREATE OR ALTER PROCEDURE dbo.usp_Run as\r\n\r\n\
                EXECUTE_IT: --\n";
    let laid_out = RUNS.replace("AS EXEC", "/* was: dir D: */\r\n\tas\r\n\texec ");
    let ran = taking(erp(&laid_out), SCRIPT).audit(&[]);
    assert_eq!(finding(&ran, MODULE, "dbo.usp_Run")["outcome"], "accepted");
    let ran = taking(erp(&format!("{text}{}", &RUNS[35..])), SCRIPT).audit(&[]);
    assert_ne!(finding(&ran, MODULE, "dbo.usp_Run")["outcome"], "accepted");
}

#[test]
fn one_token_more_or_less_stands_out() {
    for (from, to) in [
        ("C:", "D:"),
        ("N'dir", "'dir"),
        ("';\n", "' -- '\n"),
        (" AS EXEC", " WITH EXECUTE AS OWNER AS EXEC"),
        ("EXEC", "DECLARE @x int; EXEC"),
        ("xp_cmdshell", "XP_cmdshell"),
    ] {
        let text = RUNS.replace(from, to);
        assert_ne!(text, RUNS);
        let ran = taking(erp(&text), SCRIPT).audit(&[]).code(1);
        let own = finding(&ran, MODULE, "dbo.usp_Run");
        assert_eq!(own["outcome"], "fail", "{text}");
        let message = own["message"].as_str().unwrap();
        let due = "; differs from \"tools 1.2\" of baseline vendor.toml";
        assert!(message.ends_with(due), "{message}");
    }
}

#[test]
fn another_name_is_not_what_was_published() {
    let mut other = planted("erp", "tools 1");
    other.add_module("App", "dbo.usp_Copy", "P", RUNS);
    let ran = taking(Estate::of(vec![other]), SCRIPT).audit(&[]).code(1);
    let own = finding(&ran, MODULE, "dbo.usp_Copy");
    assert_eq!(own["outcome"], "fail");
    assert!(!own["message"].as_str().unwrap().contains("baseline"));
}

#[test]
fn what_was_not_seen_is_not_approved() {
    let mut hidden = planted("erp", "tools 1");
    let id = hidden.object_id("App", "dbo.usp_Run");
    hidden.hide_definition("App", id);
    let ran = taking(Estate::of(vec![hidden]), SCRIPT).audit(&[]).code(3);
    assert_eq!(finding(&ran, MODULE, "dbo.usp_Run")["outcome"], "unknown");
    let mut encrypted = planted("erp", "tools 2");
    encrypted.add_encrypted_module("App", "dbo.usp_Hidden");
    let script = format!("{SCRIPT}CREATE PROC dbo.usp_Hidden WITH ENCRYPTION AS SELECT 1\nGO\n");
    let added = add(&script).run().code(0);
    let added = added.says("tools.sql:12: not taken: dbo.usp_Hidden is created WITH ENCRYPTION");
    assert!(!added.read("vendor.toml").contains("usp_Hidden"));
    let ran = taking(Estate::of(vec![encrypted]), &script).audit(&[]);
    assert_eq!(
        finding(&ran, "encrypted-module", "dbo.usp_Hidden")["outcome"],
        "fail"
    );
}

#[test]
fn text_that_was_left_out_is_approved_by_what_was_noted_of_it() {
    let whole = taking(erp(RUNS), SCRIPT).audit(&[]);
    let bare = taking(erp(RUNS), SCRIPT).audit(&["--definitions", "none"]);
    assert_eq!(finding(&bare, MODULE, "dbo.usp_Run")["outcome"], "accepted");
    assert_eq!(
        finding(&bare, MODULE, "dbo.usp_Run")["message"],
        finding(&whole, MODULE, "dbo.usp_Run")["message"]
    );
    let changed = RUNS.replace("C:", "D:");
    let bare = taking(erp(&changed), SCRIPT).audit(&["--definitions", "none"]);
    assert_eq!(finding(&bare, MODULE, "dbo.usp_Run")["outcome"], "fail");
}

#[test]
fn an_assembly_is_approved_up_to_what_it_was_published_with() {
    let less = SCRIPT.replace("= UNSAFE", "= EXTERNAL_ACCESS");
    let ran = taking(erp(RUNS), &less).audit(&[]);
    assert_eq!(finding(&ran, ASSEMBLY, "Tools")["outcome"], "fail");
    let other = SCRIPT.replace("2031", "2032");
    let ran = taking(erp(RUNS), &other).audit(&[]);
    let own = finding(&ran, ASSEMBLY, "Tools");
    assert_eq!(own["outcome"], "fail");
    assert!(
        own["message"].as_str().unwrap().contains("; differs from"),
        "{own}"
    );
}

#[test]
fn what_starts_a_published_module_is_not_published() {
    let mut startup = planted("erp", "tools 1");
    startup.add_module("master", "dbo.usp_Run", "P", RUNS);
    startup.mark_startup("dbo.usp_Run");
    let ran = taking(Estate::of(vec![startup]), SCRIPT).audit(&[]).code(1);
    let instance = ran.instance("erp");
    let startup = verdicts(&instance, "startup-procedure");
    assert!(
        startup.iter().any(|v| v["outcome"] == "fail"),
        "{startup:?}"
    );
    assert!(startup.iter().all(|v| v["outcome"] != "accepted"));
}

#[test]
fn a_job_step_is_approved_by_its_text_whatever_the_job_is_called() {
    let script = "EXEC msdb.dbo.sp_add_jobstep @job_name = N'any', @step_name = N'list',\n\
                  @subsystem = N'TSQL', @command = N'exec master.dbo.xp_cmdshell ''dir''';\n";
    for (command, due) in [
        ("EXEC master.dbo.xp_cmdshell 'dir' -- nightly", "accepted"),
        ("EXEC master.dbo.xp_cmdshell 'dir /s'", "fail"),
    ] {
        let mut erp = planted("erp", "tools 1");
        erp.add_job_step("Nightly", "App", command);
        let ran = taking(Estate::of(vec![erp]), script).audit(&[]);
        let own = finding(&ran, STEP, "job Nightly, step 1");
        assert_eq!(own["outcome"], due, "{command}: {own}");
    }
}

#[test]
fn what_a_published_text_comes_to_by_something_else_was_not_published() {
    const LOGS: &str = "CREATE PROCEDURE dbo.sp_Maint @m nvarchar(100) AS EXEC dbo.LogIt @m;\n";
    const HELPER: &str = "CREATE PROC dbo.LogIt @m nvarchar(100) AS EXEC master.dbo.xp_cmdshell @m";
    let synonym = |r: &mut crate::support::recording::Recording| {
        r.add_synonym("App", "dbo.LogIt", "[master].[dbo].[xp_cmdshell]");
    };
    let helper = |r: &mut crate::support::recording::Recording| {
        r.add_module("App", "dbo.LogIt", "P", HELPER);
    };
    let ways: [&dyn Fn(&mut crate::support::recording::Recording); 2] = [&synonym, &helper];
    for way in ways {
        for args in [&[][..], &["--definitions", "none"]] {
            let mut erp = planted("erp", "tools 1");
            erp.add_module("App", "dbo.sp_Maint", "P", LOGS);
            way(&mut erp);
            let script = format!("{SCRIPT}{LOGS}GO\n");
            let ran = taking(Estate::of(vec![erp]), &script).audit(args);
            assert_eq!(finding(&ran, MODULE, "dbo.usp_Run")["outcome"], "accepted");
            let instance = ran.instance("erp");
            let all = instance["verdicts"].as_array().unwrap().iter();
            let own = all.filter(|v| v["subject"]["name"] == "dbo.sp_Maint");
            let outcomes: Vec<&Value> = own.map(|v| &v["outcome"]).collect();
            assert!(!outcomes.is_empty() && outcomes.iter().all(|is| *is == "fail"));
            let message = finding(&ran, MODULE, "dbo.sp_Maint")["message"].to_string();
            assert!(message.contains("does not stand in that text"), "{message}");
        }
    }
}

#[test]
fn a_step_that_agent_fills_is_approved_byte_for_byte() {
    const PLAIN: &str = "EXEC master.dbo.xp_cmdshell 'dir';";
    const FILLED: &str = "EXEC master.dbo.xp_cmdshell 'dir'; -- $(ESCAPE_NONE(A-MSG))";
    let script = |command: &str| {
        format!(
            "EXEC msdb.dbo.sp_add_jobstep @job_name = N'any', @step_name = N'list',\n\
             @subsystem = N'TSQL', @command = N'{}';\n",
            command.replace('\'', "''")
        )
    };
    for (published, command, due) in [
        (PLAIN, FILLED, "fail"),
        (FILLED, PLAIN, "fail"),
        (FILLED, FILLED, "accepted"),
    ] {
        let mut erp = planted("erp", "tools 1");
        erp.add_job_step("Nightly", "App", command);
        let ran = taking(Estate::of(vec![erp]), &script(published)).audit(&[]);
        let own = finding(&ran, STEP, "job Nightly, step 1");
        assert_eq!(own["outcome"], due, "{published} {command}: {own}");
    }
}

#[test]
fn a_waiver_of_a_changed_copy_holds_and_the_message_still_says_it() {
    let text = RUNS.replace("C:", "D:");
    let estate = taking(erp(&text), SCRIPT);
    let ran = estate.waiving(&super::waiver("")).audit(&[]);
    let own = finding(&ran, MODULE, "dbo.usp_Run");
    assert_eq!(
        (&own["outcome"], &own["waiver"]),
        (&"accepted".into(), &"W-1".into())
    );
    assert!(own["message"].as_str().unwrap().contains("differs from"));
}

#[test]
fn files_are_extended_listed_and_replaced_by_version() {
    let args = ["baseline", "add", "-o", "vendor.toml", "--name"];
    let first = Cli::new(&args).args(&["other", "other.sql"]);
    let first = first
        .file("other.sql", "CREATE VIEW dbo.v AS SELECT 1 AS a")
        .run()
        .code(0);
    assert_eq!(
        first.stdout,
        "other: 1 modules, 0 assemblies, 0 job steps\n"
    );
    let both = add(SCRIPT)
        .file("vendor.toml", first.read("vendor.toml"))
        .run()
        .code(0);
    let text = both.read("vendor.toml");
    let list = |args: &[&str]| {
        let list = Cli::new(&["baseline", "list", "vendor.toml"]).args(args);
        list.file("vendor.toml", &text).run().code(0).stdout
    };
    let listed = list(&[]);
    for due in [
        "dbo.v",
        "dbo.usp_Run",
        "assembly, UNSAFE at most",
        "tools 1.2",
    ] {
        assert!(listed.contains(due), "{listed}");
    }
    let listed: Value = serde_json::from_str(&list(&["--format", "json"])).unwrap();
    assert_eq!(listed.as_array().unwrap().len(), 2);
    let again = add(&SCRIPT.replace("C:", "D:"))
        .file("vendor.toml", &text)
        .run()
        .code(0);
    let again = again.read("vendor.toml");
    assert_eq!(again.matches("usp_Run").count(), 1);
    assert_ne!(again, text);
    add("SELECT 1")
        .run()
        .code(2)
        .says("no module, assembly or T-SQL job step");
    add("x")
        .file("vendor.toml", "schema = 1")
        .run()
        .code(2)
        .says("vendor.toml:1");
}

#[test]
fn where_a_key_is_given_only_what_it_signed_is_taken() {
    let keys = Cli::new(&["keygen", "-o", "key", "--no-password"])
        .run()
        .code(0);
    let (secret, public) = (keys.read("key"), keys.read("key.pub"));
    let signed = add(SCRIPT)
        .file("key", &secret)
        .args(&["--sign-key", "key"])
        .run()
        .code(0);
    let (file, signature) = (
        signed.read("vendor.toml"),
        signed.read("vendor.toml.minisig"),
    );
    let estate = |file: &str, signature: Option<&str>, public: &str| {
        let mut estate = erp(RUNS);
        estate.name("rules", &format!("{NAMES}\nbaseline_key = \"key.pub\""));
        let estate = estate.file("vendor.toml", file).file("key.pub", public);
        match signature {
            Some(signature) => estate.file("vendor.toml.minisig", signature),
            None => estate,
        }
    };
    let ran = estate(&file, Some(&signature), &public).audit(&[]);
    assert_eq!(finding(&ran, MODULE, "dbo.usp_Run")["outcome"], "accepted");
    let other = Cli::new(&["keygen", "-o", "key", "--no-password"])
        .run()
        .code(0);
    let others = other.read("key.pub");
    let altered = file.replace("tools", "Tools");
    for (file, signature, public, due) in [
        (&file, None, &public, "must be signed by key"),
        (
            &file,
            Some(signature.as_str()),
            &others,
            "is not signed by key",
        ),
        (
            &altered,
            Some(signature.as_str()),
            &public,
            "is not signed by key",
        ),
    ] {
        let refused = estate(file, signature, public).refused();
        assert!(refused.contains(due), "{refused}");
    }
    let extended = add(SCRIPT).file("vendor.toml", &file);
    let extended = extended.file("vendor.toml.minisig", &signature);
    extended.run().code(2).says("sign it anew");
    let mut lone = Estate::new();
    lone.name("rules", "baseline_key = \"key.pub\"");
    assert!(lone.refused().contains("no baseline to check with it"));
}
