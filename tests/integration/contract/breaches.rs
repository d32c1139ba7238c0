//! The checker tried on queries that break the contract, each in one way.

use mssql_posture::collect::{Query, Scope, Sight};

use crate::support::contract::{Catalog, check};

/// A query that keeps the contract, to be spoilt in one way at a time.
pub fn good() -> Query {
    Query {
        name: "objects",
        purpose: "test",
        scope: Scope::Database,
        versions: 11..=17,
        sight: Sight::DatabaseDefinition,
        permission: "VIEW DEFINITION in the database",
        views: "sys.objects",
        columns: "object_id, name, type, create_date",
        narrowing: "none",
        text: "SELECT 1 AS q_objects, object_id, CAST(name AS nvarchar(128)) AS name, \
               CAST(type AS nvarchar(2)) AS type, \
               CONVERT(nvarchar(30), create_date, 126) AS create_date FROM sys.objects",
    }
}

fn with_text(columns: &'static str, text: &'static str) -> Query {
    Query {
        columns,
        text,
        ..good()
    }
}

/// Server scope, over `sys.configurations`.
fn of_server(columns: &'static str, text: &'static str) -> Query {
    Query {
        scope: Scope::Server,
        sight: Sight::Public,
        permission: "none",
        views: "sys.configurations",
        columns,
        text,
        ..good()
    }
}

/// Session scope, over no view.
fn of_session(text: &'static str) -> Query {
    Query {
        scope: Scope::Session,
        sight: Sight::Public,
        permission: "none",
        views: "none",
        columns: "x",
        text,
        ..good()
    }
}

#[test]
fn the_queries_that_the_checker_is_tried_with_are_good_before_they_are_spoilt() {
    let joined = Query {
        views: "sys.objects, sys.schemas",
        sight: Sight::DatabaseDefinition,
        ..with_text(
            "object_id",
            "SELECT 1 AS q_objects, o.object_id FROM sys.objects AS o \
             JOIN sys.assembly_modules AS m ON m.object_id = o.object_id",
        )
    };
    let joined = Query {
        views: "sys.assembly_modules, sys.objects",
        ..joined
    };
    let counted = with_text(
        "rows",
        "SELECT 1 AS q_objects, COUNT(*) AS rows FROM sys.objects",
    );
    let narrowed = Query {
        narrowing: "type U only: a test",
        ..with_text(
            "object_id",
            "SELECT 1 AS q_objects, object_id FROM sys.objects WHERE type = 'U' AND schema_id <> 4",
        )
    };
    let server = of_server(
        "value",
        "SELECT 1 AS q_objects, CAST(value AS int) AS value FROM sys.configurations",
    );
    let session = of_session("SELECT 1 AS q_objects, CAST(@@SPID AS int) AS x");
    for query in [good(), joined, counted, narrowed, server, session] {
        assert_eq!(check(&query, Catalog::get()), Vec::<String>::new());
    }
}

/// Bad texts and headers, and what the checker must say of each.
fn bad_queries() -> Vec<(Query, &'static str)> {
    let groups = [
        other_statements,
        other_sources,
        other_names,
        other_casts,
        other_calls,
        missing_headers,
        other_sights,
    ];
    groups.iter().flat_map(|group| group()).collect()
}

/// Other statements, and clauses that narrow more than the contract allows.
fn other_statements() -> Vec<(Query, &'static str)> {
    let text = |text| with_text("object_id", text);
    vec![
        (
            text("EXEC xp_cmdshell 'whoami'"),
            "EXEC where SELECT, USE or SET is due",
        ),
        (
            text("SELECT 1 AS q_objects, object_id FROM sys.objects; DROP TABLE t"),
            "DROP where",
        ),
        (
            text("SELECT 1 AS q_objects, object_id FROM sys.objects; SELECT 1 AS a"),
            "is not one SELECT",
        ),
        (
            text("SELECT 1 AS q_objects, object_id FROM sys.objects;"),
            "is not one SELECT",
        ),
        (text("USE master"), "is not one SELECT"),
        (
            text("SELECT 1 AS q_objects, object_id FROM sys.objects -- all"),
            "a comment",
        ),
        (
            text("SELECT 1 AS q_objects, object_id FROM sys.objects /* x */"),
            "a comment",
        ),
        (
            text("SELECT 1 AS q_objects, object_id INTO t FROM sys.objects"),
            "INTO where",
        ),
        (
            text("SELECT TOP 1 object_id FROM sys.objects"),
            "Number(1) where ( is due",
        ),
        (
            text("SELECT DISTINCT object_id FROM sys.objects"),
            "DISTINCT where a name is due",
        ),
        (text("SELECT * FROM sys.objects"), "* where a name is due"),
        (
            text("SELECT 1 AS q_objects, object_id FROM sys.objects WHERE object_id = @p"),
            "a variable",
        ),
        (
            text("SELECT 1 AS q_objects, object_id FROM sys.objects WHERE object_id > 5"),
            "the character '>'",
        ),
        (
            text("SELECT 1 AS q_objects, object_id FROM sys.objects WHERE name LIKE 'a'"),
            "LIKE where",
        ),
        (
            text(
                "SELECT 1 AS q_objects, object_id FROM sys.objects WHERE type = 'P' OR type = 'X'",
            ),
            "OR where",
        ),
    ]
}

/// Other sources and expressions.
fn other_sources() -> Vec<(Query, &'static str)> {
    let text = |text| with_text("object_id", text);
    vec![
        (
            text("SELECT 1 AS q_objects, object_id FROM sys.objects ORDER BY 1"),
            "ORDER where",
        ),
        (
            text("SELECT 1 AS q_objects, object_id FROM sys.objects UNION SELECT 1, 2"),
            "UNION where",
        ),
        (
            text("SELECT 1 AS q_objects, object_id FROM msdb.sys.objects"),
            ". where a semicolon is due",
        ),
        (
            text("SELECT 1 AS q_objects, object_id FROM (SELECT 1) AS t"),
            "( where a name is due",
        ),
        (
            text("SELECT 1 AS q_objects, object_id FROM OPENROWSET('a', 'b', 'c')"),
            "OPENROWSET where",
        ),
        (
            text("SELECT 1 AS q_objects, object_id FROM sys.objects CROSS JOIN sys.schemas"),
            "CROSS where",
        ),
        (
            text(
                "SELECT 1 AS q_objects, CASE WHEN type = 'P' THEN 1 END AS object_id FROM sys.objects",
            ),
            "CASE where a name is due",
        ),
        (
            text("SELECT 1 AS q_objects, object_id + 1 AS object_id FROM sys.objects"),
            "the character '+'",
        ),
        (
            text("SELECT 1 AS q_objects, MAX(object_id) AS object_id FROM sys.objects"),
            "'MAX' is not a recognized built-in function name.",
        ),
        (
            with_text(
                "object_id, n",
                "SELECT 1 AS q_objects, object_id, COUNT(*) AS n FROM sys.objects",
            ),
            "counts rows beside columns",
        ),
    ]
}

/// Names: of the tag, of columns, of views.
fn other_names() -> Vec<(Query, &'static str)> {
    let text = |text| with_text("object_id", text);
    vec![
        (
            text("SELECT 1 AS q_object, object_id FROM sys.objects"),
            "not a number named q_objects",
        ),
        (
            text("SELECT object_id, 1 AS q_objects FROM sys.objects"),
            "not a number named q_objects",
        ),
        (
            text("SELECT 1 AS q_objects, object_id AS id FROM sys.objects"),
            "returns columns id, its header says object_id",
        ),
        (
            text("SELECT 1 AS q_objects, OBJECT_ID FROM sys.objects"),
            "Invalid column name 'OBJECT_ID'.",
        ),
        (
            text("SELECT 1 AS q_objects, object_id FROM sys.Objects"),
            "Invalid object name 'sys.Objects'.",
        ),
        (
            text("SELECT 1 AS q_objects, objectid AS object_id FROM sys.objects"),
            "Invalid column name 'objectid'.",
        ),
        (
            text("SELECT 1 AS q_objects, x.object_id FROM sys.objects AS o"),
            "\"x.object_id\" could not be bound",
        ),
    ]
}

/// Casts that are missing or lose something.
fn other_casts() -> Vec<(Query, &'static str)> {
    vec![
        (
            with_text("type", "SELECT 1 AS q_objects, type FROM sys.objects"),
            "type is of type Char(2) and not CAST to nvarchar",
        ),
        (
            with_text(
                "type",
                "SELECT 1 AS q_objects, CAST(type AS varchar(2)) AS type FROM sys.objects",
            ),
            "not CAST to nvarchar",
        ),
        (
            with_text(
                "name",
                "SELECT 1 AS q_objects, CAST(name AS nvarchar(64)) AS name FROM sys.objects",
            ),
            "cuts off",
        ),
        (
            with_text(
                "create_date",
                "SELECT 1 AS q_objects, create_date FROM sys.objects",
            ),
            "column create_date has the type DateTime",
        ),
        (
            with_text(
                "create_date",
                "SELECT 1 AS q_objects, CONVERT(nvarchar(30), create_date) AS create_date FROM sys.objects",
            ),
            "is not ISO 8601",
        ),
        (
            with_text(
                "object_id",
                "SELECT 1 AS q_objects, CAST(object_id AS smallint) AS object_id FROM sys.objects",
            ),
            "overflows",
        ),
        (
            with_text(
                "object_id",
                "SELECT 1 AS q_objects, CAST(object_id AS nvarchar(9)) AS object_id FROM sys.objects",
            ),
            "changes the kind of value",
        ),
    ]
}

/// Functions, and what they are asked.
fn other_calls() -> Vec<(Query, &'static str)> {
    vec![
        (
            of_server(
                "value",
                "SELECT 1 AS q_objects, value FROM sys.configurations",
            ),
            "value is a sql_variant and not CAST to its base type",
        ),
        (
            of_session("SELECT 1 AS q_objects, SERVERPROPERTY(N'Edition') AS x"),
            "SERVERPROPERTY is a sql_variant and not CAST",
        ),
        (
            of_session(
                "SELECT 1 AS q_objects, CAST(SERVERPROPERTY(N'Editon') AS nvarchar(128)) AS x",
            ),
            "SERVERPROPERTY is not asked for something the catalog knows",
        ),
        (
            of_session("SELECT 1 AS q_objects, CAST(SERVERPROPERTY(N'EditionID') AS int) AS x"),
            "overflows",
        ),
        (
            of_session(
                "SELECT 1 AS q_objects, HAS_PERMS_BY_NAME(NULL, NULL, N'VIEW ANY DEFINITON') AS x",
            ),
            "HAS_PERMS_BY_NAME is not asked",
        ),
        (
            of_session(
                "SELECT 1 AS q_objects, HAS_PERMS_BY_NAME(N'msdb', N'DATABASE', N'CONTROL') AS x",
            ),
            "HAS_PERMS_BY_NAME is not asked",
        ),
        (
            of_session("SELECT 1 AS q_objects, XP_REGREAD(1) AS x"),
            "'XP_REGREAD' is not a recognized",
        ),
        (
            of_session("SELECT 1 AS q_objects, DATALENGTH() AS x"),
            "requires 1 to 1 arguments",
        ),
    ]
}

/// Headers that lack something or say something else.
fn missing_headers() -> Vec<(Query, &'static str)> {
    vec![
        (
            Query {
                purpose: " ",
                ..good()
            },
            "has no purpose",
        ),
        (
            Query {
                columns: "object_id, name",
                ..good()
            },
            "its header says object_id, name",
        ),
        (
            Query {
                views: "sys.schemas",
                ..good()
            },
            "its header says sys.schemas",
        ),
        (
            Query {
                views: "none",
                ..good()
            },
            "its header says none",
        ),
        (
            Query {
                versions: 10..=17,
                ..good()
            },
            "claims versions",
        ),
        (
            Query {
                versions: 18..=99,
                ..good()
            },
            "claims versions",
        ),
    ]
}

/// Scopes, rights and versions that are not those of the view.
fn other_sights() -> Vec<(Query, &'static str)> {
    vec![
        (
            Query {
                scope: Scope::Server,
                ..good()
            },
            "sys.objects is of Database scope",
        ),
        (
            Query {
                scope: Scope::Session,
                ..good()
            },
            "the query of Session scope",
        ),
        (
            Query {
                sight: Sight::Public,
                permission: "none",
                ..good()
            },
            "all rows of sys.objects need VIEW DEFINITION",
        ),
        (
            Query {
                sight: Sight::DatabaseSecurityDefinition,
                ..good()
            },
            "its sight DatabaseSecurityDefinition",
        ),
        (
            Query {
                permission: "none",
                ..good()
            },
            "does not say VIEW DEFINITION",
        ),
        (
            Query {
                narrowing: "type P only",
                ..good()
            },
            "has no WHERE",
        ),
        (
            with_text(
                "object_id",
                "SELECT 1 AS q_objects, object_id FROM sys.objects WHERE type = 'P'",
            ),
            "has a WHERE, TOP or argument that its header does not declare",
        ),
        (
            Query {
                views: "sys.assembly_files",
                columns: "sha2_512",
                text: "SELECT 1 AS q_objects, sha2_512 FROM sys.assembly_files",
                ..good()
            },
            "version 11: Invalid column name 'sha2_512'.",
        ),
        (
            Query {
                scope: Scope::Server,
                sight: Sight::Public,
                permission: "none",
                views: "sys.dm_os_host_info",
                columns: "release",
                versions: 13..=17,
                text: "SELECT 1 AS q_objects, CAST(host_release AS nvarchar(256)) AS release FROM sys.dm_os_host_info",
                ..good()
            },
            "version 13: Invalid object name 'sys.dm_os_host_info'.",
        ),
        (
            Query {
                sight: Sight::DatabaseDefinition,
                ..of_session("SELECT 1 AS q_objects, CAST(@@SPID AS int) AS x")
            },
            "asks for a permission and reads no view",
        ),
    ]
}

#[test]
fn the_checker_sees_every_breach() {
    for (query, due) in bad_queries() {
        let breaches = check(&query, Catalog::get());
        assert!(
            breaches.iter().any(|breach| breach.contains(due)),
            "{:?}\nshould have been called: {due}\nwas called: {breaches:#?}",
            query.text
        );
    }
}
