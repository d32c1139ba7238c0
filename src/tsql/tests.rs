//! Labelled cases: each says what it shows, and what must be seen, as `sink how line:column`.

#![allow(clippy::unwrap_used)]

use super::lexer::Lexer;
use super::{Observation, Synonyms, observe_module};

/// Why the case is what it is, the text, and the observations.
type Case = (&'static str, &'static str, &'static [&'static str]);

fn seen(sql: &str, quoted_identifier: bool) -> Vec<String> {
    let observations = observe_module(sql, quoted_identifier).sinks;
    let show = |o: &Observation| {
        let (sink, how) = (o.sink.as_str(), o.how.as_str());
        format!("{sink} {how} {}:{}", o.line, o.column)
    };
    observations.iter().map(show).collect()
}

fn check(cases: &[Case], quoted_identifier: bool) {
    let wrong = cases.iter().filter_map(|(reason, sql, expected)| {
        let seen = seen(sql, quoted_identifier);
        (seen != *expected)
            .then(|| format!("{reason}: {sql}\n  seen     {seen:?}\n  expected {expected:?}"))
    });
    let wrong: Vec<_> = wrong.collect();
    assert!(wrong.is_empty(), "{}", wrong.join("\n"));
}

#[rustfmt::skip] // one case, one line
const CALLS: &[Case] = &[
    ("the plain form", "EXEC xp_cmdshell 'dir'", &["xp_cmdshell direct 1:6"]),
    ("the long keyword", "EXECUTE xp_cmdshell 'dir'", &["xp_cmdshell direct 1:9"]),
    ("any case", "eXeC XP_CmdShell 'dir'", &["xp_cmdshell direct 1:6"]),
    ("in a module", "CREATE PROC p AS\nBEGIN\n  EXEC xp_cmdshell 'dir'\nEND", &["xp_cmdshell direct 3:8"]),
    ("two parts", "EXEC sys.xp_cmdshell 'dir'", &["xp_cmdshell direct 1:6"]),
    ("three parts, bracketed", "EXEC master.sys.[xp_cmdshell] 'dir'", &["xp_cmdshell direct 1:6"]),
    ("the schema left out", "EXEC master..xp_cmdshell 'dir'", &["xp_cmdshell direct 1:6"]),
    ("four parts, one left out", "EXEC srv.master..xp_cmdshell 'dir'", &["xp_cmdshell direct 1:6", "linked_exec direct 1:6"]),
    ("leading parts left out", "EXEC ..xp_cmdshell 'dir'", &["xp_cmdshell direct 1:6"]),
    ("quoted name", "EXEC \"master\".\"sys\".\"xp_cmdshell\" 'dir'", &["xp_cmdshell direct 1:6"]),
    ("a name with trailing blanks is the same name", "EXEC [xp_cmdshell ] 'dir'", &["xp_cmdshell direct 1:6"]),
    ("a comment is a blank", "exec/**/xp_cmdshell/**/'dir'", &["xp_cmdshell direct 1:9"]),
    ("comments and lines between parts", "EXEC master -- here\n . /* and /* nested */ */ sys\n.\txp_cmdshell 'x'", &["xp_cmdshell direct 1:6"]),
    ("no blank before a bracket", "EXEC[xp_cmdshell]'dir'", &["xp_cmdshell direct 1:5"]),
    ("no-break space", "EXEC\u{A0}xp_cmdshell\u{A0}'dir'", &["xp_cmdshell direct 1:6"]),
    ("zero-width space is white space to SQL Server", "EXEC\u{200B}xp_cmdshell 'dir'", &["xp_cmdshell direct 1:6"]),
    ("control characters are white space", "EXEC\u{1}\u{1F}xp_cmdshell\u{0}'dir'", &["xp_cmdshell direct 1:7"]),
    ("return code", "DECLARE @rc int; EXEC @rc = xp_cmdshell 'dir'", &["xp_cmdshell direct 1:29"]),
    ("into a table", "INSERT INTO #t (line) EXEC xp_cmdshell 'dir'", &["xp_cmdshell direct 1:28"]),
    ("numbered procedure", "EXEC xp_cmdshell;1 'dir'", &["xp_cmdshell direct 1:6"]),
    ("variable argument", "EXEC xp_cmdshell @c, no_output", &["xp_cmdshell direct 1:6"]),
    ("after IF without a block", "IF @a = 1 EXEC xp_cmdshell 'a' ELSE EXEC xp_cmdshell 'b'", &["xp_cmdshell direct 1:16", "xp_cmdshell direct 1:42"]),
    ("an exponent takes the keyword's first letter", "SELECT 1EXEC xp_cmdshell 'dir'", &[]),
    ("a number takes the keyword's first letter", "SELECT 0xFFEXEC xp_cmdshell 'x'", &[]),
    ("statement after a string", "PRINT 'x'EXEC xp_cmdshell 'dir'", &["xp_cmdshell direct 1:15"]),
    ("bare call first in the batch", "xp_cmdshell 'dir'", &["xp_cmdshell direct 1:1"]),
    ("bare call after comments", "/* a */ -- b\n master..xp_cmdshell 'dir'", &["xp_cmdshell direct 2:2"]),
    ("a carriage return alone ends a comment and a line", "-- a\rEXEC xp_cmdshell 'x'", &["xp_cmdshell direct 2:6"]),
    ("CRLF is one line end", "-- a\r\n\r\nEXEC xp_cmdshell 'x'", &["xp_cmdshell direct 3:6"]),
    ("columns count UTF-16 units", "PRINT N'\u{1F600}é' EXEC xp_cmdshell 'x'", &["xp_cmdshell direct 1:19"]),
    ("a quote in a bracketed name opens nothing", "SELECT [it's] FROM t EXEC xp_cmdshell 'x'", &["xp_cmdshell direct 1:27"]),
    ("a closing bracket doubled", "SELECT [a]]'] FROM t EXEC xp_cmdshell 'x'", &["xp_cmdshell direct 1:27"]),
    ("an apostrophe doubled", "PRINT 'it''s' EXEC xp_cmdshell 'x'", &["xp_cmdshell direct 1:20"]),
    ("a comment opener in a string", "PRINT '/*' EXEC xp_cmdshell 'x' --*/", &["xp_cmdshell direct 1:17"]),
    ("a line comment's opener in a block comment", "/* -- */ EXEC xp_cmdshell 'x'", &["xp_cmdshell direct 1:15"]),
    ("OLE", "EXEC sp_OACreate 'WScript.Shell', @o OUT EXEC master.dbo.sp_OAMethod @o, 'Run'", &["ole_automation direct 1:6", "ole_automation direct 1:47"]),
    ("the other OLE procedures", "EXEC sp_OAGetProperty @o EXEC sp_OASetProperty @o EXEC sp_OADestroy @o EXEC sp_OAGetErrorInfo @o EXEC sp_OAStop", &["ole_automation direct 1:6", "ole_automation direct 1:31", "ole_automation direct 1:56", "ole_automation direct 1:77", "ole_automation direct 1:103"]),
    ("external script", "EXEC sp_execute_external_script @language = N'Python', @script = N'x'", &["external_script direct 1:6"]),
];

#[rustfmt::skip] // one case, one line
const NOT_CALLS: &[Case] = &[
    ("line comment", "-- EXEC xp_cmdshell 'dir'", &[]),
    ("block comment", "/* EXEC xp_cmdshell 'dir' */ SELECT 1", &[]),
    ("the inner end does not end the outer comment", "/* /* */ EXEC xp_cmdshell 'dir' */", &[]),
    ("unterminated comment", "/* EXEC xp_cmdshell 'dir'", &[]),
    ("printed", "PRINT 'EXEC xp_cmdshell ''dir'''", &[]),
    ("raised", "RAISERROR('EXEC xp_cmdshell failed', 16, 1) WITH NOWAIT", &[]),
    ("thrown", "THROW 50000, 'xp_cmdshell is off', 1", &[]),
    ("compared", "IF @name = 'xp_cmdshell' SELECT * FROM sys.configurations WHERE name = 'xp_cmdshell'", &[]),
    ("stored", "INSERT INTO log (text) VALUES ('EXEC xp_cmdshell ''dir''')", &[]),
    ("passed on as data", "EXEC dbo.WriteLog @text = 'EXEC xp_cmdshell ''dir'''", &[]),
    ("assigned and never executed", "DECLARE @x nvarchar(99) = N'EXEC xp_cmdshell ''dir''' PRINT @x", &[]),
    ("column and alias", "SELECT xp_cmdshell, a AS [xp_cmdshell], b xp_cmdshell FROM dbo.xp_cmdshell", &[]),
    ("granted", "GRANT EXECUTE ON xp_cmdshell TO bob", &[]),
    ("denied", "DENY EXEC ON sys.xp_cmdshell TO public", &[]),
    ("revoked", "REVOKE GRANT OPTION FOR EXECUTE ON OBJECT::xp_cmdshell FROM bob CASCADE", &[]),
    ("granted among others", "GRANT SELECT, EXECUTE, ALTER ON SCHEMA::dbo TO xp_cmdshell", &[]),
    ("a permission with ANY", "GRANT EXECUTE ANY EXTERNAL SCRIPT TO sp_execute_external_script", &[]),
    ("audited", "CREATE DATABASE AUDIT SPECIFICATION s FOR SERVER AUDIT a ADD (EXECUTE ON OBJECT::sys.xp_cmdshell BY public)", &[]),
    ("a module of that name is created", "CREATE PROCEDURE dbo.xp_cmdshell @a int AS SELECT 1", &[]),
    ("EXECUTE AS", "CREATE PROC p WITH EXECUTE AS OWNER AS EXECUTE AS LOGIN = 'xp_cmdshell' REVERT", &[]),
    ("another name around it", "EXEC my_xp_cmdshell_log 'x' EXEC xp_cmdshell_proxy EXEC xp_cmdshell2", &[]),
    ("a variable of that name", "SELECT @xp_cmdshell, #xp_cmdshell.a FROM #xp_cmdshell", &[]),
    ("the name is a qualification", "EXEC xp_cmdshell.dbo.p", &[]),
    ("an argument of that name", "EXEC sp_help xp_cmdshell EXEC p @a = xp_cmdshell", &[]),
    ("an option that is read", "EXEC sp_configure 'xp_cmdshell'", &[]),
    ("a procedure name in a bare call that is not first", "SELECT 1; xp_cmdshell 'dir'", &[]),
    ("text to be executed that calls nothing", "EXEC('SELECT ''EXEC xp_cmdshell''') EXEC sp_executesql N'PRINT ''xp_cmdshell'''", &[]),
    ("an ordinary procedure", "EXEC dbo.p @a = 1, @b = 'x'", &[]),
    ("unterminated string", "PRINT 'EXEC xp_cmdshell ", &[]),
    ("unterminated name", "SELECT [EXEC xp_cmdshell ", &[]),
    ("backslash and line end in a comment continue nothing", "-- a \\\n SELECT 1 -- EXEC xp_cmdshell", &[]),
    ("nothing", "", &[]),
];

#[rustfmt::skip] // one case, one line
const EXECUTED_TEXT: &[Case] = &[
    ("a literal", "EXEC('EXEC xp_cmdshell ''dir''')", &["xp_cmdshell dynamic_literal 1:6"]),
    ("a national literal, bare call", "EXEC (N'xp_cmdshell ''dir''')", &["xp_cmdshell dynamic_literal 1:7"]),
    ("at a linked server", "EXEC('xp_cmdshell ''dir''') AT srv", &["linked_exec direct 1:1", "xp_cmdshell dynamic_literal 1:6"]),
    ("a call in the second literal is placed there", "EXEC('SELECT 1 ' +\n 'EXEC xp_cmdshell ''dir''')", &["xp_cmdshell dynamic_literal 2:2"]),
    ("the name is put together", "EXEC('EXEC xp_' + 'cmd' + 'shell ''dir''')", &["xp_cmdshell dynamic_concat 1:6"]),
    ("keyword and name in pieces of their own", "EXEC('EXEC ' + 'xp_cmdshell' + ' ''dir''')", &["xp_cmdshell dynamic_literal 1:16"]),
    ("continued over a line end", "EXEC('EXEC xp_cmd\\\r\nshell ''dir''')", &["xp_cmdshell dynamic_literal 1:6"]),
    ("sp_executesql by position", "EXEC sp_executesql N'EXEC xp_cmdshell @c', N'@c varchar(9)', @c = 'x'", &["xp_cmdshell dynamic_literal 1:20"]),
    ("sp_executesql by name and qualified", "EXEC master.sys.sp_executesql @stmt = N'EXEC xp_cmdshell ''x'''", &["xp_cmdshell dynamic_literal 1:39"]),
    ("sp_executesql, arguments in another order", "EXEC sp_executesql @params = N'@a int', @stmt = N'xp_cmdshell ''x''', @a = 1", &["xp_cmdshell dynamic_literal 1:49"]),
    ("sp_executesql without EXEC", "sp_executesql N'xp_cmdshell ''x'''", &["xp_cmdshell dynamic_literal 1:15"]),
    ("sp_executesql numbered", "EXEC sp_executesql;1 N'xp_cmdshell ''x'''", &["xp_cmdshell dynamic_literal 1:22"]),
    ("text within text", "EXEC('EXEC(''EXEC xp_cmdshell ''''dir'''''')')", &["xp_cmdshell dynamic_literal 1:6"]),
    ("text within text, the name split outside", "EXEC('EXEC(''EXEC xp_cmd' + 'shell ''''dir'''''')')", &["xp_cmdshell dynamic_concat 1:6"]),
    ("two alike in one literal are one observation", "EXEC('EXEC xp_cmdshell ''a'' EXEC xp_cmdshell ''b''')", &["xp_cmdshell dynamic_literal 1:6"]),
    ("two channels in one literal", "EXEC('EXEC sp_OAStop EXEC xp_cmdshell ''b''')", &["xp_cmdshell dynamic_literal 1:6", "ole_automation dynamic_literal 1:6"]),
    ("characters by number", "EXEC('EXEC ' + CHAR(120) + CHAR(0x70) + NCHAR(95) + 'cmdshell ''dir''')", &["xp_cmdshell dynamic_concat 1:16"]),
    ("backwards", "DECLARE @x varchar(99) = REVERSE('llehsdmc_px') EXEC(@x)", &["xp_cmdshell dynamic_concat 1:34"]),
    ("cast, converted, concatenated", "EXEC sp_executesql CONCAT(CAST('EXEC ' AS nvarchar(9)), CONVERT(nvarchar(max), N'xp_cmdshell'), ' 1')", &["xp_cmdshell dynamic_literal 1:80"]),
    ("a comment inside the text", "EXEC('/* EXEC xp_cmdshell */ SELECT 1 -- xp_cmdshell')", &[]),
];

#[rustfmt::skip] // one case, one line
const VARIABLES: &[Case] = &[
    ("declared with a value", "DECLARE @x nvarchar(99) = N'EXEC xp_cmdshell ''a''';\nEXEC(@x)", &["xp_cmdshell dynamic_literal 1:27"]),
    ("among others", "DECLARE @a int = 1, @x AS nvarchar(99) = N'xp_cmdshell ''a''', @b int EXEC sp_executesql @x", &["xp_cmdshell dynamic_literal 1:42"]),
    ("set", "DECLARE @x nvarchar(99) SET @x = 'xp_cmdshell' EXEC (@x)", &["xp_cmdshell dynamic_literal 1:34"]),
    ("selected", "DECLARE @x nvarchar(99), @y int; SELECT @y = 1, @x = 'xp_cmdshell'; EXEC (@x)", &["xp_cmdshell dynamic_literal 1:54"]),
    ("appended", "DECLARE @x nvarchar(99) = 'EXEC xp_'\nSET @x += 'cmdshell'\nSET @x = @x + ' ''dir''' EXEC (@x)", &["xp_cmdshell dynamic_concat 1:27"]),
    ("put together from variables", "DECLARE @a varchar(9) = 'xp_', @b varchar(9) = 'cmdshell', @x varchar(99) SET @x = 'EXEC ' + @a + @b EXEC(@x)", &["xp_cmdshell dynamic_concat 1:25"]),
    ("names of variables have no case", "DECLARE @Sql varchar(99) = 'xp_cmdshell' EXEC(@sQL)", &["xp_cmdshell dynamic_literal 1:28"]),
    ("replaced before it is executed", "DECLARE @x varchar(99) = 'xp_cmdshell' SET @x = 'SELECT 1' EXEC(@x)", &[]),
    ("by the variable's name", "DECLARE @p sysname = 'master..xp_cmdshell' EXEC @p 'dir'", &["xp_cmdshell via_variable_proc_name 1:49"]),
    ("with a return code", "DECLARE @p sysname = 'xp_cmdshell', @rc int EXEC @rc = @p 'dir'", &["xp_cmdshell via_variable_proc_name 1:56"]),
    ("an ordinary procedure by a variable", "DECLARE @p sysname = 'dbo.p' EXEC @p 'xp_cmdshell'", &[]),
    ("sp_executesql by a variable", "DECLARE @p sysname = 'sp_executesql' EXEC @p N'xp_cmdshell ''x'''", &["xp_cmdshell dynamic_literal 1:46"]),
    ("sp_executesql in an unknown database", "CREATE PROC p @db sysname AS DECLARE @p nvarchar(99) = @db + '..sp_executesql' EXEC @p N'xp_cmdshell ''x'''", &["xp_cmdshell dynamic_literal 1:88"]),
    ("a parameter is not known", "CREATE PROC p @x nvarchar(99) = 'SELECT 1' AS EXEC(@x)", &["dynamic_unresolved direct 1:47"]),
    ("a name that is not known", "CREATE PROC p @n sysname AS EXEC @n 'x'", &["dynamic_unresolved via_variable_proc_name 1:34"]),
    ("sp_executesql of a parameter", "CREATE PROC p @x nvarchar(99) AS EXEC sp_executesql @x", &["dynamic_unresolved direct 1:39"]),
    ("set by a procedure", "DECLARE @x nvarchar(99) = 'SELECT 1' EXEC dbo.p @x OUTPUT EXEC(@x)", &["dynamic_unresolved direct 1:59"]),
    ("fetched", "DECLARE @x nvarchar(99) = 'SELECT 1' FETCH NEXT FROM c INTO @y, @x EXEC(@x)", &["dynamic_unresolved direct 1:68"]),
    ("a column", "DECLARE @x nvarchar(99) SELECT @x = code FROM t EXEC(@x)", &["dynamic_unresolved direct 1:49"]),
    ("updated", "DECLARE @x nvarchar(99) = '' UPDATE t SET a = 1, @x = code WHERE b = 2 EXEC(@x)", &["dynamic_unresolved direct 1:72"]),
    ("received", "DECLARE @x nvarchar(99), @h int; RECEIVE TOP (1) @h = handle, @x = message_body FROM q; EXEC(@x)", &["dynamic_unresolved direct 1:89"]),
    ("a binary constant", "DECLARE @x varchar(99) = 0x78705F636D647368656C6C EXEC(@x)", &["xp_cmdshell dynamic_concat 1:26"]),
    ("nothing but NULL", "DECLARE @x nvarchar(99), @y nvarchar(99) = NULL EXEC(@x) EXEC(@y)", &[]),
    ("COLLATE changes no text", "DECLARE @x nvarchar(99) = 'xp_cmdshell' COLLATE Latin1_General_BIN + ' 1' EXEC(@x)", &["xp_cmdshell dynamic_literal 1:27"]),
    ("an unknown argument", "CREATE PROC p @c varchar(9) AS EXEC('xp_cmdshell ''' + @c + '''')", &["dynamic_unresolved direct 1:32", "xp_cmdshell dynamic_literal 1:37"]),
    ("an argument that its doubled quotes keep in its string", "CREATE PROC p @c varchar(9) AS\nDECLARE @s varchar(99) SET @s = 'EXEC master..xp_cmdshell ''' + REPLACE(@c, '''', '''''') + ''''\nEXEC(@s)", &["xp_cmdshell dynamic_literal 2:33"]),
    ("an unknown database", "CREATE PROC p @d sysname AS EXEC('EXEC ' + @d + '..xp_cmdshell ''x''')", &["dynamic_unresolved direct 1:29", "xp_cmdshell dynamic_literal 1:49"]),
    ("an unknown database, quoted", "CREATE PROC p @d sysname AS EXEC('EXEC ' + QUOTENAME(@d) + '.sys.xp_cmdshell ''x''')", &["xp_cmdshell dynamic_literal 1:60"]),
    ("an unknown tail", "CREATE PROC p @t sysname AS EXEC('EXEC xp_cmdshell' + @t)", &["dynamic_unresolved direct 1:29", "xp_cmdshell dynamic_literal 1:34"]),
    ("an unknown keyword before the name", "CREATE PROC p @e sysname AS EXEC(@e + ' xp_cmdshell ''x''')", &["dynamic_unresolved direct 1:29", "xp_cmdshell dynamic_literal 1:39"]),
    ("an unknown piece between statements", "CREATE PROC p @e sysname AS EXEC('SELECT 1 ' + @e + ' xp_cmdshell ''x''')", &["dynamic_unresolved direct 1:29", "xp_cmdshell dynamic_literal 1:53"]),
    ("a template", "DECLARE @s nvarchar(99) = REPLACE('EXEC xp_cmdshell ''@c''', '@c', @c) EXEC(@s)", &["xp_cmdshell dynamic_literal 1:35", "dynamic_unresolved direct 1:72"]),
    ("rows glued together", "DECLARE @s nvarchar(max) = (SELECT 'EXEC xp_cmdshell ''' + c + ''';' FROM t WHERE n <> 'x' FOR XML PATH('')) EXEC(@s)", &["xp_cmdshell dynamic_literal 1:36", "dynamic_unresolved direct 1:110"]),
    ("a hole is no call", "CREATE PROC p @t sysname AS EXEC('SELECT * FROM ' + @t + ' xp_cmdshell WHERE a = ''b''')", &["dynamic_unresolved direct 1:29"]),
    ("the known part only mentions it", "CREATE PROC p @t sysname AS EXEC('PRINT ''xp_cmdshell ' + @t + '''')", &["dynamic_unresolved direct 1:29"]),
    ("what a comparison in CASE names is not the value", "DECLARE @x varchar(99) = CASE WHEN @o = 'xp_cmdshell' THEN 'SELECT 1' ELSE 'SELECT 2' END EXEC(@x)", &[]),
    ("what CASE chooses is", "DECLARE @x varchar(99) = CASE @o WHEN 1 THEN 'SELECT 1' ELSE 'xp_cmdshell ''x''' END EXEC(@x)", &["xp_cmdshell dynamic_literal 1:62"]),
    ("an unread text inside a read one", "EXEC('EXEC(@x)')", &["dynamic_unresolved dynamic_literal 1:6"]),
    ("an unread text inside one with holes is one unknown", "CREATE PROC p @x sysname AS EXEC('EXEC(''' + @x + ''')')", &["dynamic_unresolved direct 1:29"]),
];

#[rustfmt::skip] // one case, one line
const FLOW: &[Case] = &[
    ("both branches", "DECLARE @x varchar(99) IF @a = 1 SET @x = 'SELECT 1' ELSE SET @x = 'xp_cmdshell' EXEC(@x)", &["xp_cmdshell dynamic_literal 1:68"]),
    ("the branch taken first", "DECLARE @x varchar(99) IF @a = 1 SET @x = 'xp_cmdshell' ELSE SET @x = 'SELECT 1' EXEC(@x)", &["xp_cmdshell dynamic_literal 1:43"]),
    ("a branch may leave the value", "DECLARE @x varchar(99) = 'xp_cmdshell' IF @a = 1 BEGIN SET @x = 'SELECT 1' END EXEC(@x)", &["xp_cmdshell dynamic_literal 1:26"]),
    ("the value inside its own branch is known", "DECLARE @x varchar(99) = 'xp_cmdshell' IF @a = 1 BEGIN SET @x = 'SELECT 1' EXEC(@x) END", &[]),
    ("the statement after the branch replaces it", "DECLARE @x varchar(99) = 'a' IF @a = 1 SET @x = 'xp_cmdshell' SET @x = 'SELECT 1' EXEC(@x)", &[]),
    ("a semicolon ends the branch", "DECLARE @x varchar(99) = 'a'; IF @a = 1 SELECT @x = 'xp_cmdshell'; SELECT @x = 'b'; EXEC(@x)", &[]),
    ("nested branches without blocks", "DECLARE @x varchar(99) = 'a' IF 1=1 IF 2=2 SET @x = 'xp_cmdshell' ELSE SET @x = 'b' ELSE SET @x = 'c' EXEC(@x)", &["xp_cmdshell dynamic_literal 1:53"]),
    ("a condition with a query and CASE", "DECLARE @x varchar(99) = 'xp_cmdshell' IF EXISTS (SELECT 1 FROM t WHERE a = CASE WHEN 1=1 THEN 1 END) SET @x = 'b' EXEC(@x)", &["xp_cmdshell dynamic_literal 1:26"]),
    ("appended in a branch: both texts are known", "DECLARE @x varchar(99) = 'EXEC xp_cmdshell' IF @a = 1 SET @x += ' ''a''' EXEC(@x)", &["xp_cmdshell dynamic_literal 1:26"]),
    ("the name appended after a join", "DECLARE @x varchar(99) IF @a = 1 SET @x = 'EXEC ' ELSE SET @x = 'PRINT ' SET @x += 'xp_cmdshell ''x''' EXEC(@x)", &["xp_cmdshell dynamic_literal 1:84"]),
    ("a query may find no row", "DECLARE @x varchar(99) = 'xp_cmdshell' SELECT @x = 'SELECT 1' FROM t EXEC(@x)", &["xp_cmdshell dynamic_literal 1:26"]),
    ("a loop comes back with what was set later", "DECLARE @x varchar(99) = 'SELECT 1' WHILE 1=1 BEGIN EXEC(@x) SET @x = 'xp_cmdshell' END", &["xp_cmdshell dynamic_literal 1:71"]),
    ("an inner loop comes back too", "DECLARE @x varchar(99) = 'a' WHILE 1=1 BEGIN WHILE 2=2 BEGIN EXEC(@x) SET @x = 'xp_cmdshell' END SET @x = 'b' END", &["xp_cmdshell dynamic_literal 1:80"]),
    ("a value that takes rounds to arrive may go on changing", "DECLARE @x varchar(99) = 'a', @y varchar(99) = 'a', @z varchar(99) = 'a' WHILE 1=1 BEGIN EXEC(@z) SET @z = @y SET @y = @x SET @x = 'xp_cmdshell' END", &["dynamic_unresolved direct 1:90", "xp_cmdshell dynamic_literal 1:132"]),
    ("what a loop appends comes back", "DECLARE @x varchar(99) = '' WHILE 1=1 BEGIN EXEC(@x) SET @x += 'EXEC xp_cmdshell' END", &["dynamic_unresolved direct 1:45", "xp_cmdshell dynamic_literal 1:64"]),
    ("a loop without anything to bring back", "DECLARE @x varchar(99) = 'a' WHILE 1=1 BEGIN SET @x = 'b' EXEC(@x) END SET @x = 'c' EXEC(@x)", &[]),
    ("what a round reads before it assigns it comes from the round before", "DECLARE @x varchar(99) = 'a' WHILE 1=1 BEGIN IF @a = 1 SET @x = 'b' ELSE EXEC(@x) SET @x = 'xp_cmdshell' END", &["xp_cmdshell dynamic_literal 1:92"]),
    ("what only one branch assigns comes from the round before", "DECLARE @x varchar(99) = 'a' WHILE 1=1 BEGIN IF @a = 1 SET @x = 'b' EXEC(@x) SET @x = 'xp_cmdshell' END", &["xp_cmdshell dynamic_literal 1:87"]),
    ("an inner loop reads what the outer one assigns after it", "DECLARE @x varchar(99) = 'a' WHILE 1=1 BEGIN WHILE 2=2 BEGIN EXEC(@x) END SET @x = 'xp_cmdshell' END", &["xp_cmdshell dynamic_literal 1:84"]),
    ("what an inner branch leaves is read by the next round", "DECLARE @x varchar(99) = 'a' WHILE 1=1 BEGIN EXEC(@x) IF @a = 1 BEGIN SET @x = 'b' SET @x = 'xp_cmdshell' END END", &["xp_cmdshell dynamic_literal 1:93"]),
    ("CONTINUE takes a value into the next round", "DECLARE @x varchar(99) = 'a' WHILE 1=1 BEGIN EXEC(@x) IF @a = 1 BEGIN SET @x = 'xp_cmdshell' CONTINUE END SET @x = 'b' END", &["xp_cmdshell dynamic_literal 1:80"]),
    ("BREAK takes a value out of the loop", "DECLARE @x varchar(99) = 'a' WHILE 1=1 BEGIN SET @x = 'xp_cmdshell' IF @a = 1 BREAK SET @x = 'b' END EXEC(@x)", &["xp_cmdshell dynamic_literal 1:55"]),
    ("BREAK leaves the innermost loop only", "DECLARE @x varchar(99) = 'a' WHILE 1=1 BEGIN WHILE 2=2 BEGIN SET @x = 'xp_cmdshell' BREAK END SET @x = 'b' END EXEC(@x)", &[]),
    ("what is replaced before a BREAK stays replaced", "DECLARE @x varchar(99) = 'xp_cmdshell' WHILE 1=1 BEGIN SET @x = 'b' BREAK END SET @x = 'c' EXEC(@x)", &[]),
    ("a handler sees what its TRY has replaced", "DECLARE @x varchar(99) BEGIN TRY SET @x = 'xp_cmdshell' SELECT 1/0 SET @x = 'a' END TRY BEGIN CATCH EXEC(@x) END CATCH", &["xp_cmdshell dynamic_literal 1:43"]),
    ("and what a TRY inside of it has", "DECLARE @x varchar(99) BEGIN TRY BEGIN TRY SET @x = 'xp_cmdshell' SET @x = 'a' END TRY BEGIN CATCH PRINT 1 END CATCH END TRY BEGIN CATCH EXEC(@x) END CATCH", &["xp_cmdshell dynamic_literal 1:53"]),
    ("after a handler a variable may hold what its TRY has replaced", "DECLARE @x varchar(99) BEGIN TRY SET @x = 'xp_cmdshell' SET @x = 'a' END TRY BEGIN CATCH PRINT 1 END CATCH EXEC(@x)", &["xp_cmdshell dynamic_literal 1:43"]),
    ("inside of a TRY what is replaced is gone", "DECLARE @x varchar(99) BEGIN TRY SET @x = 'xp_cmdshell' SET @x = 'a' EXEC(@x) END TRY BEGIN CATCH SET @x = 'b' END CATCH", &[]),
    ("a TRY that is governed by an IF", "DECLARE @x varchar(99) IF @a = 1 BEGIN TRY SET @x = 'xp_cmdshell' SET @x = 'a' END TRY BEGIN CATCH EXEC(@x) END CATCH", &["xp_cmdshell dynamic_literal 1:53"]),
    ("what an inner branch may have left is replaced", "DECLARE @x varchar(99) = 'a' IF @a = 1 BEGIN IF @b = 1 SET @x = 'xp_cmdshell' SET @x = 'b' END EXEC(@x)", &[]),
    ("ELSE begins with what its IF began with, whatever an inner branch left", "DECLARE @x varchar(99) = 'a' IF @a = 1 BEGIN IF @b = 1 SET @x = 'xp_cmdshell' END ELSE EXEC(@x)", &[]),
    ("and after both it may be what the inner branch left", "DECLARE @x varchar(99) = 'a' IF @a = 1 BEGIN IF @b = 1 SET @x = 'xp_cmdshell' END ELSE PRINT 1 EXEC(@x)", &["xp_cmdshell dynamic_literal 1:65"]),
    ("a loop without a block is followed round by round", "DECLARE @x varchar(99) = 'x*p_cm*dshell'; WHILE CHARINDEX('*', @x) > 0 SET @x = STUFF(@x, CHARINDEX('*', @x), 1, ''); EXEC(@x)", &["xp_cmdshell dynamic_concat 1:26"]),
    ("a branch is taken in some of the rounds", "DECLARE @e varchar(99) = 'x.p._.c.m.d.s.h.e.l.l', @x varchar(99) = '', @i int = 1 WHILE @i <= LEN(@e) BEGIN IF @i % 2 = 1 SET @x = @x + SUBSTRING(@e, @i, 1) SET @i = @i + 1 END EXEC(@x)", &["xp_cmdshell dynamic_concat 1:26"]),
    ("or ELSE is", "DECLARE @e varchar(99) = 'xp_CMDSHELL', @x varchar(99) = '', @i int = 1 WHILE @i <= LEN(@e) BEGIN IF @i > 3 BEGIN SET @x = @x + LOWER(SUBSTRING(@e, @i, 1)) END ELSE SET @x = @x + SUBSTRING(@e, @i, 1) SET @i = @i + 1 END EXEC(@x)", &["xp_cmdshell dynamic_concat 1:26"]),
    ("BREAK ends a loop that is followed", "DECLARE @e varchar(99) = 'llehsdmc_px', @x varchar(99) = '', @i int = 11 WHILE 1 = 1 BEGIN IF @i < 1 BREAK; SET @x = @x + SUBSTRING(@e, @i, 1); SET @i = @i - 1 END EXEC(@x)", &["xp_cmdshell dynamic_concat 1:26"]),
    ("CONTINUE ends its round", "DECLARE @e varchar(99) = 'x.p._.c.m.d.s.h.e.l.l', @x varchar(99) = '', @i int = 0 WHILE @i < LEN(@e) BEGIN SET @i = @i + 1 IF @i % 2 = 0 CONTINUE SET @x = @x + SUBSTRING(@e, @i, 1) END EXEC(@x)", &["xp_cmdshell dynamic_concat 1:26"]),
    ("what stands after a BREAK of the first round is seen", "DECLARE @x varchar(99) = LEFT('xp_cmdshell', 11) WHILE 1 = 1 BEGIN BREAK EXEC(@x) SET @x = LEFT('a', 1) END", &["xp_cmdshell dynamic_literal 1:31"]),
    ("a BREAK that nobody knows of may come in any round", "DECLARE @x varchar(99) = '', @i int = 1 WHILE @i < 3 BEGIN SET @x = LEFT('xp_cmdshell', 11) IF @a = 1 BREAK SET @x = LEFT('b', 1) SET @i = @i + 1 END EXEC(@x)", &["xp_cmdshell dynamic_literal 1:74"]),
    ("a jump skips the replacement", "DECLARE @x varchar(99) = 'xp_cmdshell' GOTO done SET @x = 'SELECT 1' done: EXEC(@x)", &["xp_cmdshell dynamic_literal 1:26"]),
    ("DROP … IF EXISTS is no branch", "DROP TABLE IF EXISTS #t DECLARE @x varchar(99) = 'xp_cmdshell' SET @x = 'SELECT 1' EXEC(@x)", &[]),
    ("BEGIN TRANSACTION opens no block", "DECLARE @x varchar(99) IF 1=1 BEGIN BEGIN TRAN SET @x = 'xp_cmdshell' COMMIT END SET @x = 'b' EXEC(@x)", &[]),
    ("TRY", "BEGIN TRY DECLARE @x varchar(99) = 'xp_cmdshell' EXEC(@x) END TRY BEGIN CATCH SET @x = 'a' END CATCH", &["xp_cmdshell dynamic_literal 1:36"]),
    ("an UPDATE's SET is no statement of its own", "DECLARE @x varchar(99) = 'xp_cmdshell' UPDATE t SET @x = 'SELECT 1' WHERE a = 1 EXEC(@x)", &["xp_cmdshell dynamic_literal 1:26", "dynamic_unresolved direct 1:81"]),
    ("UPDATE() of a trigger is a function", "CREATE TRIGGER t ON a AFTER UPDATE AS DECLARE @x varchar(99) IF UPDATE(c) SET @x = 'xp_cmdshell' EXEC(@x)", &["xp_cmdshell dynamic_literal 1:84"]),
    ("executed text has variables of its own", "DECLARE @x varchar(99) = 'SELECT 1' EXEC('DECLARE @x varchar(99) = ''xp_cmdshell'' EXEC(@x)')", &["xp_cmdshell dynamic_literal 1:42"]),
];

#[rustfmt::skip] // one case, one line
const TOKENS: &[(&str, &[&str])] = &[
    ("EXEC[a]]b].\"c\"\"d\"", &["Word EXEC", "BracketedName [a]]b]", "Punctuation .", "QuotedName \"c\"\"d\""]),
    ("'it''s'N'x'n'y'", &["String 'it''s'", "String N'x'", "String n'y'"]),
    ("'a\\\n b'", &["String 'a\\\n b'"]),
    ("'open", &["String 'open"]),
    ("'open''", &["String 'open''"]),
    ("[open", &["BracketedName [open"]),
    ("/* a /* b */ c */d", &["BlockComment /* a /* b */ c */", "Word d"]),
    ("/*/ a */b", &["BlockComment /*/ a */", "Word b"]),
    ("/* open /* */", &["BlockComment /* open /* */"]),
    ("--a\nb--c\rd", &["LineComment --a", "WhiteSpace \n", "Word b", "LineComment --c", "WhiteSpace \r", "Word d"]),
    ("- -/ *", &["Punctuation -", "WhiteSpace  ", "Punctuation -", "Punctuation /", "WhiteSpace  ", "Punctuation *"]),
    ("1.5e-3.5.a", &["Number 1.5e-3", "Number .5", "Punctuation .", "Word a"]),
    ("1exec 1e5x", &["Number 1e", "Word xec", "WhiteSpace  ", "Number 1e5", "Word x"]),
    ("0xAFg0x", &["Binary 0xAF", "Word g0x"]),
    ("0xA\\\r\nB", &["Binary 0xA\\\r\nB"]),
    ("$1.5£2$action$", &["Money $1.5", "Money £2", "Word $action$"]),
    ("$ $.a", &["Punctuation $", "WhiteSpace  ", "Punctuation $", "Punctuation .", "Word a"]),
    ("@x@@rowcount @", &["Variable @x@@rowcount", "WhiteSpace  ", "Variable @"]),
    ("#t##g a#$@_1", &["Word #t##g", "WhiteSpace  ", "Word a#$@_1"]),
    ("größe名前\u{3000}x", &["Word größe名前", "WhiteSpace \u{3000}", "Word x"]),
    ("a\u{200B}\u{A0}\u{0}b", &["Word a", "WhiteSpace \u{200B}\u{A0}\u{0}", "Word b"]),
    ("a\u{FFFC}b", &["Word a", "Hole \u{FFFC}", "Word b"]),
    ("a::b=>c", &["Word a", "Punctuation :", "Punctuation :", "Word b", "Punctuation =", "Punctuation >", "Word c"]),
    ("N\"x\"", &["Word N", "QuotedName \"x\""]),
];

#[test]
fn tokens_are_told_apart() {
    let show = |sql: &str, quoted_identifier| -> Vec<String> {
        let tokens = Lexer::new(sql, quoted_identifier);
        let text = |start, end| &sql[start as usize..end as usize];
        let shown = tokens.map(|t| format!("{:?} {}", t.kind, text(t.start, t.end)));
        shown.collect()
    };
    for (sql, expected) in TOKENS {
        assert_eq!(&show(sql, true), expected, "{sql}");
    }
    assert_eq!(show("N\"x\"\"y\"", false), ["String N\"x\"\"y\""]);
    assert_eq!(show("\"x\"", false), ["String \"x\""]);
}

#[test]
fn calls_are_seen_however_they_are_spelt() {
    check(CALLS, true);
}

#[test]
fn what_is_no_call_is_not_seen() {
    check(NOT_CALLS, true);
    check(NOT_CALLS, false);
}

#[test]
fn executed_text_is_read() {
    check(EXECUTED_TEXT, true);
    check(EXECUTED_TEXT, false);
}

#[test]
fn variables_are_followed_and_what_is_unknown_is_said() {
    check(VARIABLES, true);
    check(VARIABLES, false);
}

#[test]
fn branches_and_loops_lose_nothing() {
    check(FLOW, true);
}

#[test]
fn double_quotes_are_names_or_strings() {
    let stored = "DECLARE @x varchar(99) SET @x = \"EXEC xp_cmdshell 'x'\" EXEC(@x)";
    assert_eq!(seen(stored, false), ["xp_cmdshell dynamic_literal 1:33"]);
    assert_eq!(seen(stored, true), ["dynamic_unresolved direct 1:56"]);
    let executed = "EXEC(\"EXEC xp_cmdshell 'x'\")";
    assert_eq!(seen(executed, false), ["xp_cmdshell dynamic_literal 1:6"]);
    let doubled = "PRINT \"a\"\"b\" EXEC \"xp_cmdshell\" \"dir\"";
    assert_eq!(seen(doubled, false), ["xp_cmdshell direct 1:19"]);
    assert_eq!(seen(doubled, true), ["xp_cmdshell direct 1:19"]);
    let national = "EXEC(N\"xp_cmdshell 'x'\")";
    assert_eq!(seen(national, false), ["xp_cmdshell dynamic_literal 1:6"]);
}

/// `statement` executed by text executed by text, so many times.
fn wrapped(statement: &str, times: usize) -> String {
    (0..times).fold(statement.to_owned(), |inner, _| {
        format!("EXEC('{}')", inner.replace('\'', "''"))
    })
}

#[test]
fn text_is_read_eight_deep_and_no_deeper() {
    let place = ["xp_cmdshell dynamic_literal 1:6"];
    assert_eq!(seen(&wrapped("EXEC xp_cmdshell", 8), true), place);
    let place = ["dynamic_unresolved dynamic_literal 1:6"];
    assert_eq!(seen(&wrapped("EXEC xp_cmdshell", 9), true), place);
}

#[test]
fn values_that_double_end_as_unknown() {
    let mut sql = "DECLARE @x varchar(max) = 'xp_cmdshell ''aaaaaaaaaaaaaaaa'' ';\n".to_owned();
    sql.push_str(&"SET @x = @x + @x;\n".repeat(64));
    sql.push_str(&"SET @y = @x + 'a' + @x; SET @x = @y;\n".repeat(64));
    sql.push_str("EXEC(@x)");
    let expected = [
        "xp_cmdshell dynamic_literal 1:27",
        "dynamic_unresolved direct 130:1",
    ];
    let seen = seen(&sql, true);
    assert_eq!(seen.last().map(String::as_str), Some(expected[1]));
}

#[test]
fn a_text_put_together_from_very_many_pieces_is_read() {
    let pieces = "SET @x += N'PRINT 1 ';\n".repeat(50_000);
    let sql =
        format!("DECLARE @x nvarchar(max) = '';\n{pieces}SET @x += 'EXEC xp_cmdshell'; EXEC(@x)");
    let expected = ["xp_cmdshell dynamic_literal 50002:11"];
    assert_eq!(seen(&sql, true), expected);
}

/// The calls of a text with what tells whether an ownership chain reaches them.
fn chained(sql: &str) -> Vec<String> {
    let synonym = |name: &str, target: &str, synonyms: &mut Synonyms| {
        synonyms.insert(&[name.to_owned()], &[target.to_owned()]);
    };
    let mut synonyms = Synonyms::default();
    synonym("own", "p", &mut synonyms);
    synonym("shell", "xp_cmdshell", &mut synonyms);
    let object = super::observe_module_among(sql, true, &synonyms);
    let word = |is_dynamic| if is_dynamic { "dynamic" } else { "static" };
    let calls = object.calls.iter().map(|call| {
        let place = if call.is_elsewhere { " elsewhere" } else { "" };
        let name = call.callee.join(".");
        format!("{name} {}{place}", word(call.is_dynamic))
    });
    let sinks = object.sinks.iter();
    let sinks = sinks.map(|s| format!("{} {}", s.sink.as_str(), word(s.is_dynamic)));
    calls.chain(sinks).collect()
}

#[test]
fn what_stands_in_executed_text_is_told_however_it_is_called() {
    for (sql, expected) in [
        ("EXEC dbo.p", &["dbo.p static"][..]),
        ("EXEC own", &["p static"]),
        ("DECLARE @n sysname = 'p' EXEC @n", &["p static"]),
        ("SELECT dbo.f(1)", &["dbo.f static"]),
        ("EXEC('EXEC dbo.p')", &["dbo.p dynamic"]),
        ("EXEC('EXEC own')", &["p dynamic"]),
        ("EXEC('SELECT dbo.f(1)')", &["dbo.f dynamic"]),
        (
            "EXEC sp_executesql N'DECLARE @n sysname = ''p'' EXEC @n'",
            &["p dynamic"],
        ),
        ("EXEC shell", &["xp_cmdshell static"]),
        ("EXEC('EXEC shell')", &["xp_cmdshell dynamic"]),
        (
            "EXEC('EXEC dbo.p') AT srv EXEC dbo.q",
            &[
                "dbo.p dynamic elsewhere",
                "dbo.q static",
                "linked_exec static",
            ],
        ),
        (
            "EXEC srv.master.dbo.sp_executesql N'EXEC dbo.p'",
            &["dbo.p dynamic elsewhere", "linked_exec static"],
        ),
        (
            "SELECT * FROM OPENQUERY(srv, 'EXEC dbo.p')",
            &["dbo.p dynamic elsewhere", "linked_exec static"],
        ),
    ] {
        assert_eq!(chained(sql), expected, "{sql}");
    }
}

#[test]
fn job_steps_begin_with_double_quotes_around_strings() {
    let seen = |text: &str| {
        let objects = super::observe_job_step(text, &Synonyms::default());
        let sinks = objects.iter().flat_map(|object| &object.sinks);
        let sinks = sinks.map(|s| format!("{} {}", s.sink.as_str(), s.line));
        sinks.collect::<Vec<_>>()
    };
    let batch = "DECLARE @x varchar(99) = \"xp_cmdshell 'dir'\" EXEC(@x)";
    assert_eq!(seen(&format!("PRINT 1\nGO\n{batch}")), ["xp_cmdshell 3"]);
    let on = format!("SET QUOTED_IDENTIFIER ON\nGO\n{batch}");
    assert_eq!(seen(&on), ["dynamic_unresolved 3"]);
}
