//! What sqlcmd puts into a script before a server sees it. It comes from other files and from the caller's surroundings,
//! so that a script which uses it cannot be read whole (docs: sqlcmd utility, commands and scripting variables).

use super::lexer::{LONGEST, Lexer, Token, TokenKind};
use memchr::memmem;

/// The first place of a script that stands for code which is not in it: the line, from 1, and what stands there: another
/// file (`:r`), a command for the operating system of who runs the script (`!!`), a variable (`$(name)`) outside of names
/// in brackets and text. Those in a name or a text are taken as they are written.
pub fn first_unread_directive(text: &str) -> Option<(usize, &'static str)> {
    if text.len() > LONGEST {
        return None; // such a text is not read at all, which is said elsewhere
    }
    let has = |sign: &str| memmem::find(text.as_bytes(), sign.as_bytes()).is_some();
    if !["$(", "!!", ":r", ":R"].into_iter().any(has) {
        return None;
    }
    let mut begins_line = true;
    let mut before: Option<(Token, bool)> = None;
    for token in Lexer::new(text, true) {
        let written = written(text, &token);
        if let Some((first, began_line)) = before {
            let what = match (self::written(text, &first), written) {
                ("$", "(") => Some("a variable, $(…)"),
                ("!", "!") if began_line => Some("a command for the operating system, !!"),
                (":", name) if began_line && name.eq_ignore_ascii_case("r") => {
                    Some("another file, :r")
                }
                _ => None,
            };
            if let Some(what) = what {
                let above = text.get(..first.start as usize).unwrap_or_default();
                return Some((above.matches('\n').count() + 1, what));
            }
        }
        before = (token.kind == TokenKind::Punctuation).then_some((token, begins_line));
        begins_line =
            token.kind == TokenKind::WhiteSpace && (begins_line || written.contains(['\n', '\r']));
    }
    None
}

fn written<'a>(text: &'a str, token: &Token) -> &'a str {
    text.get(token.start as usize..token.end as usize)
        .unwrap_or_default()
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn what_is_put_in_from_elsewhere_is_found_with_its_line() {
        for (text, line) in [
            ("SELECT 1\n:r .\\other.sql\n", 2),
            ("  :R other.sql", 1),
            ("GO\r\n!! del x", 2),
            ("!!dir", 1),
            ("EXEC $(proc) 'dir'", 1),
            ("EXEC dbo.$(proc)", 1),
            ("\n\n$(statement)", 3),
        ] {
            let found = first_unread_directive(text).map(|(line, _)| line);
            assert_eq!(found, Some(line), "{text}");
        }
    }

    #[test]
    fn what_only_looks_like_it_is_not() {
        for text in [
            ":setvar Name \"x\"\nUSE [$(Name)]",
            ":on error exit",
            "PRINT '$(Name)'",
            "-- :r x\n/*\n:r y\n!! z\n*/",
            "SELECT $1, $ , (1)",
            "r: GOTO r",
            "SELECT hierarchyid\n::GetRoot()",
            "IF 1 !=2 SELECT 1",
            "SELECT a :r b",
            "PRINT '\n:r x\n'",
        ] {
            assert_eq!(first_unread_directive(text), None, "{text}");
        }
    }
}
