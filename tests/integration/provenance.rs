//! Every row that anything in an assessment rests on leads to the query that showed it, as it was sent.

use std::collections::BTreeSet;

use serde_json::Value;

use crate::support::cli::Cli;

/// Seen on a connection, asked for by no query.
const WITHOUT_QUERY: &str = "server_tls";

type Asked = BTreeSet<(String, Option<String>)>;

/// Everything under a value that names a fact and its row: evidence, wherever it stands.
fn cited<'v>(value: &'v Value, found: &mut Vec<&'v Value>) {
    match value {
        Value::Object(fields) => {
            if fields.contains_key("fact") && fields.contains_key("row") {
                found.push(value);
            }
            fields.values().for_each(|field| cited(field, found));
        }
        Value::Array(items) => items.iter().for_each(|item| cited(item, found)),
        _ => {}
    }
}

fn key(of: &Value, name: &str) -> (String, Option<String>) {
    let database = of["database"].as_str().map(str::to_owned);
    (of[name].as_str().unwrap().to_owned(), database)
}

/// Of a fact of the instance that is asked in one database, a chain's row does not name it.
fn is_told(cited: &(String, Option<String>), told: &Asked) -> bool {
    let inside = |database: &str| {
        let database = Some(database.to_owned());
        cited.1.is_none() && told.contains(&(cited.0.clone(), database))
    };
    told.contains(cited) || inside("master") || inside("msdb") || cited.0 == WITHOUT_QUERY
}

#[test]
fn every_row_leads_to_its_query_and_no_other_query_is_told() {
    let demo = concat!(env!("CARGO_MANIFEST_DIR"), "/inventory/demo.toml");
    let ran = Cli::new(&["audit", demo, "-o", "out", "--format", "json"])
        .run()
        .code(3);
    let assessment = ran.assessment();
    let mut of_chains = Vec::new();
    cited(&assessment["fleet"]["paths"], &mut of_chains);
    assert!(!of_chains.is_empty(), "the demo has chains over instances");
    let mut rows = 0;
    for instance in assessment["instances"].as_array().unwrap() {
        let id = instance["id"].as_str().unwrap();
        let mut own = Vec::new();
        cited(instance, &mut own);
        own.extend(of_chains.iter().filter(|row| row["instance"] == id));
        rows += own.len();
        let own: Asked = own.into_iter().map(|row| key(row, "fact")).collect();
        let Some(queries) = instance["queries"].as_array() else {
            assert!(
                own.iter().all(|row| row.0 == WITHOUT_QUERY),
                "{id}: {own:?}"
            );
            continue;
        };
        let told: Asked = queries.iter().map(|query| key(query, "query")).collect();
        assert_eq!(told.len(), queries.len(), "{id}: each once");
        for row in &own {
            assert!(is_told(row, &told), "{id}: {row:?} leads nowhere");
        }
        let names: BTreeSet<&str> = own.iter().map(|row| row.0.as_str()).collect();
        for query in queries {
            assert!(
                names.contains(query["query"].as_str().unwrap()),
                "{id}: {query} is not cited"
            );
            assert_eq!(query["outcome"], "answered", "{id}: {query}");
            assert_eq!(query["sha256"].as_str().unwrap().len(), 64);
        }
        let reported = &instance["reported"];
        for known in [
            "server_name",
            "machine_name",
            "login",
            "auth_scheme",
            "started",
        ] {
            assert!(reported[known].is_string(), "{id}: {known}: {reported}");
        }
    }
    assert!(rows > 100, "{rows}");
}
