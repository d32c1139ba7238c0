//! The same for what only queries of `changes` may say.

use mssql_posture::collect::{Query, Scope, Sight};

use super::breaches::good;
use crate::support::contract::{Catalog, check};

/// A query of `changes` over a trace, with these items and this end.
fn of_trace(columns: &'static str, text: &'static str) -> Query {
    Query {
        name: "trace",
        scope: Scope::Events,
        sight: Sight::AlterTrace,
        permission: "ALTER TRACE",
        views: "sys.fn_trace_gettable",
        columns,
        narrowing: "one file",
        text,
        ..good()
    }
}

/// Columns that nothing may return, names of another case, and a bound that the header does not declare.
fn of_columns() -> Vec<(Query, &'static str)> {
    let undeclared = Query {
        narrowing: "none",
        ..of_trace(
            "SPID",
            "SELECT TOP (5) 1 AS q_trace, SPID FROM sys.fn_trace_gettable(N'a', DEFAULT)",
        )
    };
    vec![
        (undeclared, "does not declare"),
        (
            of_trace(
                "TextData",
                "SELECT 1 AS q_trace, TextData FROM sys.fn_trace_gettable(N'a', DEFAULT)",
            ),
            "has the type NText",
        ),
        (
            of_trace(
                "LoginSid",
                "SELECT 1 AS q_trace, LoginSid FROM sys.fn_trace_gettable(N'a', DEFAULT)",
            ),
            "has the type Unknown",
        ),
        (
            of_trace(
                "spid",
                "SELECT 1 AS q_trace, spid FROM sys.fn_trace_gettable(N'a', DEFAULT)",
            ),
            "Invalid column name 'spid'",
        ),
    ]
}

/// Calls with other arguments than a function has, or computed ones, and comparisons that could mean another time.
fn of_calls() -> Vec<(Query, &'static str)> {
    vec![
        (
            of_trace(
                "SPID",
                "SELECT 1 AS q_trace, SPID FROM sys.fn_trace_gettable",
            ),
            "Parameters were not supplied",
        ),
        (
            of_trace(
                "SPID",
                "SELECT 1 AS q_trace, SPID FROM sys.fn_trace_gettable(N'a')",
            ),
            "insufficient number of arguments",
        ),
        (
            of_trace(
                "SPID",
                "SELECT 1 AS q_trace, SPID FROM sys.fn_trace_gettable(N'a', DEFAULT, DEFAULT)",
            ),
            "too many arguments",
        ),
        (
            of_trace(
                "SPID",
                "SELECT 1 AS q_trace, SPID FROM sys.fn_trace_gettable(DB_NAME(), DEFAULT)",
            ),
            "where a text or DEFAULT is due",
        ),
        (
            of_trace(
                "SPID",
                "SELECT 1 AS q_trace, SPID FROM sys.fn_trace_gettable(N'a', DEFAULT) WHERE StartTime >= N'01/09/2026'",
            ),
            "by order",
        ),
        (
            of_trace(
                "SPID",
                "SELECT 1 AS q_trace, SPID FROM sys.fn_trace_gettable(N'a', DEFAULT) WHERE SPID < 50",
            ),
            "by order",
        ),
        (
            of_trace(
                "SPID",
                "SELECT TOP ($(most)) 1 AS q_trace, SPID FROM sys.fn_trace_gettable(N'a', DEFAULT)",
            ),
            "does not parse",
        ),
    ]
}

#[test]
fn the_checker_sees_every_breach_of_a_query_of_changes() {
    let fine = of_trace(
        "x",
        "SELECT TOP (5) 1 AS q_trace, CAST(TextData AS nvarchar(max)) AS x \
         FROM sys.fn_trace_gettable(N'C:\\log.trc', DEFAULT) WHERE StartTime >= N'2026-09-01T00:00:00'",
    );
    assert_eq!(check(&fine, Catalog::get()), Vec::<String>::new());
    for (query, due) in of_columns().into_iter().chain(of_calls()) {
        let breaches = check(&query, Catalog::get());
        let found = breaches.iter().any(|breach| breach.contains(due));
        assert!(
            found,
            "{}\nshould have been called: {due}\nwas called: {breaches:#?}",
            query.text
        );
    }
}
