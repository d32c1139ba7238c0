//! The paths that all renderers are tested on: two chains that share their beginning, one that is armed first, one that
//! waits, one over two instances, and names as an attacker would choose them.

#![allow(clippy::unwrap_used)]

use serde_json::{Value, json};

use super::{InstancePaths, PathsGap, PathsReport, Server};
use crate::graph::{Goal, Route};
use crate::ids::{DatabaseName, InstanceId};

/// A login's name with everything that breaks out of a quotation, a line or a label.
pub const HOSTILE: &str = "a\"b\\N<i>&amp;\n\u{202e}{|}";

fn place(kind: &str, database: Option<&str>, name: &str) -> Value {
    let mut place = json!({"kind": kind, "name": name});
    if let Some(database) = database {
        place["database"] = json!(database);
    }
    place
}

fn fact(name: &str, database: Option<&str>) -> Value {
    let mut fact = json!({"fact": name, "row": {"id": 1}});
    if let Some(database) = database {
        fact["database"] = json!(database);
    }
    fact
}

fn step(kind: &str, ends: (&Value, &Value), sentence: &str, evidence: &[Value]) -> Value {
    json!({
        "kind": kind, "from": ends.0, "to": ends.1, "sentence": sentence,
        "waits": kind == "ddl_trigger", "evidence": evidence,
    })
}

fn route(channel: &str, state: &str, paths: &Value, others: u32) -> Route {
    let route = json!({
        "channel": channel, "state": state, "why": format!("{channel} is as it is"), "source": "docs",
        "runs_as": {"account": "CORP\\svc", "power": "domain"},
        "reached_by": {
            "administrators": 2, "open": others, "armable": 0, "waiting": 0, "everyone": false,
            "groups_of_unknown_size": ["CORP\\Everybody, or so"],
        },
        "evidence": [], "paths": paths,
    });
    serde_json::from_value(route).unwrap()
}

/// The chain of a db_owner in a TRUSTWORTHY database.
fn over_trustworthy() -> Vec<Value> {
    let (login, user) = (
        place("login", None, "app"),
        place("user", Some("Shop"), "app"),
    );
    let role = place("database_role", Some("Shop"), "db_owner");
    let (dbo, sa) = (
        place("dbo", Some("Shop"), "dbo"),
        place("login", None, "sa"),
    );
    let sysadmin = place("sysadmin", None, "sysadmin");
    vec![
        step(
            "mapped_user",
            (&login, &user),
            "app enters as user app of Shop",
            &[
                fact("database_principals", Some("Shop")),
                fact("database_permissions", Some("Shop")),
            ],
        ),
        step(
            "member",
            (&user, &role),
            "user app of Shop is a member of role db_owner of Shop",
            &[fact("database_role_members", Some("Shop"))],
        ),
        step(
            "control_database",
            (&role, &dbo),
            "role db_owner of Shop acts as dbo of Shop",
            &[],
        ),
        step(
            "trusted_owner",
            (&dbo, &sa),
            "dbo of Shop keeps the rights of the owner's login sa",
            &[fact("databases", None), fact("databases", None)],
        ),
        step(
            "member",
            (&sa, &sysadmin),
            "sa is a member of sysadmin",
            &[fact("server_principals", None)],
        ),
    ]
}

fn path(who: &Value, state: &str, steps: Vec<Value>, last: &str) -> Value {
    let sysadmin = place("sysadmin", None, "sysadmin");
    let command = place("command", None, last);
    let mut steps = steps;
    let sentence = format!("sysadmin may run {last}");
    steps.push(step(
        "administrator",
        (&sysadmin, &command),
        &sentence,
        &[fact("configurations", None)],
    ));
    json!({"principal": who, "state": state, "steps": steps})
}

fn armed() -> Value {
    let who = place("login", None, HOSTILE);
    let (settings, command) = (
        place("settings", None, "sp_configure"),
        place("command", None, "ole_automation"),
    );
    let named = crate::ids::named(HOSTILE);
    let runs = step(
        "execute_procedure",
        (&who, &command),
        &format!("{named} holds EXECUTE on master.sys.sp_OACreate"),
        &[fact("database_permissions", Some("master"))],
    );
    let arms = step(
        "alter_settings",
        (&who, &settings),
        &format!("{named} holds ALTER SETTINGS and sets options by sp_configure"),
        &[fact("server_permissions", None)],
    );
    json!({"principal": who, "state": "armable", "steps": [runs], "arming": [arms]})
}

fn waiting() -> Vec<Value> {
    let dbo = place("dbo", Some("Shop"), "dbo");
    let sysadmin = place("sysadmin", None, "sysadmin");
    vec![
        step(
            "database_owner",
            (&place("login", None, "owner"), &dbo),
            "owner owns the database and is dbo of Shop",
            &[fact("databases", None)],
        ),
        step(
            "ddl_trigger",
            (&dbo, &sysadmin),
            "dbo of Shop plants a DDL trigger, and waits",
            &[],
        ),
    ]
}

fn instance(id: &str, object_id: &str) -> InstancePaths {
    let mut instance = InstancePaths::missing(InstanceId::new(id), String::new());
    instance.not_reached = None;
    instance.server = Server {
        object_id: object_id.to_owned(),
        name: Some(id.to_uppercase()),
    };
    instance
}

fn shop() -> InstancePaths {
    let app = place("login", None, "app");
    let owner = place("login", None, "owner");
    let mut shop = instance("shop-01", "S-1-5-21-1-2-3-1109:1433");
    shop.routes = vec![
        route(
            "xp_cmdshell",
            "open",
            &json!([
                path(&app, "open", over_trustworthy(), "xp_cmdshell"),
                path(&owner, "waiting", waiting(), "xp_cmdshell"),
            ]),
            2,
        ),
        route(
            "ole_automation",
            "armable",
            &json!([
                armed(),
                path(&app, "armable", over_trustworthy(), "ole_automation")
            ]),
            2,
        ),
        route("clr", "closed", &json!([]), 0),
    ];
    shop
}

/// A chain that begins on one instance and ends on another, as an estate's search tells it.
fn hop() -> InstancePaths {
    let on = |mut place: Value, instance: &str| {
        place["instance"] = json!(instance);
        place
    };
    let public = on(place("server_role", None, "public"), "dev-01");
    let sa = on(place("login", None, "sa"), "shop-01");
    let command = on(place("command", None, "xp_cmdshell"), "shop-01");
    let steps = [
        step(
            "linked_login",
            (&public, &sa),
            "every login goes over a linked server as sa",
            &[json!({"instance": "dev-01", "fact": "linked_logins", "row": {}})],
        ),
        step(
            "administrator",
            (&sa, &command),
            "sa may run xp_cmdshell",
            &[],
        ),
    ];
    let path = json!({"principal": public, "state": "open", "steps": steps});
    let mut dev = instance("dev-01", "dev01:DEV");
    dev.routes = vec![route("linked_hop", "open", &json!([path]), 1)];
    dev
}

/// All of it.
pub fn report() -> PathsReport {
    let mut blind = instance("half-seen", "half:1433");
    let gap = |fact: &str, database: Option<&str>| PathsGap {
        fact: fact.to_owned(),
        database: database.map(DatabaseName::new),
        state: "partial".to_owned(),
        needs: vec!["VIEW ANY DEFINITION".to_owned()],
    };
    blind.gaps = vec![gap("server_principals", None), gap("modules", Some("A B"))];
    let mut alias = instance("alias", "alias:1433");
    alias.same_as = Some(InstanceId::new("shop-01"));
    let gone = InstancePaths::missing(InstanceId::new("gone"), "refused".to_owned());
    PathsReport::new(vec![shop(), hop(), blind, alias, gone])
}

/// The same chains, asked for by where they lead.
pub fn goals() -> PathsReport {
    let path = json!({
        "principal": place("login", None, "app"), "state": "open", "steps": over_trustworthy(),
    });
    let goal = json!({
        "to": place("sysadmin", None, "sysadmin"),
        "reached_by": {
            "administrators": 1, "open": 1, "armable": 0, "waiting": 0, "everyone": true,
            "groups_of_unknown_size": [],
        },
        "paths": [path],
    });
    let mut shop = instance("shop-01", "shop01:1433");
    shop.goals = vec![serde_json::from_value::<Goal>(goal).unwrap()];
    PathsReport::new(vec![shop])
}

/// Routes of one instance, for the other reports' sample.
pub fn routes() -> Vec<Route> {
    shop().routes
}
