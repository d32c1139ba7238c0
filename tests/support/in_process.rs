//! The collector without the program around it: one target, on loopback, with limits of the test's choice.

use std::sync::Arc;
use std::sync::atomic::AtomicBool;
use std::time::Duration;

use mssql_posture::collect::{
    Collected, Credential, CredentialGate, Progress, TargetPlan, TlsPlan, collect,
};
use mssql_posture::ids::InstanceId;
use mssql_posture::inventory::Endpoint;
use mssql_posture::snapshot::{Encryption, Outcome};

use super::instance::{PASSWORD, RunningInstance, USER};

struct Silent;

impl Progress for Silent {
    fn step(&self, _: &InstanceId, _: &str) {}
    fn finished(&self, _: &InstanceId, _: &Outcome) {}
}

/// The plan of one target, as the inventory's defaults make it but for retries.
pub fn plan(server: &RunningInstance) -> TargetPlan {
    let credential = Credential::Sql {
        user: USER.to_owned(),
        password: PASSWORD.into(),
    };
    let databases = server.recording().snapshot.databases.iter();
    let excluded = databases
        .filter(|d| d.excluded)
        .map(|d| d.name.to_string())
        .collect();
    let second = Duration::from_secs(1);
    TargetPlan {
        id: InstanceId::new("sample"),
        endpoint: Endpoint::Port("localhost".to_owned(), server.port()),
        credential: Arc::new(CredentialGate::new(credential, false)),
        tls: TlsPlan {
            mode: Encryption::Required,
            ca_pem: Some(server.ca_pem().into()),
            trust_server_certificate: false,
            hostname_in_certificate: None,
        },
        connect_limit: 5 * second,
        login_limit: 10 * second,
        query_limit: 10 * second,
        target_limit: 60 * second,
        retries: 0,
        sessions: 2,
        read_only_intent: true,
        listener: false,
        skip_auto_close: false,
        exclude_databases: excluded,
        known_hosts: Arc::default(),
        scratch: mssql_posture::collect::in_memory(),
    }
}

/// What comes of the plan.
pub fn collected(plan: TargetPlan) -> Collected {
    let mut all = Vec::new();
    let keep = |done: Collected| -> Result<(), String> {
        all.push(done);
        Ok(())
    };
    let stop = AtomicBool::new(false);
    collect(vec![plan], 1, Arc::new(Silent), &stop, keep).unwrap();
    assert_eq!(all.len(), 1);
    all.remove(0)
}
