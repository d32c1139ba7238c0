//! One module's definition to what it does.

use super::object::{Kind, Object, Observation};
use super::place::Places;
use super::walk::{self, Call};

/// What a module's definition does, as `sys.sql_modules` has it, or a batch. `quoted_identifier` is the setting the
/// module was created under: it decides whether `"…"` is a name or a string.
pub fn observe_module(text: &str, quoted_identifier: bool) -> Object {
    let calls = walk::calls(text, quoted_identifier);
    let mut places = Places::new(text);
    let observation = |call: Call| {
        let (line, column) = places.advance_to(call.offset);
        Observation {
            sink: call.sink,
            how: call.how,
            line,
            column,
            span: call.offset..call.offset,
            option: None,
            command: None,
            command_tainted: None,
            reason: None,
            via: Vec::new(),
        }
    };
    Object {
        kind: Kind::Script,
        name: None,
        line: 1,
        parameters: Vec::new(),
        is_encrypted: false,
        sinks: calls.into_iter().map(observation).collect(),
        calls: Vec::new(),
        notes: Vec::new(),
    }
}
