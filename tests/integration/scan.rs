//! `scan`: T-SQL before it is deployed.

use serde_json::Value;

use crate::support::cli::{Cli, Ran};

const PLANTED: &str = "-- EXEC xp_cmdshell is only named here\nCREATE PROCEDURE dbo.run @c nvarchar(200)\nAS\nEXEC master..xp_cmdshell @c\nGO\nPRINT 'xp_cmdshell'\nGO\nEXEC dbo.run N'dir'\n";

fn lines(ran: &Ran) -> Vec<Value> {
    ran.stdout
        .lines()
        .map(|line| serde_json::from_str(line).unwrap())
        .collect()
}

/// The first sink of each object as `file object kind name how line column tainted`.
fn sinks(ran: &Ran) -> Vec<String> {
    let mut found = Vec::new();
    for object in lines(ran) {
        for sink in object["sinks"].as_array().unwrap() {
            let text = |value: &Value| value.as_str().unwrap_or("-").to_owned();
            found.push(format!(
                "{} {} {} {} {} {}:{} {}",
                text(&object["file"]),
                text(&object["object"]),
                text(&object["kind"]),
                text(&sink["name"]),
                text(&sink["how"]),
                sink["line"],
                sink["column"],
                sink["command_tainted"]
            ));
        }
    }
    found
}

fn jsonl(paths: &[&str]) -> Cli {
    Cli::new(&["scan", "--format", "jsonl"]).args(paths)
}

#[test]
fn a_file_gives_one_line_for_each_module_and_batch() {
    let ran = jsonl(&["a.sql"]).file("a.sql", PLANTED).run().code(1);
    assert_eq!(
        sinks(&ran),
        [
            "a.sql dbo.run PROCEDURE xp_cmdshell direct 4:6 true",
            "a.sql - SCRIPT xp_cmdshell via_module 8:6 false",
        ]
    );
    let objects = lines(&ran);
    assert_eq!(objects.len(), 3, "also the batch without sinks");
    let keys: Vec<&String> = objects[0].as_object().unwrap().keys().collect();
    assert_eq!(keys, ["file", "kind", "line", "notes", "object", "sinks"]);
    assert!(ran.stdout.starts_with("{\"file\":\"a.sql\",\"line\":2,\"object\":\"dbo.run\",\"kind\":\"PROCEDURE\",\"sinks\":[{\"name\":\"xp_cmdshell\""));
}

#[test]
fn folders_patterns_and_standard_input_are_read_in_order() {
    let call = "EXEC xp_cmdshell 'x'";
    let cli = jsonl(&["sql"])
        .file("sql/b.sql", call)
        .file("sql/a/z.SQL", call)
        .file("sql/a/notes.txt", call);
    let ran = cli.run().code(1);
    assert_eq!(
        sinks(&ran),
        [
            "sql/a/z.SQL - SCRIPT xp_cmdshell direct 1:6 false",
            "sql/b.sql - SCRIPT xp_cmdshell direct 1:6 false",
        ]
    );
    let ran = jsonl(&["sql/*.sql"])
        .file("sql/b.sql", call)
        .file("sql/a.sql", "SELECT 1")
        .run()
        .code(1);
    let files: Vec<String> = lines(&ran).iter().map(|o| o["file"].to_string()).collect();
    assert_eq!(files, ["\"sql/a.sql\"", "\"sql/b.sql\""]);
    let ran = jsonl(&["-"]).stdin(call).run().code(1);
    assert_eq!(sinks(&ran), ["- - SCRIPT xp_cmdshell direct 1:6 false"]);
}

#[test]
fn files_are_read_in_the_encodings_of_sql_servers_tools() {
    let text = "PRINT 'é'; EXEC xp_cmdshell 'x'";
    let utf16 = |units: Vec<u8>, mark: [u8; 2]| [mark.to_vec(), units].concat();
    let little: Vec<u8> = text.encode_utf16().flat_map(u16::to_le_bytes).collect();
    let big: Vec<u8> = text.encode_utf16().flat_map(u16::to_be_bytes).collect();
    let latin: Vec<u8> = text
        .chars()
        .map(|c| u8::try_from(u32::from(c)).unwrap())
        .collect();
    for bytes in [
        text.as_bytes().to_vec(),
        [&b"\xef\xbb\xbf"[..], text.as_bytes()].concat(),
        little.clone(),
        big.clone(),
        utf16(little, [0xff, 0xfe]),
        utf16(big, [0xfe, 0xff]),
        latin,
    ] {
        let ran = jsonl(&["a.sql"]).file("a.sql", &bytes).run().code(1);
        assert_eq!(
            sinks(&ran),
            ["a.sql - SCRIPT xp_cmdshell direct 1:17 false"],
            "{bytes:?}"
        );
    }
}

#[test]
fn the_exit_code_follows_severity_and_what_could_not_be_read() {
    let harmless = "SELECT 1";
    let files = "EXEC xp_dirtree 'c:\\'";
    jsonl(&["a.sql"]).file("a.sql", harmless).run().code(0);
    jsonl(&["a.sql"]).file("a.sql", files).run().code(0);
    jsonl(&["a.sql", "--fail-on", "low"])
        .file("a.sql", files)
        .run()
        .code(1);
    jsonl(&["a.sql", "--fail-on", "critical"])
        .file("a.sql", PLANTED)
        .run()
        .code(1);
    jsonl(&["a.sql", "--fail-on", "never"])
        .file("a.sql", PLANTED)
        .run()
        .code(0);
    let ran = jsonl(&["a.sql", "gone.sql"])
        .file("a.sql", PLANTED)
        .run()
        .code(3)
        .says("gone.sql:");
    assert_eq!(sinks(&ran).len(), 2, "the other file is read all the same");
    let ran = jsonl(&["a.sql"])
        .file("a.sql", format!("{PLANTED}\nGO\n:r other.sql\n"))
        .run()
        .code(3)
        .says("another file, :r");
    assert_eq!(sinks(&ran).len(), 2, "the rest of the file is read");
    jsonl(&["empty"])
        .file("empty/readme.txt", "")
        .run()
        .code(2)
        .says("holds no T-SQL file");
    jsonl(&["*.sql"]).run().code(2).says("stands for no file");
}

#[test]
fn the_table_shows_a_place_as_editors_count_and_of_a_long_line_only_a_part() {
    let show = |text: &str| {
        let ran = Cli::new(&["scan", "a.sql"]).file("a.sql", text).run();
        ran.code(1).stdout
    };
    let indented = show("CREATE PROC p AS\r    EXEC xp_cmdshell 'dir'\r");
    assert!(indented.contains("--> a.sql:2:10\n"), "{indented}");
    assert!(indented.contains("2 |     EXEC xp_cmdshell"), "{indented}");

    let long = show(&"EXEC xp_cmdshell 'dir' ".repeat(2_000));
    let longest = long.lines().map(str::len).max();
    assert!(longest < Some(400), "{longest:?}");
    let last = "= note: column 45983 of the whole line";
    assert!(long.contains(last), "the last of 2 000 calls");
}

#[test]
fn the_table_shows_the_line_with_a_mark_and_nothing_that_a_terminal_obeys() {
    let hostile = "CREATE PROC [dbo].[a\u{1b}[2Jb] AS\nEXEC xp_cmdshell 'x\u{202e}y'";
    let ran = Cli::new(&["scan", "a.sql"])
        .file("a.sql", hostile)
        .run()
        .code(1);
    assert!(
        ran.stdout.contains("2 | EXEC xp_cmdshell"),
        "{}",
        ran.stdout
    );
    assert!(ran.stdout.contains("^^^^^^^^^^^"), "{}", ran.stdout);
    assert!(
        ran.stdout
            .ends_with("1 sinks in 1 modules and batches of 1 files.\n"),
        "{}",
        ran.stdout
    );
    assert!(
        !ran.stdout.contains(['\u{1b}', '\u{202e}']),
        "{:?}",
        ran.stdout
    );
}

#[test]
fn sarif_points_into_the_files() {
    let ran = Cli::new(&["scan", "my sql", "--format", "sarif"])
        .file("my sql/a.sql", PLANTED)
        .run()
        .code(1);
    let log: Value = serde_json::from_str(&ran.stdout).unwrap();
    assert_eq!(log["version"], "2.1.0");
    let run = &log["runs"][0];
    let rules = run["tool"]["driver"]["rules"].as_array().unwrap();
    let results = run["results"].as_array().unwrap();
    assert_eq!(results.len(), 2);
    for result in results {
        let index = usize::try_from(result["ruleIndex"].as_u64().unwrap()).unwrap();
        assert_eq!(rules[index]["id"], result["ruleId"]);
        assert!(
            !result["partialFingerprints"]["sink/v1"]
                .as_str()
                .unwrap()
                .is_empty()
        );
    }
    let place = &results[0]["locations"][0]["physicalLocation"];
    assert_eq!(place["artifactLocation"]["uri"], "my%20sql/a.sql");
    assert_eq!(
        place["region"],
        serde_json::json!({ "startLine": 4, "startColumn": 6 })
    );
}

#[test]
fn output_does_not_depend_on_how_many_cores_read() {
    let mut cli = jsonl(&["sql"]);
    for n in 0..40 {
        cli = cli.file(
            &format!("sql/{n:02}.sql"),
            PLANTED.replace("dbo.run", &format!("dbo.run{n}")),
        );
    }
    let ran = cli.run().code(1);
    let files: Vec<String> = lines(&ran).iter().map(|o| o["file"].to_string()).collect();
    assert!(files.is_sorted());
    assert_eq!(sinks(&ran).len(), 80);
}

#[test]
fn secrets_in_code_are_shown_in_no_form() {
    let text = "EXEC xp_cmdshell 'sqlcmd -S s -U sa -P hunter2 -Q SELECT'\nGO\nEXEC('CREATE LOGIN a WITH PASSWORD = ''hunter2''; EXEC xp_cmdshell ''dir''')";
    for format in ["table", "jsonl", "sarif"] {
        let ran = Cli::new(&["scan", "a.sql", "--format", format])
            .file("a.sql", text)
            .run()
            .code(1);
        assert!(ran.stdout.contains("sqlcmd"), "{}", ran.stdout);
        assert!(!ran.stdout.contains("hunter2"), "{}", ran.stdout);
    }
}
