//! What expressions come to: labelled cases, each with the reason it is what it is.

#![allow(clippy::unwrap_used)]

use super::code::Code;
use super::folded::{Budget, Folded, Source};
use super::found::Found;
use super::holes;
use super::names::Synonyms;
use super::walk::Walk;

/// Why the case is what it is, the code, and what it comes to.
type Case = (&'static str, &'static str, &'static str);

/// Holes as the cases write them: `…` for any text, `#` for a number, and what has its delimiters doubled.
fn mark(hole: char) -> char {
    match holes::doubled(hole) {
        None => '#',
        Some(0) => '…',
        Some(holes::QUOTES) => 'q',
        Some(holes::BRACKETS) => 'b',
        Some(_) => 'd',
    }
}

/// All values of a variable after some code, and what is said of them.
fn shown(value: &Folded) -> String {
    let mut texts: Vec<String> = Vec::new();
    for value in value.values() {
        let text = holes::map_holes(value.text(), mark);
        texts.push(if value.is_null() {
            "NULL".to_owned()
        } else {
            text
        });
    }
    let mut shown = texts.join(" | ");
    if value.is_open() {
        let reason = value.reason();
        shown.extend([" (", reason, ")"]);
    }
    match value.taint() {
        Some(true) => shown.push_str(" tainted"),
        Some(false) => {}
        None => shown.push_str(" from elsewhere"),
    }
    shown
}

fn value_after(sql: &str) -> String {
    let budget = || Budget::for_text(sql);
    let mut found = Found::new(budget(), budget(), true, Synonyms::default());
    found.walks_all = true;
    let code = Code::lex(Source::Outermost(sql), true);
    let mut walk = Walk::new(&code, &mut found, 0, false);
    walk.run();
    walk.variables
        .get_named("@r")
        .map_or("nothing".to_owned(), shown)
}

fn check(cases: &[Case], around: impl Fn(&str) -> String) {
    let wrong = cases.iter().filter_map(|(reason, sql, expected)| {
        let seen = value_after(&around(sql));
        (seen != *expected)
            .then(|| format!("{reason}: {sql}\n  seen     {seen}\n  expected {expected}"))
    });
    let wrong: Vec<_> = wrong.collect();
    assert!(wrong.is_empty(), "{}", wrong.join("\n"));
}

#[rustfmt::skip] // one case, one line
const EXPRESSIONS: &[Case] = &[
    // Texts put together.
    ("literals", "'a' + N'b' + 'c'", "abc"),
    ("CONCAT leaves NULL out", "CONCAT('a', NULL, 'b', 1)", "ab1"),
    ("CONCAT_WS leaves NULL out, separator included", "CONCAT_WS('-', 'a', NULL, 'b', 'c')", "a-b-c"),
    ("NULL + text is NULL", "NULL + 'a' + 'b'", "NULL"),
    ("text + NULL too", "'a' + NULL", "NULL"),
    ("a value of JSON", "JSON_VALUE('{\"a\": {\"b\": [1, \"x\\\"p\"]}}', '$.a.b[1]')", "x\"p"),
    ("escapes for JSON", "STRING_ESCAPE('a\"/\\b' + CHAR(10) + CHAR(1), 'json')", "a\\\"\\/\\\\b\\n\\u0001"),
    ("no value of JSON", "JSON_VALUE('{\"a\": 1}', '$.b')", "NULL"),
    ("no JSON", "JSON_VALUE('{', '$.b')", "…{……$.b… (a function of text that is not known)"),
    ("elements of JSON", "(SELECT STRING_AGG(value, '') FROM OPENJSON('[\"x\", \"p\", 1]'))", "xp1"),
    ("parentheses", "('a' + ('b')) + (('c'))", "abc"),
    ("COLLATE", "'a' COLLATE Latin1_General_BIN2 + 'b'", "ab"),
    ("a quote by its number", "'a' + CHAR(39) + 'b'", "a'b"),
    ("an apostrophe doubled", "'it''s'", "it's"),
    // Characters by numbers.
    ("decimal", "CHAR(120) + CHAR(112)", "xp"),
    ("hexadecimal", "CHAR(0x78) + NCHAR(0x0070)", "xp"),
    ("computed", "CHAR(60 + 60) + CHAR(56 * 2) + CHAR(190 / 2)", "xp_"),
    ("precedence", "CHAR(100 + 4 * 5) + CHAR((100 + 12) * 1)", "xp"),
    ("minus and modulo", "CHAR(220 - 100) + CHAR(1112 % 1000)", "xp"),
    ("operators on bits", "CHAR(0x50 | 0x28) + CHAR(127 & 112) + CHAR(1 ^ 94) + CHAR(~-96)", "xp__"),
    ("signs", "CHAR(- -120) + CHAR(+112)", "xp"),
    ("by text that is a number", "CHAR('120') + CHAR(CAST('112' AS int))", "xp"),
    ("code page 1252", "CHAR(128) + CHAR(233)", "€é"),
    ("no character of varchar", "CHAR(256)", "NULL"),
    ("of a text's own characters", "CHAR(ASCII('w') + 1) + NCHAR(UNICODE('q') - 1)", "xp"),
    ("by a length", "CHAR(LEN('abcdefghij') * 12)", "x"),
    ("LEN counts no blanks at the end", "CHAR(64 + LEN('a  '))", "A"),
    ("DATALENGTH counts bytes", "CHAR(64 + DATALENGTH(N'ab'))", "D"),
    ("a number is no text", "1 + 2", "3"),
    ("a sum of a text that is a number", "'1' + 2", "3"),
    ("division by zero is an error", "CHAR(1 / 0)", "… (a function of text that is not known)"),
    // Replacing.
    ("REPLACE", "REPLACE('xp@cmdshell', '@', '_')", "xp_cmdshell"),
    ("REPLACE with nothing", "REPLACE('x*p*_', '*', '')", "xp_"),
    ("REPLACE without regard to case", "REPLACE('xpQqcmdshell', 'QQ', '_')", "xp_cmdshell"),
    ("REPLACE goes from left to right once", "REPLACE('aaa', 'aa', 'b')", "ba"),
    ("REPLACE of the empty text", "REPLACE('abc', '', 'x')", "abc"),
    ("REPLACE by NULL", "REPLACE('abc', 'b', NULL)", "NULL"),
    ("nested", "REPLACE(REPLACE('1p2c', '1', 'x'), '2', '_')", "xp_c"),
    ("TRANSLATE", "TRANSLATE('kc_pzqfuryy', 'kcpzqfury', 'xpcmdshel')", "xp_cmdshell"),
    ("STUFF", "STUFF('xpcmdshell', 3, 0, '_')", "xp_cmdshell"),
    ("STUFF takes out", "STUFF('xp__cmd', 3, 1, '')", "xp_cmd"),
    ("STUFF beyond the end", "STUFF('ab', 4, 1, 'x')", "NULL"),
    ("STUFF with NULL only takes out", "STUFF('abc', 2, 1, NULL)", "ac"),
    // Parts.
    ("SUBSTRING", "SUBSTRING('__xp_cmdshell', 3, 11)", "xp_cmdshell"),
    ("SUBSTRING from before the beginning", "SUBSTRING('abc', -1, 4)", "ab"),
    ("SUBSTRING beyond the end", "SUBSTRING('abc', 2, 99)", "bc"),
    ("LEFT and RIGHT", "LEFT('xp_zzz', 3) + RIGHT('zzzcmdshell', 8)", "xp_cmdshell"),
    ("parts by a place", "SUBSTRING('abcxyz', CHARINDEX('X', 'abcxyz'), 2)", "xy"),
    ("CHARINDEX from a place", "SUBSTRING('abcabd', CHARINDEX('ab', 'abcabd', 2), 3)", "abd"),
    ("characters, not bytes", "SUBSTRING(N'äöxp', 3, 2)", "xp"),
    ("a part of bytes", "CAST(SUBSTRING(0x0078700000, 2, 2) AS varchar(9))", "xp"),
    ("LTRIM and RTRIM", "LTRIM('  a ') + RTRIM(' b  ') + '.'", "a  b."),
    ("TRIM", "TRIM('  a b ')", "a b"),
    ("TRIM of characters", "TRIM('*-' FROM '-*a*-')", "a"),
    ("TRIM of one side", "TRIM(LEADING '*' FROM '*a*')", "a*"),
    ("LTRIM of characters", "LTRIM('xxa', 'x')", "a"),
    ("PARSENAME counts from the end", "PARSENAME('a.[b.c].xp_cmdshell', 1) + PARSENAME('a.[b.c].d', 2)", "xp_cmdshellb.c"),
    ("PARSENAME of a part that is not there", "PARSENAME('a.b', 3)", "…a.b… (a function of text that is not known)"),
    // Turned, repeated, in another case.
    ("REVERSE", "REVERSE('llehsdmc_px')", "xp_cmdshell"),
    ("REVERSE of a reversed part", "REVERSE('ab' + REVERSE('cd'))", "cdba"),
    ("UPPER and LOWER", "UPPER('xp') + LOWER('XP') + UPPER(N'é')", "XPxpÉ"),
    ("REPLICATE and SPACE", "REPLICATE('ab', 2) + SPACE(2) + 'c'", "abab  c"),
    ("REPLICATE a negative number of times", "REPLICATE('a', -1)", "NULL"),
    ("STR", "LTRIM(STR(12)) + STR(7, 3)", "12  7"),
    ("QUOTENAME", "QUOTENAME('a]b') + QUOTENAME('a''b', '''') + QUOTENAME('ab', '\"')", "[a]]b]'a''b'\"ab\""),
    ("QUOTENAME in parentheses and braces", "QUOTENAME('a', '(') + QUOTENAME('b', '}') + QUOTENAME('c', '<')", "(a){b}<c>"),
    ("QUOTENAME of a long text", "QUOTENAME(REPLICATE('a', 129))", "NULL"),
    ("QUOTENAME by no quote", "QUOTENAME('a', 'x')", "NULL"),
    ("FORMATMESSAGE", "FORMATMESSAGE('EXEC %s%s %d%%', 'xp_', N'cmdshell', 5)", "EXEC xp_cmdshell 5%"),
    ("FORMATMESSAGE of a message's number", "FORMATMESSAGE(50001, 'a')", "…a… (a function of text that is not known)"),
    // Chosen.
    ("CHOOSE", "CHOOSE(2, 'a', 'b', 'c')", "b"),
    ("CHOOSE beyond the end", "CHOOSE(4, 'a', 'b', 'c')", "NULL"),
    ("IIF", "IIF(@x = 'c', 'a', 'b')", "a | b"),
    ("CASE", "CASE WHEN @x = 1 THEN 'a' WHEN @x = 'd' THEN 'b' ELSE 'c' END + '.'", "a. | b. | c."),
    ("CASE without ELSE", "CASE @x WHEN 1 THEN 'a' END", "a | NULL"),
    ("CASE within CASE", "CASE WHEN 1=1 THEN CASE WHEN 2=2 THEN 'a' ELSE 'b' END ELSE 'c' END", "a | b | c"),
    ("ISNULL of a known text", "ISNULL('a', 'b')", "a"),
    ("ISNULL of NULL", "ISNULL(NULL, 'b')", "b"),
    ("COALESCE", "COALESCE(NULL, NULL, 'c', 'd')", "c"),
    ("NULLIF of equals", "ISNULL(NULLIF('a', 'A'), 'b')", "b"),
    ("NULLIF of others", "NULLIF('a', 'b')", "a"),
    // Kinds of values.
    ("binary as varchar", "CAST(0x78705F AS varchar(9))", "xp_"),
    ("binary as nvarchar is UTF-16", "CAST(0x780070005F00 AS nvarchar(9))", "xp_"),
    ("binary by CONVERT", "CONVERT(varchar(max), 0x78705F)", "xp_"),
    ("binary by implicit conversion", "'a' + 0x62", "ab"),
    ("binaries one after the other", "CAST(0x78 + 0x70 AS varchar(9))", "xp"),
    ("an odd digit stands for a byte", "CAST(0x1 + 0x62 AS varchar(9))", "\u{1}b"),
    ("binary as text of its digits", "CONVERT(varchar(20), 0x78AF, 1) + CONVERT(varchar(20), 0x78AF, 2)", "0x78AF78AF"),
    ("text of digits as binary", "CAST(CONVERT(varbinary(20), '0x7870', 1) AS varchar(20)) + CAST(CONVERT(varbinary(20), '5F', 2) AS varchar(9))", "xp_"),
    ("text to binary and back", "CAST(CAST(N'xp_' AS varbinary(20)) AS nvarchar(20))", "xp_"),
    ("varchar bytes read as nvarchar", "CAST(CAST('x' + CHAR(0) AS varbinary(9)) AS nvarchar(9))", "x"),
    ("a number as binary", "CAST(CAST(120 AS binary(1)) AS varchar(9))", "x"),
    ("binary as a number", "CHAR(CAST(0x0078 AS int))", "x"),
    ("fn_varbintohexstr", "master.dbo.fn_varbintohexstr(0xAB01)", "0xab01"),
    ("cut where the type says so", "CAST('xp_cmdshell' AS varchar(3)) + CONVERT(char(5), 'ab') + '.'", "xp_ab   ."),
    ("thirty characters where it does not", "CAST('123456789012345678901234567890xp' AS varchar)", "123456789012345678901234567890"),
    ("full-width letters in varchar", "CAST(N'ｘｐ＿' AS varchar(9)) + CAST(N'ʼ' AS varchar(9))", "xp_'"),
    ("base64", "CAST(N'' AS xml).value('xs:base64Binary(\"eHBfY21kc2hlbGw=\")', 'varbinary(max)')", "78705F636D647368656C6C"),
    ("base64 as text", "CAST(CAST(N'' AS xml).value('xs:base64Binary(\"eHBf\")', 'varbinary(max)') AS varchar(max))", "xp_"),
    ("hexBinary", "CAST(CAST('' AS xml).value('xs:hexBinary(\"78705F\")', 'varbinary(9)') AS varchar(9))", "xp_"),
    ("base64 by a function", "CAST(BASE64_DECODE('eHBf') AS varchar(9))", "xp_"),
    ("base64 as an xml's content", "CAST(CAST('eHBf' AS xml).value('.', 'varbinary(max)') AS varchar(9))", "xp_"),
    ("an element's text", "CAST('<a>x&#112;&lt;</a>' AS xml).value('/a[1]', 'nvarchar(9)')", "xp<"),
    ("packed text", "CAST(DECOMPRESS(0x1F8B) AS varchar(max))", "… (a function of text that is not known)"),
    ("a style that changes nothing", "CONVERT(varchar(9), 'abc', 120)", "abc"),
    // Rows.
    ("a query without a table", "(SELECT 'a' + 'b')", "ab"),
    ("rows written out, glued by XML", "(SELECT c + '' FROM (VALUES ('x'), ('p'), ('_')) v(c) FOR XML PATH(''))", "xp_"),
    ("XML has entities", "(SELECT c + '' FROM (VALUES ('a<b')) v(c) FOR XML PATH(''))", "a&lt;b"),
    ("read back without them", "(SELECT c + '' FROM (VALUES ('a<'), ('b&')) v(c) FOR XML PATH(''), TYPE).value('.', 'nvarchar(max)')", "a<b&"),
    ("a column's name becomes an element's", "(SELECT c FROM (VALUES ('x')) v(c) FOR XML PATH(''))", "<c>x</c>"),
    ("but text() does not", "(SELECT c AS [text()] FROM (VALUES ('x'), ('p')) v(c) FOR XML PATH(''))", "xp"),
    ("and tags are not read back", "(SELECT c FROM (VALUES ('x'), ('p')) v(c) FOR XML PATH('r'), TYPE).value('.', 'nvarchar(max)')", "xp"),
    ("separated, the first separator cut off", "STUFF((SELECT ',' + c FROM (VALUES ('a'), ('b')) v(c) FOR XML PATH('')), 1, 1, '')", "a,b"),
    ("STRING_AGG", "(SELECT STRING_AGG(c, '') FROM (VALUES ('x'), ('p'), ('_')) AS v (c))", "xp_"),
    ("STRING_AGG in an order", "(SELECT STRING_AGG(c, '') WITHIN GROUP (ORDER BY i) FROM (VALUES (2, 'p'), (1, 'x')) v(i, c))", "xp"),
    ("STRING_AGG in a falling order", "(SELECT 'a' + STRING_AGG(c, '-') WITHIN GROUP (ORDER BY i DESC) FROM (VALUES (1, 'p'), (2, 'x')) v(i, c))", "ax-p"),
    ("ORDER BY", "(SELECT c + '' FROM (VALUES (3, '_'), (1, 'x'), (2, 'p')) v(i, c) ORDER BY v.i FOR XML PATH(''))", "xp_"),
    ("ORDER BY more than one key", "(SELECT c + '' FROM (VALUES (1, 2, 'p'), (2, 1, '_'), (1, 1, 'x')) v(i, j, c) ORDER BY i, j FOR XML PATH(''))", "xp_"),
    ("an order nobody knows", "(SELECT c + '' FROM (VALUES ('x'), ('p')) v(c) ORDER BY NEWID() FOR XML PATH(''))", "xp (the order of rows)"),
    ("rows of a union", "(SELECT c + '' FROM (SELECT 'x' UNION ALL SELECT 'p') v(c) FOR XML PATH(''))", "xp"),
    ("a union without ALL sorts", "(SELECT c + '' FROM (SELECT 'x' AS c UNION SELECT 'p') v FOR XML PATH(''))", "xp (the order of rows)"),
    ("some rows only", "(SELECT c + '' FROM (VALUES ('x'), ('p')) v(c) WHERE c <> 'q' FOR XML PATH(''))", "xp"),
    ("one of the rows", "(SELECT TOP 1 c FROM (VALUES ('x'), ('p')) v(c))", "x | p"),
    ("MAX is one of the rows", "(SELECT MAX(c) FROM (VALUES ('x'), ('p')) v(c))", "x | p"),
    ("split text", "(SELECT STRING_AGG(value, '_') FROM STRING_SPLIT('xp,cmd', ','))", "xp_cmd"),
    ("the columns in another order", "(SELECT v.b + v.a FROM (VALUES ('p', 'x')) v(a, b))", "xp"),
    ("columns by SELECT's aliases", "(SELECT b + a FROM (SELECT 'p' AS a, b = 'x') v)", "xp"),
    ("rows joined with others are not known", "(SELECT v.c FROM (VALUES ('x')) v(c) JOIN t ON t.a = v.c)", "… (data that is read) tainted"),
];

#[rustfmt::skip] // one case, one line
const UNKNOWN: &[Case] = &[
    ("a parameter", "@p", "… (a parameter) tainted"),
    ("a whole number", "@n", "# tainted"),
    ("the text of a number", "'KILL ' + CAST(@n AS varchar(10)) + ';'", "KILL #; tainted"),
    ("the text of a date", "CONVERT(varchar(20), @d, 112)", "# tainted"),
    ("a number put next to a text is an error, no text", "'KILL ' + @n", "KILL # tainted"),
    ("converted to a number, any text is one", "'KILL ' + CAST(CAST(@p AS int) AS varchar(10))", "KILL # tainted"),
    ("STR", "'KILL' + STR(@n)", "KILL# tainted"),
    ("a length", "CAST(LEN(@p) AS varchar(9))", "# tainted"),
    ("a uniqueidentifier", "CAST(@u AS char(36))", "# tainted"),
    ("a part of a number is one", "LEFT(CAST(@n AS varchar(10)), 2)", "# tainted"),
    ("digits replaced by text make text", "REPLACE(CAST(@n AS varchar(10)), '1', 'EXEC')", "… (a parameter) tainted"),
    ("a template with a number", "REPLACE('KILL <n>', '<n>', CAST(@n AS varchar(9)))", "KILL # tainted"),
    ("a template with a text", "REPLACE('EXEC <n>', '<n>', @p)", "EXEC … (a parameter) tainted"),
    ("a name in brackets", "'SELECT * FROM ' + QUOTENAME(@p)", "SELECT * FROM [b] tainted"),
    ("a name in brackets by hand", "'DROP TABLE [' + REPLACE(@p, ']', ']]') + ']'", "DROP TABLE [b] tainted"),
    ("brackets around what may close them", "'DROP TABLE [' + @p + ']'", "DROP TABLE […] (a parameter) tainted"),
    ("a string by QUOTENAME", "'SELECT ' + QUOTENAME(@p, '''')", "SELECT 'q' tainted"),
    ("a string by hand", "'SELECT ''' + REPLACE(@p, '''', '''''') + ''''", "SELECT 'q' tainted"),
    ("quotes doubled outside a string", "'SELECT ' + REPLACE(@p, '''', '''''')", "SELECT q (a parameter) tainted"),
    ("quotes doubled in brackets", "'SELECT [' + REPLACE(@p, '''', '''''') + ']'", "SELECT [q] (a parameter) tainted"),
    ("brackets doubled in a string", "'SELECT ''' + REPLACE(@p, ']', ']]') + ''''", "SELECT 'b' (a parameter) tainted"),
    ("doubled and undone", "'SELECT ''' + REPLACE(REPLACE(@p, '''', ''''''), '''''', '''') + ''''", "SELECT '…' (a parameter) tainted"),
    ("a string that may close itself", "'SELECT ''' + @p + ''''", "SELECT '…' (a parameter) tainted"),
    ("in a comment a line may end", "'SELECT 1 -- ' + QUOTENAME(@p)", "SELECT 1 -- [b] (a parameter) tainted"),
    ("in other parentheses nothing is kept in", "QUOTENAME(@p, '(')", "(…) (a parameter) tainted"),
    ("in another case", "'SELECT ' + UPPER(QUOTENAME(@p))", "SELECT [b] tainted"),
    ("trimmed", "'SELECT ' + LTRIM(RTRIM(QUOTENAME(@p)))", "SELECT [b] tainted"),
    ("cut off", "LEFT('EXEC ' + @p, 4)", "EXEC tainted"),
    ("cut in the middle", "LEFT('EXEC ' + QUOTENAME(@p), 9)", "…EXEC […]… (a parameter) tainted"),
    ("its first characters cut off", "STUFF(', ' + QUOTENAME(@p), 1, 2, '')", "[b] tainted"),
    ("the rest of it", "SUBSTRING(', ' + QUOTENAME(@p), 3, 8000)", "[b] tainted"),
    ("a known end", "RIGHT(@p + 'xp_cmdshell', 11)", "xp_cmdshell tainted"),
    ("backwards, with what is known", "REVERSE('llehs' + @p)", "…shell (a parameter) tainted"),
    ("characters by an unknown number", "CHAR(@n)", "… (a parameter) tainted"),
    ("it may be NULL", "ISNULL(@p, 'a')", "… | a (a parameter) tainted"),
    ("chosen by what is not known", "CHOOSE(@n, 'a', 'b')", "a | b"),
    ("bytes shown as digits", "CONVERT(varchar(99), HASHBYTES('MD5', 'x'), 2) + CONVERT(varchar(99), HASHBYTES('MD5', 'x'), 1)", "#0x#"),
    ("bytes taken for text", "CAST(HASHBYTES('MD5', 'x') AS varchar(99))", "… (a function of text that is not known)"),
    ("a part of bytes that are not known", "CONVERT(varchar(99), SUBSTRING(HASHBYTES('MD5', 'x'), 1, 4), 2)", "#"),
    ("a date as a pattern shows it", "FORMAT(GETDATE(), 'yyyy-MM-dd')", "#"),
    ("a pattern with text of its own", "FORMAT(GETDATE(), '\\'';'' ')", "… (a function of text that is not known)"),
    ("a function of users", "dbo.f('a')", "… (a function of text that is not known) from elsewhere"),
    ("a function that is not known", "SOUNDEX(@p)", "… (a function of text that is not known) tainted"),
    ("of nothing that is tainted", "SOUNDEX('a')", "… (a function of text that is not known)"),
    ("the database's name", "DB_NAME()", "… (a value of the environment)"),
    ("in brackets", "QUOTENAME(DB_NAME()) + '..t'", "[b]..t"),
    ("the server's name", "@@SERVERNAME", "… (a value of the environment)"),
    ("the session's number", "'KILL ' + CAST(@@SPID AS varchar(9))", "KILL #"),
    ("the time", "CONVERT(varchar(30), GETDATE(), 126)", "#"),
    ("the caller's host", "HOST_NAME()", "… (a value of the environment) tainted"),
    ("a column", "(SELECT TOP 1 name FROM sys.tables)", "… (data that is read) tainted"),
    ("a variable nobody declared", "@nobody", "… (a value from elsewhere) from elsewhere"),
    ("rows that are read, each a statement", "(SELECT 'DROP TABLE ' + QUOTENAME(name) + ';' FROM sys.tables FOR XML PATH(''))", "DROP TABLE [b]; tainted"),
    ("rows that are read, each half a string", "(SELECT 'PRINT ''' + QUOTENAME(name) FROM sys.tables FOR XML PATH(''))", "PRINT '[b] (data that is read) tainted"),
    ("rows that are read, run together", "(SELECT 'a' FROM sys.tables FOR XML PATH(''))", "a (rows that are read)"),
    ("the last character cut off", "LEFT('a' + QUOTENAME(@p) + ', ', LEN('a' + QUOTENAME(@p) + ', ') - 1)", "a[b] tainted"),
    ("the first characters cut off, by a length", "SUBSTRING(', ' + QUOTENAME(@p), 3, LEN(', ' + QUOTENAME(@p)))", "[b] tainted"),
    ("all but the first characters", "RIGHT(', ' + QUOTENAME(@p), LEN(', ' + QUOTENAME(@p)) - 2)", "[b] tainted"),
    ("the last character replaced", "STUFF(QUOTENAME(@p) + ',', LEN(QUOTENAME(@p) + ','), 1, ';')", "[b]; tainted"),
    ("cut off by another text's length", "LEFT(QUOTENAME(@p) + ',', LEN(QUOTENAME(@p)))", "…[…],… (a parameter) tainted"),
    ("numbers of the catalog", "(SELECT 'KILL ' + CAST(session_id AS varchar(9)) + ';' FROM sys.dm_exec_sessions FOR XML PATH(''))", "KILL #; tainted"),
    ("names of the catalog", "(SELECT 'KILL ' + name FROM sys.databases d JOIN sys.objects o ON 1=1 FOR XML PATH(''))", "KILL … (data that is read) tainted"),
    ("a column like one of the catalog's", "(SELECT TOP 1 CAST(session_id AS varchar(9)) FROM dbo.s)", "… (data that is read) tainted"),
    ("one of the catalog's among others'", "(SELECT TOP 1 CAST(session_id AS varchar(9)) FROM sys.dm_exec_sessions, dbo.s)", "… (data that is read) tainted"),
    ("names of columns, separated", "STUFF((SELECT ',' + QUOTENAME(name) FROM sys.columns FOR XML PATH('')), 1, 1, '')", "[b] tainted"),
    ("STRING_AGG of a table", "(SELECT STRING_AGG(QUOTENAME(name), ', ') FROM sys.columns)", "[b] tainted"),
    ("a comparison is no text", "'a' + (@n = 1)", "a# tainted"),
];

#[rustfmt::skip] // one case, one line
const STATEMENTS: &[Case] = &[
    ("declared with a value", "DECLARE @r varchar(9) = 'a'", "a"),
    ("declared without", "DECLARE @r varchar(9)", "NULL"),
    ("cut to its type", "DECLARE @r varchar(3) = 'abcdef'", "abc"),
    ("filled up to its type", "DECLARE @a char(4) = 'xp'; DECLARE @r varchar(9) = @a + '.'", "xp  ."),
    ("one character where the type says no length", "DECLARE @r varchar = 'abc'", "a"),
    ("as long as a name", "DECLARE @r sysname = 'abc'", "abc"),
    ("a number's type makes a number of it", "DECLARE @r int = '12'", "12"),
    ("of anything", "DECLARE @r int; SELECT @r = c FROM t", "NULL | # tainted"),
    ("a binary's type keeps the bytes", "DECLARE @r varbinary(9) = 0x7870", "7870"),
    ("until text is made of them", "DECLARE @b varbinary(9) = 0x7870; DECLARE @r varchar(9) = @b", "xp"),
    ("added to a number", "DECLARE @r int = 1; SET @r += 1; SET @r = @r + 1", "3"),
    ("other operators and assignments in one", "DECLARE @r int = 7; SET @r -= 1; SET @r *= 2; SET @r |= 1", "13"),
    ("appended to itself", "DECLARE @r varchar(99) = 'ab'; SET @r = @r + @r; SET @r += @r", "abababab"),
    ("appended to NULL", "DECLARE @r varchar(99); SET @r = @r + 'a'; SET @r += 'b'", "NULL"),
    ("where NULL counts as empty", "SET ANSI_WARNINGS, CONCAT_NULL_YIELDS_NULL OFF DECLARE @n varchar(9), @r varchar(99) = 'a' + @n + 'b'", "NULL | ab"),
    ("put before itself", "DECLARE @r varchar(99) = 'b'; SET @r = 'a' + @r", "ab"),
    ("either branch", "DECLARE @r varchar(9) IF @a = 1 SET @r = 'a' ELSE SET @r = 'b'", "a | b"),
    ("both branches replace what was", "CREATE PROC p @r varchar(9) AS IF @a = 1 SET @r = 'a' ELSE IF @a = 2 BEGIN SET @r = 'b' END ELSE SET @r = 'c'", "a | b | c"),
    ("one branch of three leaves it", "DECLARE @r varchar(9) = 'o' IF @a = 1 SET @r = 'a' ELSE IF @a = 2 SET @r = 'b'", "a | o | b"),
    ("ELSE begins with what IF began with", "DECLARE @r varchar(9) = 'o' IF @a = 1 SET @r = 'a' ELSE SET @r = @r + 'b'", "a | ob"),
    ("an ELSE after a block within a loop", "DECLARE @r varchar(9) = 'o' WHILE @i < 3 IF @a = 1 BEGIN SET @r = 'a' END ELSE BEGIN SET @r = 'b' END", "o | a | b"),
    ("branches within a branch", "DECLARE @r varchar(9) = 'o' IF @c = 1 BEGIN IF @a = 1 SET @r = 'a' ELSE SET @r = 'b' END", "o | a | b"),
    ("appended in branches", "DECLARE @r varchar(99) = 'a' IF @a = 1 SET @r += 'b' IF @a = 2 SET @r = @r + 'c'", "a | ab | ac | abc"),
    ("each value with each", "DECLARE @a varchar(9), @b varchar(9), @r varchar(9) IF 1=1 SET @a = 'a' ELSE SET @a = 'b' IF 2=2 SET @b = 'c' ELSE SET @b = 'd' SET @r = @a + @b", "ac | ad | bc | bd"),
    ("a function of each value", "DECLARE @r varchar(9) IF 1=1 SET @r = 'a' ELSE SET @r = 'b' SET @r = UPPER(@r)", "A | B"),
    ("in a TRY block nothing is skipped once it is over", "BEGIN TRY DECLARE @r varchar(9) = 'a' SET @r += 'b' END TRY BEGIN CATCH SELECT 1 END CATCH", "NULL | ab"),
    ("a counting loop makes any number", "DECLARE @r int = 0 WHILE @r < 9 SET @r += 1", "#"),
    ("text decoded by a loop", "DECLARE @e varchar(99) = 'yq`dneticmm', @i int = 1, @r varchar(99) = '' WHILE @i <= LEN(@e) BEGIN SET @r = @r + CHAR(ASCII(SUBSTRING(@e, @i, 1)) - 1) SET @i = @i + 1 END", "xp_cmdshbll"),
    ("turned by a loop", "DECLARE @e varchar(99) = 'llehs', @i int = LEN('llehs'), @r varchar(99) = '' WHILE (@i > 0) BEGIN SELECT @r += SUBSTRING(@e, @i, 1), @i -= 1 END", "shell"),
    ("a loop in a loop", "DECLARE @i int = 0, @j int, @r varchar(99) = '' WHILE @i < 2 BEGIN SET @j = 0 WHILE @j < 2 BEGIN SET @r += CHAR(65 + 2 * @i + @j) SET @j += 1 END SET @i += 1 END", "ABCD"),
    ("a loop that is never entered may be, for all we know", "DECLARE @i int = 9, @r varchar(99) = 'a' WHILE @i < 9 BEGIN SET @r = CHAR(98) END", "a | b"),
    ("a loop that leaves early", "DECLARE @i int = 0, @r varchar(99) = '' WHILE @i < 2 BEGIN SET @r = @r + CHAR(65) IF @c = 1 BREAK SET @i += 1 END", " | A | AA (a loop that goes on changing it)"),
    ("a loop without an end that is known", "DECLARE @i int = 0, @r varchar(99) = '' WHILE @i < @n BEGIN SET @r = @r + CHAR(65) + ' ' SET @i += 1 END", " | A  | A A "),
    ("rows read by a cursor, one after the other", "DECLARE @c varchar(9), @r varchar(99) = ''; DECLARE c CURSOR FOR SELECT a FROM (VALUES ('x'), ('p'), ('_')) v(a); OPEN c; FETCH NEXT FROM c INTO @c; WHILE @@FETCH_STATUS = 0 BEGIN SET @r = @r + @c; FETCH NEXT FROM c INTO @c; END; CLOSE c", "xp_"),
    ("rows of a table read by a cursor", "DECLARE @c sysname, @r varchar(99) = ''; DECLARE c CURSOR FOR SELECT QUOTENAME(a) FROM t; OPEN c; FETCH NEXT FROM c INTO @c; WHILE @@FETCH_STATUS = 0 BEGIN SET @r = @r + @c + ';'; FETCH NEXT FROM c INTO @c; END", " | [b]; | [b];[b]; tainted"),
    ("a table read by numbers", "DECLARE @t TABLE (i int, c varchar(9)); INSERT @t VALUES (1, 'x'), (2, 'p'); DECLARE @r varchar(9); SELECT @r = c FROM @t WHERE i = 1", "x"),
    ("a statement for each round", "DECLARE @r varchar(99) = '' WHILE @a < 9 SET @r = @r + 'PRINT 1; '", " | PRINT 1;  | PRINT 1; PRINT 1; "),
    ("rounds that run together", "DECLARE @r varchar(99) = '' WHILE @a < 9 SET @r = @r + 'x'", " | x | xx (a loop that goes on changing it)"),
    ("a statement for each row", "DECLARE @r varchar(max) = '' SELECT @r = @r + 'DROP TABLE ' + QUOTENAME(name) + ';' FROM sys.tables", " | DROP TABLE [b]; tainted"),
    ("a list of columns", "DECLARE @r varchar(max) SELECT @r = COALESCE(@r + ', ', '') + QUOTENAME(name) FROM sys.columns", "NULL | [b] | [b], [b] tainted"),
    ("rows written out", "DECLARE @r varchar(99) = '' SELECT @r = @r + c FROM (VALUES ('x'), ('p'), ('_')) v(c)", "xp_"),
    ("in another order", "DECLARE @r varchar(99) = '' SELECT @r += c FROM (VALUES (2, 'p'), (1, 'x')) v(i, c) ORDER BY i", "xp"),
    ("characters by numbers in rows", "DECLARE @r varchar(99) = '' SELECT @r = @r + CHAR(n) FROM (VALUES (120), (112)) v(n)", "xp"),
    ("some rows of them", "DECLARE @r varchar(99) = '' SELECT @r = @r + c FROM (VALUES ('x'), ('p')) v(c) WHERE c > ''", "xp (rows that are read)"),
    ("the last row's value", "DECLARE @r varchar(99) = '' SELECT @r = c FROM (VALUES ('x'), ('p')) v(c)", "p"),
    ("one row's value", "DECLARE @r varchar(99) = '' SELECT @r = c FROM (VALUES ('x'), ('p')) v(c) WHERE c = @a", " | x | p"),
    ("a table variable", "DECLARE @t TABLE (i int IDENTITY(1,1), c varchar(9)); INSERT INTO @t VALUES ('x'), ('p'); DECLARE @r varchar(9) = ''; SELECT @r = @r + c FROM @t", "xp"),
    ("in the order of what numbers its rows", "DECLARE @t TABLE (i int IDENTITY, c varchar(9)); INSERT @t (c) VALUES ('x'); INSERT @t (c) VALUES ('p'); DECLARE @r varchar(9) = ''; SELECT @r = @r + c FROM @t ORDER BY i DESC", "px"),
    ("with a key rows come as they like", "DECLARE @t TABLE (c varchar(9) PRIMARY KEY); INSERT INTO @t VALUES ('x'), ('p'); DECLARE @r varchar(9) = ''; SELECT @r = @r + c FROM @t", "xp (the order of rows)"),
    ("unless they are asked for in an order", "DECLARE @t TABLE (i int PRIMARY KEY, c varchar(9)); INSERT INTO @t VALUES (2, 'p'), (1, 'x'); DECLARE @r varchar(9) = ''; SELECT @r = @r + c FROM @t ORDER BY i", "xp"),
    ("a temporary table", "CREATE TABLE #t (i int, c varchar(9)); INSERT INTO #t SELECT 1, 'x' UNION ALL SELECT 2, 'p'; DECLARE @r varchar(9) = (SELECT STRING_AGG(c, '') FROM #t)", "xp"),
    ("made by SELECT INTO", "SELECT 'x' AS c INTO #t; INSERT #t VALUES ('p'); DECLARE @r varchar(9) = (SELECT c + '' FROM #t FOR XML PATH(''))", "xp"),
    ("columns in the order they are listed in", "DECLARE @t TABLE (a varchar(9), b varchar(9)); INSERT @t (b, a) VALUES ('p', 'x'); DECLARE @r varchar(9); SELECT @r = a + b FROM @t", "xp"),
    ("some rows only, by what is not known", "DECLARE @r varchar(9) = ''; SELECT @r = @r + c FROM (VALUES ('x'), ('p')) v(c) WHERE c <> @q", "xp (rows that are read)"),
    ("a row that was changed", "DECLARE @t TABLE (i int, c varchar(9)); INSERT @t VALUES (1, 'x'), (2, 'q'); UPDATE @t SET c = 'p' WHERE i = 2; DECLARE @r varchar(9) = ''; SELECT @r = @r + c FROM @t", "xp"),
    ("a row that may have been changed", "DECLARE @t TABLE (i int, c varchar(9)); INSERT @t VALUES (1, 'x'); UPDATE @t SET c = c + 'p' WHERE i = @n; DECLARE @r varchar(9); SELECT @r = c FROM @t", "x | xp"),
    ("rows that were deleted", "DECLARE @t TABLE (i int, c varchar(9)); INSERT @t VALUES (1, 'x'), (2, 'q'), (3, 'p'); DELETE FROM @t WHERE i = 2; DECLARE @r varchar(9) = ''; SELECT @r = @r + c FROM @t", "xp"),
    ("a table that was emptied and filled again", "CREATE TABLE #t (c varchar(9)); INSERT #t VALUES ('q'); TRUNCATE TABLE #t; INSERT #t VALUES ('x'); DECLARE @r varchar(9) = ''; SELECT @r = @r + c FROM #t", "x"),
    ("a table that somebody else may have filled", "CREATE TABLE #t (c varchar(9)); EXEC dbo.p; DECLARE @r varchar(9); SELECT @r = c FROM #t", "NULL | … (data that is read) tainted"),
    ("a table that executed text filled", "CREATE TABLE #t (c varchar(9)); EXEC('INSERT #t VALUES (''x'')'); DECLARE @r varchar(9); SELECT @r = c FROM #t", "x"),
    ("a table that was changed", "DECLARE @t TABLE (c varchar(9)); INSERT @t VALUES ('x'); UPDATE @t SET c = @p; DECLARE @r varchar(9) = ''; SELECT @r = @r + c FROM @t", "… (a value from elsewhere) from elsewhere"),
    ("a table filled by a procedure", "CREATE TABLE #t (c varchar(9)); INSERT #t EXEC dbo.p; DECLARE @r varchar(9); SELECT @r = c FROM #t", "NULL | … (data that is read) tainted"),
    ("a table filled from what a statement changed", "DECLARE @t TABLE (c varchar(9)); DELETE FROM q OUTPUT deleted.c INTO @t (c) WHERE i = 1; DECLARE @r varchar(9); SELECT @r = c FROM @t", "NULL | … (data that is read) tainted"),
    ("a table filled from a table", "DECLARE @t TABLE (c sysname); INSERT @t SELECT QUOTENAME(name) FROM sys.tables; DECLARE @r varchar(max) = ''; SELECT @r += 'DROP TABLE ' + c + ';' FROM @t", " | DROP TABLE [b]; tainted"),
    ("a table filled in a branch", "DECLARE @t TABLE (c varchar(9)); INSERT @t VALUES ('x'); IF @a = 1 INSERT @t VALUES ('p'); DECLARE @r varchar(9) = ''; SELECT @r = @r + c FROM @t", "xp (rows that are read)"),
    ("a cursor over rows written out", "DECLARE @r varchar(9); DECLARE c CURSOR FOR SELECT a FROM (VALUES ('x'), ('p')) v(a); OPEN c; FETCH NEXT FROM c INTO @r", "x"),
    ("its second column", "DECLARE @a int, @r varchar(9); DECLARE c CURSOR LOCAL FAST_FORWARD FOR SELECT 1, 'x' UNION ALL SELECT 2, 'p'; OPEN c; FETCH c INTO @a, @r", "x"),
    ("a cursor over a table, its text known", "DECLARE @r varchar(99); DECLARE c CURSOR FOR SELECT 'DROP TABLE ' + QUOTENAME(name) FROM sys.tables; OPEN c; FETCH NEXT FROM c INTO @r", "DROP TABLE [b] tainted"),
    ("a cursor read from its end", "DECLARE @r varchar(9); DECLARE c SCROLL CURSOR FOR SELECT 'x' UNION ALL SELECT 'p'; OPEN c; FETCH LAST FROM c INTO @r", "x | p"),
    ("opened again", "DECLARE @r varchar(9); DECLARE c CURSOR FOR SELECT 'x' UNION ALL SELECT 'p'; OPEN c; FETCH c INTO @r; FETCH c INTO @r; CLOSE c; OPEN c; FETCH c INTO @r", "x"),
    ("read beyond its end", "DECLARE @r varchar(9); DECLARE c CURSOR FOR SELECT 'x'; OPEN c; FETCH c INTO @r; FETCH c INTO @r", "x"),
    ("read in a branch", "DECLARE @r varchar(9); DECLARE c CURSOR FOR SELECT 'x' UNION ALL SELECT 'p'; OPEN c; IF @a = 1 FETCH c INTO @r; FETCH c INTO @r", "x | p"),
    ("a cursor's variable", "DECLARE @c CURSOR, @r varchar(9); SET @c = CURSOR FOR SELECT 'x'; OPEN @c; FETCH NEXT FROM @c INTO @r", "x"),
    ("a cursor nobody declared", "DECLARE @r varchar(9); FETCH NEXT FROM c INTO @r", "… (data that is read) tainted"),
    ("set by a procedure", "DECLARE @r varchar(9) = 'a'; EXEC dbo.p @r OUTPUT", "… (a value from elsewhere) from elsewhere"),
    ("a procedure's return code", "DECLARE @r int; EXEC @r = dbo.p", "# from elsewhere"),
    ("set by executed text", "DECLARE @r nvarchar(99); EXEC sp_executesql N'SET @o = @i + ''b''', N'@i nvarchar(9), @o nvarchar(9) OUTPUT', N'a', @r OUTPUT", "ab"),
    ("set by executed text, by name", "DECLARE @r nvarchar(99) = 'x'; EXEC sp_executesql N'SELECT @o = c FROM t', N'@o nvarchar(9) OUTPUT', @o = @r OUTPUT", "x | … (data that is read) tainted"),
    ("set by executed text that is not known", "DECLARE @r nvarchar(99) = 'x', @s nvarchar(99) = dbo.f(); EXEC sp_executesql @s, N'@o nvarchar(9) OUTPUT', @o = @r OUTPUT", "x (a value from elsewhere) from elsewhere"),
    ("a parameter's default that may be executed", "CREATE PROC p @r nvarchar(99) = N'EXEC q' AS RETURN", "… | EXEC q (a parameter) tainted"),
    ("one that says nothing", "CREATE PROC p @r nvarchar(99) = N'dbo' AS RETURN", "… (a parameter) tainted"),
    ("a part of a date is no column", "DECLARE @r varchar(30) = CONVERT(varchar(30), DATEADD(day, -1, GETDATE()), 120)", "#"),
    ("xp_sprintf", "DECLARE @r varchar(99); EXEC xp_sprintf @r OUTPUT, 'EXEC %s%s', 'xp_', 'cmdshell'", "EXEC xp_cmdshell"),
    ("base64 in a variable", "DECLARE @b varchar(99) = 'eHBf', @r varchar(99); SET @r = CAST(CAST('' AS xml).value('xs:base64Binary(sql:variable(\"@b\"))', 'varbinary(max)') AS varchar(99))", "xp_"),
    ("an xml variable", "DECLARE @x xml = '', @b varchar(99) = '7870', @r varchar(9); SET @r = CAST(@x.value('xs:hexBinary(sql:variable(\"@b\"))', 'varbinary(max)') AS varchar(9))", "xp"),
    ("base64 in a column", "DECLARE @r varchar(99) = (SELECT CAST(CAST('' AS xml).value('xs:base64Binary(sql:column(\"v.b\"))', 'varbinary(max)') AS varchar(99)) FROM (VALUES ('eHBf')) v(b))", "xp_"),
    ("a common table", "DECLARE @r varchar(9) = ''; WITH v AS (SELECT 1 AS i, 'x' AS c UNION ALL SELECT 2, 'p') SELECT @r = @r + c FROM v ORDER BY i", "xp"),
    ("its columns named", "DECLARE @r varchar(9) = ''; WITH v (a, b) AS (SELECT 'p', 'x'), w AS (SELECT b, a FROM v) SELECT @r = b + a FROM w", "xp"),
    ("a common table that reads itself", "DECLARE @r varchar(9) = ''; WITH v AS (SELECT 1 AS i UNION ALL SELECT i + 1 FROM v) SELECT @r = @r + CHAR(64 + i) FROM v", " | A | … | A… (rows that are read) tainted"),
    ("a jump that may repeat it", "DECLARE @r varchar(99) = '' again: SET @r = @r + 'PRINT 1;' IF @a = 1 GOTO again", "PRINT 1; |  | PRINT 1;PRINT 1; (a loop that goes on changing it)"),
];

#[test]
fn expressions_come_to_what_they_come_to() {
    check(EXPRESSIONS, |sql| {
        format!("DECLARE @x varchar(9) = dbo.f(1), @r sql_variant SET @r = {sql}")
    });
}

#[test]
fn what_is_not_known_keeps_its_shape() {
    check(UNKNOWN, |sql| {
        format!(
            "CREATE PROC p @p nvarchar(100), @n int, @d date, @u uniqueidentifier AS DECLARE @r sql_variant SET @r = {sql}"
        )
    });
}

#[test]
fn statements_leave_values_behind() {
    check(STATEMENTS, ToOwned::to_owned);
}
