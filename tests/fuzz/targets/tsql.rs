//! Whatever the bytes, as text of a module and as a script: nothing panics, every span lies in the text, and passing over
//! what can do nothing loses nothing.

#![no_main]
#![allow(dead_code, unused_imports)] // the room's own tests use the rest

use libfuzzer_sys::fuzz_target;

#[path = "../../../src/tsql/mod.rs"]
mod tsql;

use tsql::{Member, Object};

fuzz_target!(|bytes: &[u8]| {
    let Some((first, rest)) = bytes.split_first() else {
        return;
    };
    let quoted_identifier = first & 1 == 1;
    let text = String::from_utf8_lossy(rest);

    let module = tsql::observe_module(&text, quoted_identifier);
    lies_within(&module, &text);
    let walked = tsql::observe_module_without_first_pass(&text, quoted_identifier);
    assert_eq!(module, walked, "the first pass changes nothing");

    let mut objects = tsql::observe_script(&text);
    for object in &objects {
        lies_within(object, &text);
    }
    let member = |object| Member {
        database: "",
        name: None,
        is_callable: true,
        object,
    };
    tsql::connect(&mut objects.iter_mut().map(member).collect::<Vec<_>>());
    for object in &objects {
        lies_within(object, &text);
    }
    tsql::mask_secrets(&text);
    tsql::first_unread_directive(&text);
});

fn lies_within(object: &Object, text: &str) {
    let spans = object.sinks.iter().map(|sink| &sink.span);
    for span in spans.chain(object.calls.iter().map(|call| &call.span)) {
        assert!(
            text.get(span.clone()).is_some(),
            "{span:?} lies in the text"
        );
    }
}
