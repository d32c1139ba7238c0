//! Laws on what may be changed in code without changing what it does.

use super::laws::{ends_outside_of_tokens, observe, sql, tokens};
use super::lexer::TokenKind;
use super::{How, Sink};
use proptest::prelude::*;

fn sinks(code: &str) -> Vec<(Sink, How, Option<bool>)> {
    let sinks = observe(code, true).into_iter();
    sinks.map(|o| (o.sink, o.how, o.command_tainted)).collect()
}

proptest! {
    #[test]
    fn another_name_for_each_variable_changes_no_sink(code in sql()) {
        let renamed: String = tokens(&code, true).iter().map(|token| {
            let text = &code[token.start as usize..token.end as usize];
            // Others may be names of a procedure's parameters.
            let own = token.kind == TokenKind::Variable && matches!(text, "@x" | "@y");
            if own { format!("@other_{}", &text[1..]) } else { text.to_owned() }
        }).collect();
        prop_assert_eq!(sinks(&renamed), sinks(&code));
    }

    #[test]
    fn a_statement_that_does_nothing_removes_no_sink(code in sql()) {
        if !ends_outside_of_tokens(&code) {
            return Ok(());
        }
        let with_more = format!("{code}\n; PRINT 1; SELECT 2 FROM dbo.t");
        let more = sinks(&with_more);
        for (sink, ..) in sinks(&format!("{code}\n;")) {
            prop_assert!(more.iter().any(|(other, ..)| *other == sink), "{with_more}");
        }
    }
}
