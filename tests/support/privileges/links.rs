//! Lines about linked servers.

use serde_json::json;

use super::builder::{Builder, push};
use super::line::Line;

impl Builder {
    /// Reads such a line; `false` if it is none.
    pub fn read_link(&mut self, line: &mut Line<'_>) -> bool {
        if line.take("link login") {
            self.read_link_login(line);
        } else if line.take("link") {
            let name = line.name();
            line.expect("to");
            let source = (!line.take("nothing")).then(|| line.name());
            let provider = if line.take("provider") {
                line.name()
            } else {
                "MSOLEDBSQL".to_owned()
            };
            let id = self.next_id();
            let row = json!({"server_id": id, "name": name, "product": "", "provider": provider,
                "data_source": source, "is_linked": true, "is_remote_login_enabled": false,
                "is_rpc_out_enabled": line.take("rpc"), "is_data_access_enabled": line.take("data"),
                "is_system": false});
            push(&mut self.snapshot.server.linked_servers, row);
        } else {
            return false;
        }
        true
    }

    fn read_link_login(&mut self, line: &mut Line<'_>) {
        let name = line.name();
        let mut links = self.snapshot.server.linked_servers.seen().iter();
        let found = links.find(|row| row.name == name);
        let server = found.unwrap_or_else(|| line.fail("no such link")).server_id;
        let local = if line.take("default") {
            0
        } else {
            self.login(&line.name()).0
        };
        let remote = if line.take("self") {
            None
        } else {
            line.expect("as");
            Some(line.name())
        };
        let row = json!({"server_id": server, "local_principal_id": local,
            "uses_self_credential": remote.is_none(), "remote_name": remote});
        push(&mut self.snapshot.server.linked_logins, row);
    }
}
