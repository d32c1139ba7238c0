//! Snapshots for the unit tests of this room.

#![allow(clippy::unwrap_used)]

use serde::de::DeserializeOwned;
use serde_json::{Value, json};

use crate::ids::InstanceId;
use crate::snapshot::{Connection, Encryption, Observed, Outcome, Snapshot};

/// An instance of which nothing but its identity and its host was seen.
pub fn snapshot(product: &str, edition: i32, host: Option<&str>) -> Snapshot {
    let connection = connection();
    let target = InstanceId::new("sample");
    let mut snapshot = Snapshot::unseen(target, Outcome::Finished, connection, "");
    snapshot.server.server_identity = known(json!({
        "product_version": product, "engine_edition": edition, "machine_name": "SQL01",
    }));
    if let Some(platform) = host {
        snapshot.server.host = known(json!({"platform": platform}));
    }
    snapshot
}

fn connection() -> Connection {
    Connection {
        endpoint: "sql01,1433".to_owned(),
        encryption: Encryption::Required,
        trust_server_certificate: false,
        authentication: "sql".to_owned(),
        user: None,
    }
}

/// A fact from the JSON of its row or rows.
pub fn known<T: DeserializeOwned>(value: Value) -> Observed<T> {
    Observed::Known {
        value: serde_json::from_value(value).unwrap(),
    }
}

fn add<T: DeserializeOwned>(list: &mut Observed<Vec<T>>, row: Value) {
    let row = serde_json::from_value(row).unwrap();
    match list {
        Observed::Known { value } | Observed::Partial { value, .. } => value.push(row),
        unseen => *unseen = Observed::Known { value: vec![row] },
    }
}

/// One more database.
pub fn add_database(snapshot: &mut Snapshot, name: &str) {
    let row = json!({"database_id": 5, "name": name});
    add(&mut snapshot.server.databases, row);
}

/// One more option, configured and running.
pub fn add_option(snapshot: &mut Snapshot, name: &str, value: i32) {
    let row = json!({
        "configuration_id": 1, "name": name, "value": value, "value_in_use": value,
        "is_dynamic": true, "is_advanced": true,
    });
    add(&mut snapshot.server.configurations, row);
}

/// One more SQL login.
pub fn add_login(snapshot: &mut Snapshot, name: &str, sid: &str) {
    let row = json!({"principal_id": 1, "name": name, "sid": sid, "type": "S"});
    add(&mut snapshot.server.server_principals, row);
}

/// One more service, with its executable where one is given.
pub fn add_service(snapshot: &mut Snapshot, name: &str, account: &str, file: Option<&str>) {
    let row = json!({"servicename": name, "service_account": account, "filename": file});
    add(&mut snapshot.server.services, row);
}

/// One more credential.
pub fn add_credential(snapshot: &mut Snapshot, id: i32, name: &str, identity: &str) {
    let row = json!({"credential_id": id, "name": name, "credential_identity": identity});
    add(&mut snapshot.server.credentials, row);
}

/// One more Agent proxy.
pub fn add_proxy(snapshot: &mut Snapshot, id: i32, credential_id: i32) {
    let row =
        json!({"proxy_id": id, "name": "proxy", "credential_id": credential_id, "enabled": 1});
    add(&mut snapshot.server.proxies, row);
}
