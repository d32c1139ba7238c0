//! What a script leaves on a server: the modules that it creates as the server will show them, assemblies whose bytes are
//! written out in it, and steps of Agent jobs whose text is. What is put together when it runs cannot be told from here.

use super::code::{Code, Name};
use super::header::{Header, created};
use super::lexer::{LONGEST, Lexer, Token, TokenKind};
use super::normal::{normalised, normalised_step};
use super::script::batches;

/// What a script leaves on a server.
#[derive(Debug, Default, PartialEq, Eq)]
pub struct Published {
    /// Modules.
    pub modules: Vec<PublishedModule>,
    /// Assemblies.
    pub assemblies: Vec<PublishedAssembly>,
    /// T-SQL steps of jobs.
    pub job_steps: Vec<PublishedStep>,
    /// What it leaves there that could not be told, by line: sentences.
    pub untold: Vec<(u32, String)>,
}

/// A module.
#[derive(Debug, PartialEq, Eq)]
pub struct PublishedModule {
    /// Its name as written, without delimiters: one or two parts.
    pub name: Vec<String>,
    /// See [`normalised_module`].
    pub normal: Vec<u8>,
}

/// An assembly.
#[derive(Debug, PartialEq, Eq)]
pub struct PublishedAssembly {
    /// Its name.
    pub name: String,
    /// Its file.
    pub bytes: Vec<u8>,
    /// What it is allowed: SAFE, EXTERNAL_ACCESS or UNSAFE.
    pub permission_set: String,
}

/// A T-SQL step of a job.
#[derive(Debug, PartialEq, Eq)]
pub struct PublishedStep {
    /// What the step is called.
    pub name: String,
    /// The normal form of its text.
    pub normal: Vec<u8>,
}

/// The normal form of a module's text, as [`normalised`]: what is written after CREATE. A server shows CREATE where a
/// module was altered or made by CREATE OR ALTER. Whether `"…"` is a name does not divide a text otherwise.
pub fn normalised_module(text: &str) -> Vec<u8> {
    if text.len() > LONGEST {
        return text.as_bytes().to_vec();
    }
    let mut tokens = Lexer::new(text, true).filter(|token| !is_blank(token));
    let mut word = || {
        let token = tokens.next()?;
        let written = text.get(token.start as usize..token.end as usize)?;
        Some((written.to_ascii_lowercase(), token.end as usize))
    };
    let first = word();
    let verb = match first.as_ref().map(|(word, end)| (word.as_str(), *end)) {
        Some(("alter", end)) => Some(end),
        Some(("create", end)) => match (word(), word()) {
            (Some((or, _)), Some((alter, end))) if or == "or" && alter == "alter" => Some(end),
            _ => Some(end),
        },
        _ => None,
    };
    let Some(end) = verb else {
        return normalised(text, true);
    };
    let mut normal = normalised("create", true);
    normal.extend(normalised(text.get(end..).unwrap_or_default(), true));
    normal
}

fn is_blank(token: &Token) -> bool {
    matches!(
        token.kind,
        TokenKind::WhiteSpace | TokenKind::LineComment | TokenKind::BlockComment
    )
}

/// Reads a script.
pub fn published(text: &str) -> Published {
    let mut found = Published::default();
    if text.len() > LONGEST {
        found
            .untold
            .push((1, "it is too long to be read".to_owned()));
        return found;
    }
    let mut quoted_identifier = true;
    for batch in batches(text) {
        let source = text.get(..batch.end).unwrap_or_default();
        let code = Code::lex_batch(source, batch.start, &mut quoted_identifier);
        if code.len() == 0 {
            continue;
        }
        let line = |at: usize| line_of(text, code.range(at).start);
        if let Some(header) = header(&code) {
            let name = code.parts(header.name);
            if header.is_encrypted {
                let why = "is created WITH ENCRYPTION, so that no server shows its text";
                found
                    .untold
                    .push((line(0), format!("{} {why}", name.join("."))));
                continue;
            }
            let own = source.get(batch.start..).unwrap_or_default();
            found.modules.push(PublishedModule {
                name,
                normal: normalised_module(own),
            });
            continue;
        }
        for at in 0..code.len() {
            if code.is_word(at, &["assembly"]) && at > 0 && code.is_word(at - 1, &["create"]) {
                match assembly(&code, at) {
                    Ok(own) => found.assemblies.push(own),
                    Err(why) => found.untold.push((line(at), why)),
                }
            } else if code.part(at).0.eq_ignore_ascii_case("sp_add_jobstep") {
                match step(&code, at + 1) {
                    Ok(own) => found.job_steps.push(own),
                    Err(why) => found.untold.push((line(at), why)),
                }
            }
        }
    }
    found
}

/// The header that a batch begins with: anything before it, and it would create no module.
fn header(code: &Code) -> Option<Header> {
    let begins = code.is_word(0, &["create", "alter"]);
    let what = begins.then(|| created(code, 0)).flatten()?;
    Header::read(code, what)
}

fn line_of(text: &str, offset: usize) -> u32 {
    let before = text.get(..offset).unwrap_or_default();
    let lines = before.bytes().filter(|byte| *byte == b'\n').count();
    u32::try_from(lines + 1).unwrap_or(u32::MAX)
}

/// CREATE ASSEMBLY name … FROM 0x… WITH PERMISSION_SET = …
fn assembly(code: &Code, at: usize) -> Result<PublishedAssembly, String> {
    let name: Name = code
        .name(at + 1)
        .ok_or("an assembly is created, and its name is not written out")?;
    let shown = code.dotted(name);
    // AUTHORIZATION and a name may stand between.
    let from = (name.next..name.next + 4).find(|at| code.is_word(*at, &["from"]));
    let bytes = from
        .filter(|from| code.kind(from + 1) == Some(TokenKind::Binary))
        .ok_or_else(|| format!("assembly {shown} is created from what is not written out"))?
        + 1;
    if code.is(bytes + 1, ",") {
        return Err(format!("assembly {shown} has several files"));
    }
    let after = bytes + 1..bytes + 5;
    let set = after
        .clone()
        .find(|at| code.is_word(*at, &["permission_set"]));
    let permission_set = match set {
        Some(set) => code.text(set + 2).to_ascii_uppercase(),
        None => "SAFE".to_owned(),
    };
    Ok(PublishedAssembly {
        name: shown.clone(),
        bytes: decoded(code.text(bytes))
            .ok_or_else(|| format!("the bytes of assembly {shown} are no whole bytes"))?,
        permission_set,
    })
}

/// The bytes of `0x…`, which may go on after a backslash at a line's end.
fn decoded(literal: &str) -> Option<Vec<u8>> {
    let digits = literal.get(2..)?.bytes();
    let digits = digits.filter(|byte| !matches!(byte, b'\\' | b'\r' | b'\n'));
    let digits: Option<Vec<u8>> = digits
        .map(|byte| {
            char::from(byte)
                .to_digit(16)
                .and_then(|digit| u8::try_from(digit).ok())
        })
        .collect();
    let pairs = digits?;
    let whole = pairs.chunks(2).map(|pair| match pair {
        [high, low] => Some(high << 4 | low),
        _ => None,
    });
    whole.collect()
}

/// The arguments of sp_add_jobstep, given by name.
fn step(code: &Code, mut at: usize) -> Result<PublishedStep, String> {
    let (mut name, mut subsystem, mut command) = (None, Some("TSQL".to_owned()), None);
    while code.is_variable(at) && code.is(at + 1, "=") {
        let end = code.after_argument(at + 2);
        let literal = (end == at + 3).then(|| text_of(code, at + 2)).flatten();
        match code.text(at).to_ascii_lowercase().as_str() {
            "@step_name" => name = literal,
            "@subsystem" => subsystem = literal,
            "@command" => command = literal,
            _ => {}
        }
        if !code.is(end, ",") {
            break;
        }
        at = end + 1;
    }
    let shown = name.unwrap_or_else(|| "…".to_owned());
    let is_tsql = subsystem.is_some_and(|own| own.eq_ignore_ascii_case("TSQL"));
    match command {
        Some(command) if is_tsql => Ok(PublishedStep {
            name: shown,
            normal: normalised_step(&command),
        }),
        Some(_) => Err(format!(
            "job step {shown} is no T-SQL: what it is found for is not its text"
        )),
        None => Err(format!(
            "the command of job step {shown} is not written out"
        )),
    }
}

fn text_of(code: &Code, at: usize) -> Option<String> {
    if code.kind(at) != Some(TokenKind::String) {
        return None;
    }
    let (value, _) = code.source().literal(code.range(at));
    Some(value.text().to_owned())
}

#[cfg(test)]
#[allow(clippy::panic, clippy::indexing_slicing)]
mod tests {
    use super::*;

    #[test]
    fn how_a_module_was_made_and_laid_out_changes_nothing() {
        let plain = "CREATE PROCEDURE dbo.p AS SELECT 1";
        for same in [
            "-- v 1\r\nALTER PROCEDURE dbo.p\r\nAS\r\n  select 1 -- one\r\n",
            "create or alter procedure dbo.p as select 1",
            "/* x */ CREATE /* y */ OR ALTER PROCEDURE dbo.p AS SELECT 1",
            "CREATE   PROCEDURE dbo.p AS SELECT 1",
        ] {
            assert_eq!(normalised_module(plain), normalised_module(same), "{same}");
        }
        for other in [
            "CREATE PROCEDURE dbo.p AS SELECT 2",
            "CREATE PROCEDURE dbo.p AS SELECT 1;",
            "CREATE PROCEDURE dbo.q AS SELECT 1",
            "CREATE PROCEDURE dbo.p WITH EXECUTE AS OWNER AS SELECT 1",
            "CREATE PROCEDURE dbo.P AS SELECT 1",
            "DROP PROCEDURE dbo.p",
            "",
        ] {
            assert_ne!(
                normalised_module(plain),
                normalised_module(other),
                "{other}"
            );
        }
    }

    #[test]
    fn every_batch_that_creates_a_module_is_taken() {
        let script = "SET QUOTED_IDENTIFIER ON\nGO\n\
            IF OBJECT_ID('dbo.sp_X') IS NULL EXEC('CREATE PROCEDURE dbo.sp_X AS RETURN 0')\nGO\n\
            ALTER PROCEDURE [dbo].[sp_X] @a int AS\nSELECT 'CREATE PROC no'\nGO\n\
            -- CREATE PROC no\n\
            CREATE FUNCTION f() RETURNS int AS BEGIN RETURN 1 END\nGO\n\
            CREATE VIEW dbo.v AS SELECT 1 AS a\nGO\n\
            CREATE TRIGGER t ON ALL SERVER FOR LOGON AS SELECT 1\nGO\n\
            CREATE TABLE dbo.no (a int)\nGO\n\
            CREATE PROC dbo.hidden WITH ENCRYPTION AS SELECT 1\nGO\n";
        let found = published(script);
        let names: Vec<String> = found.modules.iter().map(|own| own.name.join(".")).collect();
        assert_eq!(names, ["dbo.sp_X", "f", "dbo.v", "t"]);
        let shown = "CREATE PROCEDURE [dbo].[sp_X] @a int AS\nSELECT 'CREATE PROC no'\n";
        assert_eq!(found.modules[0].normal, normalised_module(shown));
        let [(17, why)] = found.untold.as_slice() else {
            panic!("{:?}", found.untold)
        };
        assert!(
            why.contains("dbo.hidden is created WITH ENCRYPTION"),
            "{why}"
        );
    }

    #[test]
    fn assemblies_are_taken_where_their_bytes_are_written_out() {
        let found = published(
            "CREATE ASSEMBLY [A] AUTHORIZATION [dbo] FROM 0x4D5A\\\n90 WITH PERMISSION_SET = External_Access;\n\
             CREATE ASSEMBLY B FROM 0x4D5A;\nGO\n\
             CREATE ASSEMBLY C FROM 'c.dll'\nCREATE ASSEMBLY D FROM @d\nCREATE ASSEMBLY E FROM 0x00, 0x01\n\
             CREATE ASSEMBLY F FROM 0x123",
        );
        let [a, b] = found.assemblies.as_slice() else {
            panic!("{found:?}")
        };
        assert_eq!(
            (a.name.as_str(), a.bytes.as_slice()),
            ("A", &[0x4d, 0x5a, 0x90][..])
        );
        assert_eq!(a.permission_set, "EXTERNAL_ACCESS");
        assert_eq!((b.name.as_str(), b.permission_set.as_str()), ("B", "SAFE"));
        assert_eq!(found.untold.len(), 4, "{:?}", found.untold);
    }

    #[test]
    fn job_steps_are_taken_where_their_text_is_written_out() {
        let found = published(
            "EXEC msdb.dbo.sp_add_jobstep @job_name = N'J', @step_name = N'a', @command = N'EXEC dbo.p N''x''';\n\
             EXEC sp_add_jobstep @step_name = N'b', @subsystem = N'CmdExec', @command = N'dir'\n\
             EXEC sp_add_jobstep @step_name = N'c', @command = N'a' + @x\n\
             EXEC sp_add_jobstep @step_name = N'd', @command = @x, @subsystem = 'TSQL'\n\
             EXEC sp_add_jobstep @step_name = N'e', @subsystem = @y, @command = N'dir'\n",
        );
        let [own] = found.job_steps.as_slice() else {
            panic!("{found:?}")
        };
        assert_eq!(own.name, "a");
        assert_eq!(own.normal, normalised("EXEC dbo.p N'x'", false));
        assert_eq!(found.untold.len(), 4, "{:?}", found.untold);
    }
}
