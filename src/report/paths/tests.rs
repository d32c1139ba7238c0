#![allow(clippy::unwrap_used)]

use std::collections::BTreeSet;

use serde_json::Value;

use super::chains::{chains, citation};
use super::{sample, sid_text};
use crate::report::visible;

#[test]
fn at_80_columns() {
    insta::assert_snapshot!(sample::report().table(80, 3));
}

#[test]
fn at_200_columns() {
    insta::assert_snapshot!(sample::report().table(200, usize::MAX));
}

#[test]
fn goals_as_a_table() {
    insta::assert_snapshot!(sample::goals().table(100, 1));
}

#[test]
fn as_a_tree() {
    insta::assert_snapshot!(sample::report().tree());
}

#[test]
fn as_dot() {
    insta::assert_snapshot!(sample::report().dot());
}

#[test]
fn as_opengraph() {
    insta::assert_snapshot!(sample::report().opengraph().unwrap());
}

#[test]
fn ways_that_share_a_chain_are_one_line_with_the_widest_first() {
    let report = sample::report();
    let chains = chains(&report);
    let app: Vec<_> = chains
        .iter()
        .filter(|chain| chain.principal.name == "app")
        .collect();
    assert_eq!(app.len(), 1);
    assert_eq!(app[0].leads, ["xp_cmdshell", "OLE automation procedures"]);
    let states: Vec<_> = chains
        .iter()
        .map(|c| (c.state.as_str(), c.steps()))
        .collect();
    assert_eq!(
        states,
        [("open", 2), ("open", 6), ("armable", 2), ("waiting", 3)]
    );
}

#[test]
fn a_fact_is_cited_once_with_its_query() {
    let report = sample::report();
    let steps = &report.instances[0].routes[0].paths[0].steps;
    assert_eq!(
        citation(&steps[0]),
        "[queries/database_principals, queries/database_permissions in Shop]"
    );
    assert_eq!(citation(&steps[2]), "");
    assert_eq!(citation(&steps[3]), "[queries/databases]");
}

#[test]
fn lines_fit_and_hold_nothing_that_a_terminal_obeys() {
    let report = sample::report();
    for width in [80, 100, 200] {
        for line in report.table(width, usize::MAX).lines() {
            assert!(
                line.chars().count() <= usize::from(width),
                "{width}: {line}"
            );
        }
    }
    for text in [
        report.table(80, 9),
        report.tree(),
        report.dot(),
        report.json().unwrap(),
        report.opengraph().unwrap(),
    ] {
        for line in text.lines() {
            assert_eq!(visible(line), line);
        }
    }
}

#[test]
fn instances_stand_before_places_where_a_chain_leads_over_several() {
    let text = sample::report().table(200, usize::MAX);
    assert!(text.contains("dev-01: every login goes over a linked server as sa"));
    assert!(text.contains("[queries/linked_logins of dev-01]"));
    assert!(text.contains("shop-01: sa may run xp_cmdshell"));
}

#[test]
fn opengraph_is_flat_and_whole() {
    let graph: Value = serde_json::from_str(&sample::report().opengraph().unwrap()).unwrap();
    let nodes = graph["graph"]["nodes"].as_array().unwrap();
    let ids: BTreeSet<&str> = nodes.iter().map(|n| n["id"].as_str().unwrap()).collect();
    assert_eq!(ids.len(), nodes.len());
    let edges = graph["graph"]["edges"].as_array().unwrap();
    for edge in edges {
        for end in ["start", "end"] {
            assert!(ids.contains(edge[end]["value"].as_str().unwrap()), "{edge}");
        }
    }
    for thing in nodes.iter().chain(edges) {
        for (name, value) in thing["properties"].as_object().unwrap() {
            let is_flat = value.is_string() || value.is_boolean() || value.is_number();
            assert!(is_flat, "{name}: {value}");
        }
    }
    let has = |kind: &str, start: &str, end: &str| {
        edges.iter().any(|edge| {
            edge["kind"] == kind && edge["start"]["value"] == start && edge["end"]["value"] == end
        })
    };
    let server = "S-1-5-21-1-2-3-1109:1433";
    let database = format!("{server}\\Shop");
    assert!(has(
        "MSSQL_IsMappedTo",
        &format!("app@{server}"),
        &format!("app@{database}")
    ));
    assert!(has(
        "MSSQL_ControlDB",
        &format!("db_owner@{database}"),
        &database
    ));
    assert!(has("MSSQL_ExecuteAsOwner", &database, server));
    assert!(has("MSSQL_LinkedTo", "dev01:DEV", server));
}

#[test]
fn every_place_has_a_node_of_a_known_kind() {
    let text = sample::report().opengraph().unwrap();
    assert!(!text.contains("MSSQLPosture_Place"));
}

#[test]
fn what_was_not_seen_makes_it_incomplete() {
    let mut report = sample::report();
    assert!(report.is_incomplete());
    report
        .instances
        .retain(|i| i.gaps.is_empty() && i.not_reached.is_none());
    assert!(!report.is_incomplete(), "an alias of what is there");
    report.instances.retain(|i| i.id.as_str() != "shop-01");
    assert!(report.is_incomplete(), "an alias of what is not");
}

#[test]
fn a_sid_of_a_domain_is_written_as_windows_does() {
    let sid = "0x0105000000000005150000009A44513294071CE1C3D7B37154040000";
    assert_eq!(
        sid_text(sid).unwrap(),
        "S-1-5-21-844186778-3776710548-1907611587-1108"
    );
    for other in [
        "0x01",
        "0x",
        "",
        "0x01020000000000052000000020020000",
        "nonsense",
        "0xé",
    ] {
        assert_eq!(sid_text(other), None, "{other}");
    }
}
