//! Laws that hold for every text, and texts made to be slow.

#![allow(clippy::unwrap_used)]

use super::lexer::{Lexer, Token, TokenKind};
use super::{Observation, observe_module, observe_module_without_first_pass, observe_script};
use proptest::prelude::*;

pub(super) fn observe(text: &str, quoted_identifier: bool) -> Vec<Observation> {
    observe_module(text, quoted_identifier).sinks
}

/// Tokens with blanks and comments between them, whole or broken off.
pub(super) const FRAGMENTS: &[&str] = &[
    "EXEC xp_cmdshell 'x'",
    "EXEC('xp_cmdshell ''x''' + @y)",
    "DECLARE @x varchar(99) = 'EXEC '",
    "SET @x = @x + 'xp_cmdshell'",
    "SET @x += @y",
    "EXEC(@x)",
    "EXEC @x",
    "IF 1=1 BEGIN",
    "WHILE 1=1 BEGIN",
    "EXEC",
    "EXECUTE",
    "xp_cmdshell",
    "[xp_cmdshell]",
    "\"xp_cmdshell\"",
    "sp_OACreate",
    "sp_executesql",
    "master",
    ".",
    "..",
    "(",
    ")",
    "'",
    "''",
    "N'",
    "'EXEC xp_cmdshell'",
    "N'SELECT 1'",
    "\"",
    "[",
    "]",
    "]]",
    "/*",
    "*/",
    "--",
    "\n",
    "\r\n",
    "\r",
    " ",
    "\u{A0}",
    "\\\n",
    "@x",
    "@y",
    "@",
    "@@rowcount",
    "DECLARE",
    "SET",
    "SELECT",
    "=",
    "+",
    "+=",
    ",",
    ";",
    "IF",
    "ELSE",
    "WHILE",
    "BEGIN",
    "END",
    "CASE",
    "WHEN",
    "THEN",
    "TRY",
    "CATCH",
    "GOTO",
    "UPDATE",
    "FROM",
    "INTO",
    "AS",
    "ON",
    "GRANT",
    "CHAR(120)",
    "REVERSE(",
    "CONCAT(",
    "CAST(",
    "REPLACE(",
    "ISNULL(",
    "OUTPUT",
    "TOP",
    "1",
    "1e",
    "0x",
    "0xAF",
    "$",
    "$1",
    "£5",
    ".5",
    "é",
    "名",
    "\u{1F600}",
    "\u{FFFC}",
    "\u{0}",
    "#t",
    "::",
    "label:",
    "PRINT",
    "COLLATE",
    "OVER",
    "nvarchar(max)",
    "CREATE PROC p @x nvarchar(9) AS",
    "CREATE TRIGGER t ON a FOR INSERT, UPDATE AS",
    "ALTER",
    "CREATE",
    "FUNCTION",
    "ASSEMBLY a FROM",
    "WITH PERMISSION_SET = UNSAFE",
    "EXTERNAL NAME a.b.c",
    "SYNONYM s FOR xp_cmdshell",
    "EXEC s 'x'",
    "BULK INSERT t FROM 'f'",
    "OPENROWSET(BULK 'f',",
    "OPENROWSET(",
    "OPENQUERY(srv, 'SELECT 1')",
    "OPENDATASOURCE('a', 'b')",
    "AT srv",
    "DBCC ADDEXTENDEDPROC",
    "GRANT EXECUTE ON",
    "{call xp_cmdshell(",
    "{",
    "}",
    "EXEC sp_configure 'xp_cmdshell',",
    "EXEC sp_configure @x, @y",
    "EXEC dbo.p N'EXEC xp_cmdshell 1', @x OUTPUT",
    "EXEC sp_add_jobstep @subsystem = 'CmdExec', @command = @x",
    "EXEC sp_executesql N'EXEC xp_cmdshell @x', N'@x sysname',",
    "EXEC sp_MSforeachdb 'EXEC ?..xp_cmdshell'",
    "dm_os_file_exists(@x)",
    "ALTER QUEUE q WITH ACTIVATION (PROCEDURE_NAME = p)",
    "SET QUOTED_IDENTIFIER OFF",
    "\nGO\n",
    "\nGO 2 -- x\n",
    "DEFAULT",
    "-",
];

pub(super) fn sql() -> impl Strategy<Value = String> {
    let fragment = (
        proptest::sample::select(FRAGMENTS),
        proptest::sample::select(&["", " ", "\n", "/**/"][..]),
    );
    let fragments = proptest::collection::vec(fragment, 0..60);
    fragments.prop_map(|fragments| fragments.into_iter().flat_map(|(a, b)| [a, b]).collect())
}

/// Code mostly of single words, so that many batches hold only one that matters, or none.
pub(super) fn words() -> impl Strategy<Value = String> {
    let word = prop_oneof![
        6 => proptest::sample::select(HARMLESS),
        1 => proptest::sample::select(ACTING),
    ];
    let words = proptest::collection::vec(word, 0..30);
    words.prop_map(|words| words.join(" "))
}

pub(super) const HARMLESS: &[&str] = &[
    "SELECT",
    "a",
    "FROM",
    "t",
    "WHERE",
    ";",
    "(",
    ")",
    "@x",
    "=",
    "1",
    "'a'",
    ",",
    "UPDATE",
    "SET",
    "BEGIN",
    "END",
    "IF",
    "CREATE PROC p AS",
    "CREATE PROC p @x int AS",
    "SET @x = 'a'",
    "CREATE VIEW v WITH ENCRYPTION AS",
    "-- EXEC p",
    "\n",
    "CREATE TABLE t",
];

const ACTING: &[&str] = &[
    "EXEC",
    "EXECUTE AS OWNER",
    "GRANT EXECUTE ON xp_cmdshell TO public",
    "BULK INSERT t FROM 'f'",
    "OPENROWSET(",
    "OPENQUERY(s, 'x')",
    "OPENDATASOURCE('a', 'b')",
    "DBCC ADDEXTENDEDPROC('a', 'b')",
    "CREATE ASSEMBLY a FROM 'b'",
    "ALTER ASSEMBLY a WITH PERMISSION_SET = UNSAFE",
    "EXTERNAL NAME a.b.c",
    "CREATE TYPE t EXTERNAL NAME a.b",
    "CREATE EXTERNAL LIBRARY l FROM (CONTENT = 'x')",
    "CREATE SYNONYM s FOR xp_cmdshell",
    "ALTER QUEUE q WITH ACTIVATION (PROCEDURE_NAME = p)",
    "dm_os_file_exists('a')",
    "[dm_o\u{17F}_file_exists]('a')",
    "dm_os_enumerate_filesystem(",
    "{call p(1)}",
    "{? = call p}",
    "xp_cmdshell 'x'",
    "p @a = 1",
    "dbo.p",
    "[p];",
    "\u{FF58}p_cmdshell 'x'",
    "EXEC('SELECT ' + @y + ' xp_cmdshell ''a''')",
    "EXEC('SELECT 1' + @y)",
    "EXEC sp_executesql N'SELECT 1'",
    "EXEC p N'SELECT xp_cmdshell'",
    "EXEC sp_executesql N'SET @o = N''EXEC xp_cmdshell 1''', N'@o nvarchar(99) OUTPUT', @o = @x OUTPUT EXEC(@x)",
    "EXEC('x 1')",
    "EXEC sp_MSforeachdb 'DROP TABLE ?'",
    "'",
    "/*",
    "[",
    "throw 1",
    "dbo.f(1)",
    "dbo.f(@x)",
    "dbo.f((1), g(a, @x))",
    "dbo . f (",
    "[a].[b](",
    "a.b\u{A0}(",
    "\"a\".\"b\"(",
    "a.?(",
    "xp_dirtree @x",
    "sp_configure 'clr', 1",
    "bulk",
    "/**/",
    ".",
];

pub(super) fn assert_misses_nothing(text: &str, quoted_identifier: bool) {
    assert_eq!(
        observe_module(text, quoted_identifier),
        observe_module_without_first_pass(text, quoted_identifier),
        "{text}"
    );
}

pub(super) fn tokens(text: &str, quoted_identifier: bool) -> Vec<Token> {
    Lexer::new(text, quoted_identifier).collect()
}

fn assert_covers(text: &str) {
    for quoted_identifier in [true, false] {
        let mut at = 0;
        for token in tokens(text, quoted_identifier) {
            assert_eq!(token.start, at, "no gap");
            assert!(token.end > token.start, "no empty token");
            assert!(text.get(token.start as usize..token.end as usize).is_some());
            at = token.end;
        }
        assert_eq!(at as usize, text.len(), "to the end");
    }
}

fn assert_well_placed(text: &str) {
    for quoted_identifier in [true, false] {
        let seen = observe(text, quoted_identifier);
        let places: Vec<_> = seen.iter().map(|o| (o.line, o.column, o.sink)).collect();
        assert!(places.is_sorted() && places.iter().all(|p| p.0 > 0 && p.1 > 0));
        let lines = text.replace("\r\n", "\n").replace('\r', "\n");
        for (line, column, _) in places {
            let line = lines.split('\n').nth(line as usize - 1).unwrap();
            assert!(column as usize <= line.encode_utf16().count().max(1));
        }
    }
}

/// Whether the text ends after its last token, so that what is put after it is none of it.
pub(super) fn ends_outside_of_tokens(text: &str) -> bool {
    let with_end = format!("{text}\n;");
    let last = tokens(&with_end, true).pop();
    last.is_some_and(|token| token.end - token.start == 1)
}

proptest! {
    #[test]
    fn tokens_cover_any_text(text in any::<String>()) {
        assert_covers(&text);
    }

    #[test]
    fn tokens_cover_any_code(text in sql()) {
        assert_covers(&text);
    }

    #[test]
    fn any_code_is_observed_in_order_and_inside_the_text(text in sql()) {
        assert_well_placed(&text);
    }

    #[test]
    fn the_first_pass_misses_nothing(text in sql(), quoted_identifier in any::<bool>()) {
        assert_misses_nothing(&text, quoted_identifier);
    }

    #[test]
    fn the_first_pass_misses_nothing_in_code_of_words_that_matter(text in words()) {
        assert_misses_nothing(&text, true);
    }

    #[test]
    fn texts_that_are_not_read_do_nothing(text in words(), hole in words()) {
        let quoted = |text: &str| text.replace('\'', "''");
        let executed = format!("EXEC('{}')", quoted(&text));
        assert_misses_nothing(&executed, true);
        let partly = format!("EXEC('{}' + @x + '{}')", quoted(&text), quoted(&hole));
        assert_misses_nothing(&partly, true);
    }

    #[test]
    fn any_text_is_observed(text in any::<String>()) {
        assert_well_placed(&text);
    }

    #[test]
    fn code_in_a_comment_does_nothing(code in sql()) {
        // The comment must end where it is meant to.
        let code = code.replace('*', "");
        let block = format!("/*{code} */ SELECT 1");
        prop_assert_eq!(observe(&block, true), vec![]);
        let lines = code.replace(['\n', '\r'], " ");
        prop_assert_eq!(observe(&format!("-- {lines}\nSELECT 1"), true), vec![]);
    }

    #[test]
    fn code_that_is_printed_does_nothing(code in sql()) {
        let printed = format!("PRINT N'{}'", code.replace('\'', "''"));
        prop_assert_eq!(observe(&printed, true), vec![]);
        let named = format!("SELECT a AS [{}]", code.replace(']', "]]"));
        prop_assert_eq!(observe(&named, true), vec![]);
    }

    #[test]
    fn any_script_is_observed_in_order_and_inside_the_text(text in sql()) {
        let objects = observe_script(&text);
        let mut last = 0;
        for object in &objects {
            let mut spans: Vec<_> = object.sinks.iter().map(|o| o.span.clone()).collect();
            spans.extend(object.calls.iter().map(|c| c.span.clone()));
            prop_assert!(object.line >= last);
            last = object.line;
            for span in spans {
                prop_assert!(text.get(span).is_some_and(|text| !text.is_empty()));
            }
        }
    }

    #[test]
    fn batches_do_what_they_do_alone(one in sql(), other in sql()) {
        // What a batch leaves to the next is no part of the law.
        let plain = |code: &str| {
            let code = code.replace("SYNONYM", "").replace("QUOTED_IDENTIFIER", "");
            ends_outside_of_tokens(&code).then_some(code)
        };
        let (Some(one), Some(other)) = (plain(&one), plain(&other)) else {
            return Ok(());
        };
        let both = format!("{one}\nGO\n{other}");
        let sinks = |sql: &str| -> Vec<_> {
            let sinks = observe_script(sql).into_iter().flat_map(|object| object.sinks);
            sinks.map(|o| (o.sink, o.how, o.command, o.command_tainted)).collect()
        };
        let mut expected = sinks(&one);
        expected.extend(sinks(&other));
        prop_assert_eq!(sinks(&both), expected);
    }

    #[test]
    fn the_case_of_words_changes_no_call(code in sql()) {
        let changed: String = tokens(&code, true).iter().map(|token| {
            let text = &code[token.start as usize..token.end as usize];
            let word = matches!(token.kind, TokenKind::Word | TokenKind::Variable);
            if word { text.to_ascii_uppercase() } else { text.to_owned() }
        }).collect();
        let sinks = |sql: &str| -> Vec<_> {
            let sinks = observe(sql, true).into_iter();
            sinks.map(|o| (o.sink, o.how, o.line, o.column)).collect()
        };
        prop_assert_eq!(sinks(&changed), sinks(&code));
    }

    #[test]
    fn a_literal_is_executed_as_its_own_code_is(code in sql()) {
        let sinks = |sql: &str| {
            let mut sinks: Vec<_> = observe(sql, true).iter().map(|o| o.sink.as_str()).collect();
            sinks.sort_unstable();
            sinks.dedup();
            sinks
        };
        // A constant loses a backslash with its line end, code does not.
        let code = code.replace('\\', "");
        let executed = format!("EXEC(N'{}')", code.replace('\'', "''"));
        prop_assert_eq!(sinks(&executed), sinks(&code));
    }

    #[test]
    fn blanks_and_comments_between_tokens_change_no_call(code in sql()) {
        let kinds = [TokenKind::WhiteSpace, TokenKind::LineComment, TokenKind::BlockComment];
        let spread: String = tokens(&code, true).iter().map(|token| {
            let text = &code[token.start as usize..token.end as usize];
            if kinds.contains(&token.kind) { "\t\n".to_owned() } else { text.to_owned() }
        }).collect();
        let calls = |sql: &str| observe(sql, true).iter().map(|o| (o.sink, o.how)).collect::<Vec<_>>();
        prop_assert_eq!(calls(&spread), calls(&code));
    }
}

/// The labelled cases.
const FAMILIES: &[&str] = &[
    include_str!("../../tests/corpus/agent.toml"),
    include_str!("../../tests/corpus/assembly.toml"),
    include_str!("../../tests/corpus/configure.toml"),
    include_str!("../../tests/corpus/decoys_admin.toml"),
    include_str!("../../tests/corpus/decoys_dynamic.toml"),
    include_str!("../../tests/corpus/decoys_text.toml"),
    include_str!("../../tests/corpus/disguise.toml"),
    include_str!("../../tests/corpus/dynamic.toml"),
    include_str!("../../tests/corpus/external.toml"),
    include_str!("../../tests/corpus/files.toml"),
    include_str!("../../tests/corpus/forms.toml"),
    include_str!("../../tests/corpus/generated.toml"),
    include_str!("../../tests/corpus/linked.toml"),
    include_str!("../../tests/corpus/modules.toml"),
    include_str!("../../tests/corpus/ole.toml"),
    include_str!("../../tests/corpus/readable.toml"),
    include_str!("../../tests/corpus/registry.toml"),
    include_str!("../../tests/corpus/rows.toml"),
    include_str!("../../tests/corpus/startup.toml"),
    include_str!("../../tests/corpus/taint.toml"),
    include_str!("../../tests/corpus/tools.toml"),
    include_str!("../../tests/corpus/xp_cmdshell.toml"),
];

#[test]
fn the_first_pass_misses_nothing_in_the_labelled_cases() {
    let mut texts = 0;
    for family in FAMILIES {
        let family: toml::Table = family.parse().unwrap();
        for case in family["case"].as_array().unwrap() {
            let text = case["text"].as_str().unwrap();
            for quoted_identifier in [true, false] {
                assert_misses_nothing(text, quoted_identifier);
                // What a batch is that is no module, is executed, or hangs on what stands before it.
                assert_misses_nothing(&format!("PRINT 1 {text}"), quoted_identifier);
                let executed = format!("EXEC(N'{}')", text.replace('\'', "''"));
                assert_misses_nothing(&executed, quoted_identifier);
            }
            texts += 1;
        }
    }
    assert!(texts >= 200, "{texts}");
}

/// A million bytes of one fragment: as many tokens as expected, and an end.
/// Fragments that are repeated very often, and whether QUOTED_IDENTIFIER is on.
const SLOW: &[(&str, bool)] = &[
    ("(", true),
    (")", true),
    ("/*", false),
    ("*/", true),
    ("'", false),
    ("\"", false),
    ("[", false),
    ("]", true),
    ("--", false),
    ("EXEC(", true),
    ("EXEC(@x", true),
    ("EXEC(CHAR(", true),
    ("REVERSE(", true),
    ("EXEC x.y.z.w.", true),
    ("IF ", true),
    ("BEGIN ", true),
    ("END ", true),
    ("CASE WHEN ", true),
    ("SET @x = @x + @x ", true),
    ("SET @x = (SELECT @x = (", true),
    ("(SELECT @a = ", true),
    ("DECLARE @x int = 1, ", true),
    ("SELECT @x = 'a' + @x, ", true),
    ("IF 1=1 BEGIN SET @x = @x + 'a' ", true),
    ("IF 1=1 SET @x += 'a' + @y ELSE SET @y = @x ", true),
    ("WHILE 1=1 SET @x = @x + 'EXEC(@x)' EXEC(@x) ", true),
    ("EXEC sp_executesql @a = 1, ", true),
    ("EXEC sp_executesql N'EXEC sp_executesql @x', ", true),
    ("UPDATE t SET @x = 1, @y = ", true),
    ("EXEC p @y SELECT @x, @x, @x, ", true),
    ("EXEC p @y, a.f(a.f(@x, ", true),
    ("@x = ", true),
    ("UPDATE t SET a = 1 + (", true),
    ("EXEC @x ", true),
    ("EXEC('EXEC xp_cmdshell' + @x) ", true),
    ("\u{FFFC} . ", true),
    ("\\\n", true),
    ("1e", true),
    ("CREATE PROC p @a int = 1, ", true),
    ("CREATE PROC p (@a int, ", true),
    ("CREATE TRIGGER t ON a FOR INSERT ", true),
    ("CREATE FUNCTION f(", true),
    ("CREATE ASSEMBLY a FROM 'x', ", true),
    ("CREATE SYNONYM s FOR t EXEC s ", true),
    ("CREATE SYNONYM a.s FOR t EXEC b.s ", true),
    ("GRANT EXECUTE, ", true),
    ("OPENROWSET(", true),
    ("OPENROWSET('a', ", true),
    ("OPENQUERY(s, 'SELECT 1') ", true),
    ("dm_os_file_exists(", true),
    ("{call p(", true),
    ("EXEC p 'EXEC p 1', ", true),
    ("EXEC p @x, @x OUTPUT ", true),
    ("EXEC('EXEC p N''EXEC p 1'' ') ", true),
    ("EXEC sp_configure 'xp', @x ", true),
    (
        "EXEC sp_add_jobstep @command = N'EXEC p 1', @subsystem = @x ",
        true,
    ),
    ("EXEC sp_MSforeachdb 'EXEC ?.p', '?', 'x' ", true),
    ("EXEC(@x, @y) AT s ", true),
    (
        "EXEC sp_executesql N'EXEC(@a)', N'@a int', @a = @x SET @x = 'EXEC p' ",
        true,
    ),
    ("GO\n", true),
    ("SET @x = 'y' EXEC p @x\nGO\n", true),
    ("SET QUOTED_IDENTIFIER OFF ", true),
    ("x'' [a] EXEC xp_cmdshell ''", true),
];

#[test]
fn texts_made_to_be_slow_end() {
    for (fragment, quoted_identifier) in SLOW.iter().copied() {
        let text = fragment.repeat(1_000_000 / fragment.len());
        assert_eq!(
            tokens(&text, quoted_identifier).last().unwrap().end as usize,
            text.len()
        );
        assert!(tokens(&text, quoted_identifier).len() <= text.len());
        assert!(observe(&text, quoted_identifier).len() <= text.len());
        let script = fragment.repeat(200_000 / fragment.len());
        assert!(observe_script(&script).len() <= script.len());
    }
    let start = "UPDATE t SET a = 1";
    let text = format!("{start}{}", ", @x = (@y = 1".repeat(70_000));
    assert!(observe(&text, true).is_empty());
    let carrying = (0..3_000).map(|i| {
        format!(
            "WHILE 1=1 BEGIN SET @w{i} = @v{i} SET @v{} = @w{i} + 'a' ",
            i + 1
        )
    });
    assert!(observe(&carrying.collect::<String>(), true).is_empty());
    let text = format!("EXEC('{}", "''".repeat(500_000));
    assert!(observe(&text, true).len() <= 1);
}

#[test]
fn doubling_by_executed_text_ends() {
    let body = "SET @x = @x + @x EXEC(@x) ".repeat(40);
    let sql = format!("DECLARE @x varchar(max) = 'EXEC(''PRINT 1'') ' {body}").replace('\'', "''");
    let sql = format!("EXEC('{sql}')");
    assert!(!observe(&sql, true).is_empty());
}
