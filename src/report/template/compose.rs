//! Parts that take nothing but what is around them are put into the text of the document before it is read: each time
//! the engine meets a part it copies all that is around it, which of an instance is all its findings.

use std::sync::LazyLock;

use handlebars::{
    Context, Handlebars, Helper, HelperResult, Output, RenderContext, RenderError,
    RenderErrorReason,
};
use regex_lite::{Captures, Regex};

/// `{{> name}}`, and what else stands on its line.
static CALL: LazyLock<Option<Regex>> =
    LazyLock::new(|| Regex::new(r"(?m)^\{\{> *(\w+) *\}\}\n|\{\{> *(\w+) *\}\}").ok());

/// Parts stand so deep in each other at most. Deeper, as one that stands in itself, the engine finds them.
const DEEPEST: usize = 8;

/// The text of a document with its parts in their places. A call that stands alone on its line goes with the line's end, as
/// the engine has it.
pub fn composed<'t>(text: &str, part: &dyn Fn(&str) -> Option<&'t str>) -> String {
    within(text, part, DEEPEST)
}

fn within<'t>(text: &str, part: &dyn Fn(&str) -> Option<&'t str>, deeper: usize) -> String {
    let Some(call) = CALL.as_ref().filter(|_| deeper > 0) else {
        return text.to_owned();
    };
    let put = |found: &Captures<'_>| {
        let name = found.get(1).or_else(|| found.get(2));
        let name = name.map(|name| name.as_str()).unwrap_or_default();
        match part(name) {
            Some(inner) if inner.contains("{{") => within(inner, part, deeper - 1),
            Some(_) => format!("{{{{verbatim \"{name}\"}}}}"),
            None => found[0].to_owned(),
        }
    };
    call.replace_all(text, put).into_owned()
}

/// `{{verbatim "name"}}`: a part that has no values. What the engine would do to read a long text grows with its square.
pub fn verbatim(
    helper: &Helper<'_>,
    engine: &Handlebars<'_>,
    _: &Context,
    _: &mut RenderContext<'_, '_>,
    out: &mut dyn Output,
) -> HelperResult {
    out.write(&named_part(helper, engine)?)?;
    Ok(())
}

/// The text of the part that a helper is given the name of.
pub fn named_part(helper: &Helper<'_>, engine: &Handlebars<'_>) -> Result<String, RenderError> {
    let name = helper.param(0).and_then(|name| name.value().as_str());
    let missing = || RenderErrorReason::ParamNotFoundForName("a part", helper.name().to_owned());
    engine.render(name.ok_or_else(missing)?, &())
}

#[cfg(test)]
#[allow(clippy::unwrap_used)]
mod tests {
    use serde_json::json;

    use super::*;

    const PARTS: [(&str, &str); 5] = [
        ("style", "p { color: red; }\n"),
        (
            "list",
            "<ul>\n{{#each all}}\n{{> item}}\n{{/each}}\n</ul>\n",
        ),
        ("item", "<li>{{name}}{{#if @first}}, first{{/if}}</li>\n"),
        ("foot", "<p>{{title}}</p>"),
        ("level", "<{{level}}>{{title}}</{{level}}>\n"),
    ];

    #[test]
    fn it_is_what_the_engine_makes_of_parts() {
        let view = json!({"title": "<T>", "all": [{"name": "a"}, {"name": "b"}]});
        for text in [
            "{{> list}}\n{{> foot}}\n",
            "{{> style}}\n<style>{{> style}}</style>\n",
            "a {{> foot}} b {{>foot}}\n{{> foot}}",
            "{{#if all}}\n{{> list}}\n{{/if}}\n{{> level level=\"h2\"}}\nend",
        ] {
            let mut engine = Handlebars::new();
            engine.set_strict_mode(true);
            engine.register_helper("verbatim", Box::new(verbatim));
            for (name, part) in PARTS {
                engine.register_template_string(name, part).unwrap();
            }
            let part = |name: &str| PARTS.iter().find(|(own, _)| *own == name).map(|own| own.1);
            let whole = composed(text, &part);
            assert!(
                !whole.contains("{{> list}}") && !whole.contains("{{> item}}"),
                "{whole}"
            );
            let due = engine.render_template(text, &view).unwrap();
            assert_eq!(engine.render_template(&whole, &view).unwrap(), due);
        }
    }

    #[test]
    fn what_is_no_part_or_in_itself_is_left_to_the_engine() {
        assert_eq!(composed("{{> none}}\n", &|_| None), "{{> none}}\n");
        assert_eq!(composed("{{> own}}", &|_| Some("{{> own}}")), "{{> own}}");
    }
}
