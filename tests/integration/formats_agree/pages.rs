//! What markup tells: the HTML report and JUnit's XML.

use super::damage::Files;
use super::tally::{ALL, ESTATE, Tally, add};
use crate::support::markup::{Element, Language, read};

pub const HTML: &str = "reports/report.html";
pub const JUNIT: &str = "reports/junit.xml";

const SEVERITIES: [&str; 5] = ["critical", "high", "medium", "low", "info"];

fn number(of: &Element) -> usize {
    let text = of.text();
    text.trim()
        .parse()
        .unwrap_or_else(|_| panic!("{text:?} is no number"))
}

fn first(of: &Element, is: impl Fn(&Element) -> bool) -> &Element {
    of.all().into_iter().find(|element| is(element)).unwrap()
}

fn page(files: &Files) -> Element {
    read(files.text(HTML), Language::Html).unwrap()
}

pub fn html_headline(files: &Files) -> Tally {
    let mut tally = Tally::new();
    let page = page(files);
    let counts = first(&page, |own| own.name == "ul" && own.has_class("counts"));
    for item in counts.children() {
        let word = item.named("span")[0].text();
        let key = if SEVERITIES.contains(&word.as_str()) {
            [ALL, "fail", &word]
        } else {
            [ALL, &word, ALL]
        };
        add(&mut tally, key, number(item.named("b")[0]));
    }
    tally
}

/// A table's rows under its headings.
fn rows(table: &Element) -> (Vec<String>, Vec<Vec<&Element>>) {
    let headings = table.named("thead")[0].named("th");
    let headings = headings.iter().map(|heading| heading.text());
    let rows = table.named("tbody")[0].named("tr").into_iter();
    let rows = rows.map(|row| row.children().collect());
    (headings.collect(), rows.collect())
}

pub fn html_instances(files: &Files) -> Tally {
    let mut tally = Tally::new();
    let page = page(files);
    let (headings, rows) = rows(first(&page, |own| own.has_class("glance")));
    for row in rows {
        let instance = row[0].text();
        for (heading, cell) in headings.iter().zip(row) {
            match heading.as_str() {
                "unknown" => add(&mut tally, [&instance, "unknown", ALL], number(cell)),
                severity if SEVERITIES.contains(&severity) => {
                    add(&mut tally, [&instance, "fail", severity], number(cell));
                }
                _ => {}
            }
        }
    }
    tally
}

pub fn html_listing(files: &Files) -> Tally {
    let mut tally = Tally::new();
    let page = page(files);
    let listing = first(&page, |own| own.attribute("id") == Some("listing"));
    let (headings, rows) = rows(listing);
    let at = headings
        .iter()
        .position(|heading| heading == "Findings")
        .unwrap();
    for row in rows {
        add(&mut tally, [ALL, "fail", &row[0].text()], number(row[at]));
    }
    tally
}

/// A finding that a page lists.
pub struct Listed {
    /// The instance; none for the estate.
    pub instance: String,
    pub is_accepted: bool,
    pub severity: String,
    pub rule: String,
    pub about: String,
}

/// The findings that stand under a heading, rule by rule.
fn of_rule(section: &Element, instance: &str, is_accepted: bool) -> Vec<Listed> {
    let items = section.children().filter(|own| own.name == "ul");
    let items = items.flat_map(Element::children);
    let abouts = items.filter_map(|item| item.children().find(|own| own.has_class("about")));
    let rule = first(section, |own| own.has_class("id")).text();
    let listed = abouts.map(|about| Listed {
        instance: instance.to_owned(),
        is_accepted,
        severity: section.attribute("data-severity").unwrap().to_owned(),
        rule: rule.clone(),
        about: about.text(),
    });
    listed.collect()
}

fn article_name(article: &Element) -> String {
    first(article, |own| own.name == "bdi").text()
}

pub fn html_findings(files: &Files) -> Vec<Listed> {
    let page = page(files);
    let mut all = Vec::new();
    let sections = page.named("section").into_iter();
    let estate = sections.filter(|own| own.attribute("aria-labelledby") == Some("estate"));
    for rule in estate
        .flat_map(Element::children)
        .filter(|own| own.has_class("rule"))
    {
        all.extend(of_rule(rule, ESTATE, false));
    }
    for article in page.named("article") {
        let instance = article_name(article);
        let mut heading = String::new();
        for part in article.children() {
            if part.name == "h4" {
                heading = part.text();
            } else if part.has_class("rule") {
                all.extend(of_rule(part, &instance, heading == "Accepted findings"));
            }
        }
    }
    all
}

pub fn html_lists(files: &Files) -> Tally {
    let mut tally = Tally::new();
    for own in html_findings(files) {
        let outcome = if own.is_accepted { "accepted" } else { "fail" };
        add(&mut tally, [&own.instance, outcome, &own.severity], 1);
    }
    for article in page(files).named("article") {
        let instance = article_name(article);
        let folds = article.named("details").into_iter();
        let is_passed = |fold: &&Element| {
            let headings = fold.named("h4");
            headings
                .iter()
                .any(|heading| heading.text() == "Passed and not applicable")
        };
        for row in folds.filter(is_passed).flat_map(|fold| rows(fold).1) {
            let is_pass = !row[2].text().starts_with("not applicable: ");
            let outcome = if is_pass { "pass" } else { "not_applicable" };
            add(&mut tally, [&instance, outcome, ALL], 1);
        }
    }
    tally
}

/// Suites with the instance that each is of.
fn suites(root: &Element) -> Vec<(&str, &Element)> {
    let suites = root.named("testsuite").into_iter();
    let suites = suites.map(|suite| match suite.attribute("name").unwrap() {
        "the estate as a whole" => (ESTATE, suite),
        name => (name, suite),
    });
    suites.collect()
}

pub fn junit_cases(files: &Files) -> Tally {
    let root = read(files.text(JUNIT), Language::Xml).unwrap();
    let mut tally = Tally::new();
    for (instance, suite) in suites(&root) {
        for case in suite.named("testcase") {
            let result = case.children().next();
            let key = match result {
                None => ["pass", ALL],
                Some(own) if own.name == "failure" => ["fail", own.attribute("type").unwrap()],
                Some(own) => {
                    let message = own.attribute("message").unwrap();
                    let said = [
                        ("accepted by ", "accepted"),
                        ("not applicable: ", "not_applicable"),
                        ("", "unknown"),
                    ];
                    let outcome = said.iter().find(|(begins, _)| message.starts_with(begins));
                    [outcome.unwrap().1, ALL]
                }
            };
            add(&mut tally, [instance, key[0], key[1]], 1);
        }
    }
    tally
}

pub fn junit_suites(files: &Files) -> Tally {
    let root = read(files.text(JUNIT), Language::Xml).unwrap();
    let mut tally = Tally::new();
    for (instance, suite) in suites(&root) {
        let failures = suite.attribute("failures").unwrap().parse().unwrap();
        add(&mut tally, [instance, "fail", ALL], failures);
    }
    tally
}

#[test]
fn what_is_not_well_formed_is_an_error() {
    let xml = |body: &str| {
        let text = format!("<?xml version=\"1.0\" encoding=\"UTF-8\"?>\n{body}\n");
        read(&text, Language::Xml)
    };
    let root = xml("<a x=\"1 &lt; 2\"><b/>t&#x27;s<b>u</b></a>").unwrap();
    assert_eq!(root.attribute("x"), Some("1 < 2"));
    assert_eq!((root.text().as_str(), root.named("b").len()), ("t'su", 2));
    for bad in [
        "<a>",
        "</a>",
        "<a></b>",
        "<a/><b/>",
        "<a/>t",
        "<a x=1/>",
        "<a x/>",
        "<a x=\"<\"/>",
        "<a x=\"1\" x=\"2\"/>",
        "<a>&</a>",
        "<a>&lt</a>",
        "<a>&nothing;</a>",
        "<a>&#x1b;</a>",
        "<a>\u{1b}</a>",
        "<a><</a>",
        "<a",
    ] {
        assert!(xml(bad).is_err(), "{bad}");
    }
    let html = |body: &str| read(&format!("<!doctype html>\n<p>{body}</p>"), Language::Html);
    let root = html("a<br>b<script>1 < 2 && 3</script><b open>c</b>").unwrap();
    assert_eq!(root.text(), "ab1 < 2 && 3c");
    assert!(html("<b>").is_err() && html("<script>").is_err());
}
