//! The interpreter is as strict as a server, so that what runs on it has a chance to run on one.

use crate::support::instance::{Fault, Instance, error, sample};
use crate::support::tds_server::Options;

/// What a script prints and how it ends, on the sample with a database that cannot be entered.
fn run(script: &str) -> Vec<String> {
    let mut recording = sample::recording(12);
    let mut rows = recording.snapshot.server.databases.seen_mut().iter_mut();
    rows.find(|d| d.name == "msdb").unwrap().has_access = Some(false);
    let server = Instance::new(recording)
        .fault(Fault::Read {
            view: "sys.objects",
            database: None,
            after_rows: None,
            error: error(1222, 16, "Lock request time out period exceeded."),
        })
        .start(Options::default());
    let variables = "DECLARE @x varchar(3), @m nvarchar(max), @p nvarchar(300);";
    server.messages(&format!("{variables}\n{script}"))
}

#[test]
fn offline_interpreter_keeps_types_and_nulls() {
    for (script, due) in [
        ("SET @x = 'abcdef'; PRINT @x;", "abc"),
        ("SET @x = N'\u{1f512}b'; PRINT @x;", "?b"),
        ("PRINT 'a' + ISNULL(@x, '-') + 'b';", "a-b"),
        (
            "PRINT CONVERT(varchar(9), CONVERT(varbinary(max), 258), 2);",
            "00000102",
        ),
        (
            "PRINT CONVERT(varchar(9), CONVERT(varbinary(max), N'a'), 2);",
            "6100",
        ),
        (
            "PRINT CONVERT(varchar(9), CONVERT(varbinary(max), 'a'), 2);",
            "61",
        ),
        (
            "PRINT CONVERT(varchar(3), CONVERT(varbinary(2), 'FFEEDD', 2), 2);",
            "FFE",
        ),
        (
            "PRINT SUBSTRING('abc', 2, 9) + QUOTENAME(N'a]b');",
            "bc[a]]b]",
        ),
        ("PRINT PARSENAME(N'12.0.2000.8', 4) + N'.';", "12."),
        ("IF @x = 'a' PRINT 'yes' ELSE PRINT 'no';", "no"),
        ("IF @x IS NULL AND 1 < 2 PRINT 'yes';", "yes"),
        (
            "WHILE 1 = 1 BEGIN PRINT 'once'; BREAK; PRINT 'never'; END;",
            "once",
        ),
        (
            "/* a /* nested */ comment */ PRINT 'a''b' -- and one more",
            "a'b",
        ),
        (
            "EXEC sys.sp_executesql N'SET @y = PARSENAME(N''c.d'', 1);', N'@y nvarchar(max) OUTPUT', @m OUTPUT; PRINT @m;",
            "d",
        ),
        (
            "EXEC sys.sp_executesql N'SET @y = N''5'';', N'@y nvarchar(max) OUTPUT', @m; PRINT ISNULL(@m, N'none');",
            "none",
        ),
        (
            "SET @p = N'[erp].sys.sp_executesql'; EXEC @p N'SET @y = DB_NAME();', N'@y nvarchar(max) OUTPUT', @m OUTPUT; \
             PRINT @m + DB_NAME();",
            "erpmaster",
        ),
    ] {
        assert_eq!(run(script), [due], "{script}");
    }
    let long = "a".repeat(5000);
    let script = format!("PRINT CONVERT(varchar(9), DATALENGTH('{long}' + '{long}'));");
    assert_eq!(run(&script), ["8000"], "two texts that are not max");
}

#[test]
fn offline_interpreter_refuses_what_a_server_refuses() {
    for (script, number) in [
        ("IF 1 = 1 BEGIN PRINT 'a'; END; ELSE PRINT 'b';", 102),
        (
            "BEGIN TRY PRINT 'a'; END TRY; BEGIN CATCH PRINT 'b'; END CATCH;",
            102,
        ),
        ("EXEC sys.sp_executesql N'SET @x = ' + N'1';", 102),
        ("PRINT @undeclared;", 137),
        ("EXEC sys.sp_executesql 'PRINT 1;', N'@y int', 1;", 214),
        ("SET ANSI_WHATEVER ON;", 195),
        ("EXEC sys.sp_configure N'x', N'y';", 50000),
        ("PRINT REVERSE('a');", 195),
    ] {
        let printed = run(script);
        let last = printed.last().map_or("", String::as_str);
        assert!(
            last.starts_with(&format!("Msg {number}:")),
            "{script}: {printed:?}"
        );
    }
}

#[test]
fn offline_interpreter_catches_what_the_reference_says_is_caught() {
    let caught = |tried: &str| {
        run(&format!(
            "SET @p = N'[msdb].sys.sp_executesql';\nBEGIN TRY {tried} PRINT 'after'; END TRY\n\
             BEGIN CATCH PRINT 'caught ' + CONVERT(varchar(9), ERROR_NUMBER()); END CATCH;"
        ))
    };
    let rows = |query: &str| {
        format!(
            "EXEC sys.sp_executesql N'SELECT @y = (SELECT ''r'' FROM ({query}) AS q FOR XML PATH(''''))', \
             N'@y varchar(max)', NULL;"
        )
    };
    assert_eq!(
        caught(&rows("SELECT 1 AS a, object_id FROM sys.objects")),
        ["caught 1222"]
    );
    assert_eq!(
        caught(&rows("SELECT 1 AS a FROM sys.nothing")),
        ["caught 208"]
    );
    // Where a name leads nowhere, the level below is caught and the same level may not be.
    let same = caught("EXEC @p N'PRINT 1;', N'@y int', 1;");
    assert!(
        same.len() == 1 && same[0].starts_with("Msg 916"),
        "{same:?}"
    );
    let below = "EXEC sys.sp_executesql N'EXEC @p N''PRINT 1;'', N''@y int'', 1;', N'@p nvarchar(300)', @p;";
    assert_eq!(caught(below), ["caught 916"]);
}
