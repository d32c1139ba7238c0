//! Laws of the first look at a batch: it finds what the walk finds.

use super::laws::{FRAGMENTS, HARMLESS, assert_misses_nothing, sql, words};
use super::observe_script;
use super::script::observe_script_without_first_pass;
use proptest::prelude::*;

/// Modules that call others by name, and that may or may not change what they pass.
fn calling_module() -> impl Strategy<Value = String> {
    let statement = prop_oneof![
        3 => proptest::sample::select(HARMLESS),
        3 => proptest::sample::select(CALLING),
        1 => proptest::sample::select(CHANGING),
        1 => proptest::sample::select(FRAGMENTS),
    ];
    let statements = proptest::collection::vec(statement, 0..12);
    (proptest::sample::select(HEADERS), statements)
        .prop_map(|(header, statements)| format!("{header} {}", statements.join(" ")))
}

const HEADERS: &[&str] = &[
    "CREATE PROC p @x varchar(9) = 'EXEC q', @y int OUTPUT AS",
    "/* a */ CREATE PROC p (@x varchar(9), @y int) WITH ENCRYPTION, EXECUTE AS OWNER AS",
    "CREATE OR ALTER FUNCTION dbo.f(@x int, @y int) RETURNS int AS BEGIN",
    "CREATE TRIGGER t ON a FOR INSERT AS",
    "ALTER VIEW v AS SELECT",
    "SELECT 1",
];

const CALLING: &[&str] = &[
    "EXEC p",
    "EXEC dbo.p @x, @y;",
    "EXEC dbo.p @a = @x, @b = N'SELECT 1'",
    "EXECUTE [a].[b];2 @x",
    "EXEC @r = p 'EXEC xp_cmdshell 1', @x",
    "EXEC p @x OUTPUT, @y OUT",
    "EXEC p @a = 'a' + @x",
    "EXEC p (@x)",
    "EXEC p -1, DEFAULT",
    "EXEC p @@ROWCOUNT",
    "EXEC p @@FETCH_STATUS",
    "EXEC p CAST('a' AS xml).value('sql:variable(\"@x\")', 'int')",
    "EXEC p (SELECT a FROM #t)",
    "EXEC sp_who @x",
    "EXECUTE AS USER = 'x'",
    "dbo.f(@x, 1)",
    "dbo.f(a.g((@y)), 'x')",
    "INSERT INTO a.[b] (c, d) EXEC p @x",
];

const CHANGING: &[&str] = &[
    "SET @x = 'a'",
    "SET @x += @y",
    "SET @x -= 1",
    "SELECT @y = 1, @x",
    "SELECT @x = a FROM t",
    "SELECT TOP (1) @x = 'a'",
    "UPDATE t SET @x = a = 1, @y = 2",
    "FETCH NEXT FROM c INTO @y, @x",
    "FETCH c INTO @x",
    "DECLARE @x int",
    "DECLARE @y int = (SELECT 1), @x int = 2",
    "RECEIVE TOP (1) @x = a FROM q",
    "EXEC @x = p",
    "WHILE @y < 3 BEGIN SET @y = @y + 1 END",
    "IF @x = 1",
    "WHERE @x = 1",
    "VALUES (1, @x)",
    "SET @x.modify('a')",
    "SET CONCAT_NULL_YIELDS_NULL OFF",
    "GOTO l",
    "DECLARE c CURSOR FOR SELECT @x",
    "INSERT INTO #t VALUES ('a')",
];

proptest! {
    #[test]
    fn calls_read_by_themselves_are_what_they_are_to_the_walk(
        text in calling_module(),
        quoted_identifier in any::<bool>(),
    ) {
        assert_misses_nothing(&text, quoted_identifier);
    }

    #[test]
    fn the_first_pass_misses_nothing_in_scripts(
        batches in proptest::collection::vec(prop_oneof![calling_module(), words(), sql()], 1..5),
    ) {
        let text = batches.join("\nGO\n");
        prop_assert_eq!(observe_script(&text), observe_script_without_first_pass(&text));
    }
}
