//! The collector script and its way back.

use mssql_posture::collect::offline::{Output, script};

use crate::support::instance::{Instance, sample};
use crate::support::tds_server::Options;

#[test]
fn offline_try() {
    let server = Instance::new(sample::recording(16)).start(Options::default());
    let out = server.messages(&script().text);
    server.assert_clean();
    println!("{}", out.len());
    for line in out.iter().take(3).chain(out.iter().rev().take(2)) {
        println!("{line}");
    }
    let got = Output::read(out.join("\r\n").as_bytes());
    println!("{:?}", got.as_ref().err());
    let c = got
        .unwrap()
        .into_collected(mssql_posture::ids::InstanceId::new("a"))
        .unwrap();
    println!("{:?}", c.snapshot.server.databases);
}
