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

/// Modules in which bytes hardly tell what the tokens are, with enough blanks that a search for words comes to the end
/// of a piece anywhere.
fn doubtful_module() -> impl Strategy<Value = String> {
    let fragment = prop_oneof![
        4 => proptest::sample::select(DOUBTFUL).prop_map(str::to_owned),
        2 => proptest::sample::select(HARMLESS).prop_map(str::to_owned),
        1 => proptest::sample::select(CALLING).prop_map(str::to_owned),
        1 => (900..1_100_usize).prop_map(|blanks| " ".repeat(blanks)),
    ];
    let joined = (
        fragment,
        proptest::sample::select(&["", " ", "\n", "/*'*/"][..]),
    );
    let fragments = proptest::collection::vec(joined, 0..10);
    (proptest::sample::select(HEADERS), fragments).prop_map(|(header, fragments)| {
        let fragments = fragments.into_iter().flat_map(|(a, b)| [a, b.to_owned()]);
        format!("{header} {}", fragments.collect::<String>())
    })
}

const DOUBTFUL: &[&str] = &[
    // Words that may begin within a number, or be a part of a longer word.
    "exec p",
    "EXECUTE p @x",
    "1exec p",
    "1.exec p",
    "1bulk",
    "1bulk INSERT t FROM 'f'",
    "1.5bulk INSERT t FROM 'f'",
    "$1bulk INSERT t FROM 'f'",
    "1grant EXECUTE ON xp_cmdshell TO public",
    "1openquery(s, 'x')",
    "1.grant",
    "1.5bulk",
    "$1bulk",
    "$bulk",
    "£1bulk",
    "£bulk",
    "éexec p",
    "execé p",
    "exec\u{A0}p",
    "\u{A0}exec p",
    "\u{3000}exec p",
    "\u{FDD8}exec p",
    "a\u{FDD8}exec p",
    "\u{FF42}ulk",
    "t.exec",
    "@exec",
    "#exec",
    "_bulk",
    "bulk_",
    "executes",
    "xexec",
    "0xAexec p",
    "0xA\\\nexec p",
    "0xA\\\nB.f(1)",
    "\\",
    // Hyphens that begin comments or do not.
    "1e--exec p\n",
    "1.e--exec p\n",
    "$1e--exec p\n",
    "name--exec p\n",
    "a.e--exec p\n",
    "@e--bulk\n",
    "1ee--bulk\n",
    "--e--'\n",
    "- - /",
    "e",
    "1",
    ".",
    "/* -- */",
    "-- /*\n",
    "-- '\n",
    "'--'",
    "[--]",
    "\"--\"",
    "N'",
    "N\"a\"",
    "'",
    "[",
    // What CREATE makes.
    "create type",
    "create/*x*/type",
    "CREATE -- x\n synonym s FOR xp_cmdshell",
    "[create] type",
    "'create' type",
    "type",
    "queue",
    "view a AS",
    "1create type",
    "or alter queue q WITH ACTIVATION (PROCEDURE_NAME = p)",
    // What stands before a parenthesis.
    "(",
    "f(",
    "f (@x)",
    "a.f(@x)",
    ".f(1)",
    "a.f\n(1)",
    "a . -- b.\n f (1)",
    "a.f -- .\n(1)",
    "-- a.\nf(1)",
    "-- it'\nf(1)",
    "a.-- (\nf(1)",
    "/*a.*/f(1)",
    "a./**/f(1)",
    "[a]/*'*/.[b] (1)",
    "[a].b.[c](1)",
    "a.b.c.d(1)",
    "'a'.b(1)",
    "a.'b'(1)",
    "a..f(1)",
    "a.?(1)",
    "?.f(1)",
    "?(1)",
    "1.5(1)",
    "1abc.f(1)",
    "a.1abc(1)",
    "1.abc.f(1)",
    "@a.f(1)",
    "é.f(1)",
    "a.é(1)",
    "a.f\u{A0}(1)",
    "a\u{3000}.f(1)",
    "\u{FF41}.f(1)",
    "b\u{FF41}.f(1)",
    "b\u{FDD8}.f(1)",
    "\u{FFFC}.f(1)",
    "a.exec(1)",
    "a.type(1)",
    "a.type.f(1)",
    "[a].[b].[c](1)",
    "b\u{FF41}.c.f(1)",
    "dm_os_file_exists ('a')",
    "1dm_os_file_exists('a')",
    "[dm_os_file_exists] ('a')",
    "\"dm_os_file_exists\"('a')",
    "dm_os_file_exists/**/('a')",
    "{call p(1)}",
    "{",
];

proptest! {
    #[test]
    fn what_bytes_hardly_tell_is_what_it_is_to_the_walk(
        text in doubtful_module(),
        quoted_identifier in any::<bool>(),
    ) {
        assert_misses_nothing(&text, quoted_identifier);
    }

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
