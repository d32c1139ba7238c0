//! Lines about one database.

use serde_json::json;

use super::builder::{Builder, push};
use super::line::Line;

impl Builder {
    /// Reads a line about the database of the scope; `false` if it is none.
    pub fn read_in_database(&mut self, line: &mut Line<'_>) -> bool {
        if line.take("user") {
            self.read_user(line);
        } else if line.take("role") {
            self.read_role(line);
        } else if line.take("app role") {
            let (id, name) = (self.next_id(), line.name());
            let sid = format!("0x0105{:052x}", 0x0a00_0000 + id);
            self.database_principal(id, &name, "A", Some(&sid), 0);
        } else if line.take("member") {
            self.read_member(line);
        } else if line.take("grant") {
            self.read_permission("G", line);
        } else if line.take("deny") {
            self.read_permission("D", line);
        } else if line.take("schema") {
            let (id, name) = (self.next_id(), line.name());
            let owner = self.read_owner(line).unwrap_or(1);
            self.add_schema(id, &name, owner);
        } else {
            return self.read_module(line) || self.read_external(line);
        }
        true
    }

    fn read_user(&mut self, line: &mut Line<'_>) {
        let name = line.name();
        let id = self.next_id();
        let own = format!("0x0105{:052x}", 0x0900_0000 + id);
        if line.take("without login") {
            self.database_principal(id, &name, "S", Some(&own), 0);
        } else if line.take("orphan") {
            let gone = format!("0x{:032x}", 0x7000_0000 + id);
            self.database_principal(id, &name, "S", Some(&gone), 1);
        } else if line.take("windows") {
            let kind = if line.take("group") { "G" } else { "U" };
            let sid = format!("0x0105{:052x}", 0x3000_0000 + id);
            self.database_principal(id, &name, kind, Some(&sid), 3);
        } else if line.take("contained") {
            self.database_principal(id, &name, "S", Some(&own), 2);
        } else {
            let login = if line.take("for") {
                line.name()
            } else {
                name.clone()
            };
            if self.has_login(&login) {
                let (kind, sid) = (self.kind(&login), self.login(&login).1);
                let authentication = if kind == "S" { 1 } else { 3 };
                self.database_principal(id, &name, &kind, Some(&sid), authentication);
            } else if login == name {
                self.database_principal(id, &name, "S", Some(&own), 0);
            } else {
                line.fail("no such login");
            }
        }
        if !line.take("without connect") {
            self.give("G", (0, 0, "CO"), id);
        }
    }

    fn kind(&self, login: &str) -> String {
        let mut logins = self.snapshot.server.server_principals.seen().iter();
        let found = logins.find(|row| row.name == login);
        found.map_or_else(|| "S".to_owned(), |row| row.r#type.clone())
    }

    fn read_role(&mut self, line: &mut Line<'_>) {
        let (id, name) = (self.next_id(), line.name());
        let owner = self.read_owner(line).unwrap_or(1);
        self.database_role(id, &name, owner, false);
    }

    /// `owner NAME`, if it is next.
    pub fn read_owner(&mut self, line: &mut Line<'_>) -> Option<i32> {
        line.take("owner").then(|| self.user(&line.name()))
    }

    /// One more principal that is no role.
    pub fn database_principal(
        &mut self,
        id: i32,
        name: &str,
        kind: &str,
        sid: Option<&str>,
        authentication: i32,
    ) {
        let row = json!({"principal_id": id, "name": name, "type": kind, "sid": sid,
            "is_fixed_role": false, "authentication_type": authentication});
        push(&mut self.facts().database_principals, row);
    }

    /// One more role.
    pub fn database_role(&mut self, id: i32, name: &str, owner: i32, is_fixed: bool) {
        let row = json!({"principal_id": id, "name": name, "type": "R",
            "sid": format!("0x0105{:052x}", 0x0800_0000 + id), "owning_principal_id": owner,
            "is_fixed_role": is_fixed, "authentication_type": 0});
        push(&mut self.facts().database_principals, row);
    }

    /// One more schema.
    pub fn add_schema(&mut self, id: i32, name: &str, owner: i32) {
        let row = json!({"schema_id": id, "name": name, "principal_id": owner});
        push(&mut self.facts().schemas, row);
    }

    /// One more object; its id.
    pub fn add_object(&mut self, name: &str, kind: &str, owner: Option<i32>, parent: i32) -> i32 {
        let (schema, name) = self.schema_of(name);
        let id = self.next_id();
        let row = json!({"object_id": id, "name": name, "schema_id": schema, "type": kind,
            "principal_id": owner, "parent_object_id": parent, "is_ms_shipped": false});
        push(&mut self.facts().objects, row);
        id
    }

    /// What a permission is on, inside a database: class and id.
    pub fn read_securable(&mut self, line: &mut Line<'_>) -> (i32, i32) {
        let external = self.read_external_securable(line);
        if let Some(found) = external {
            return found;
        }
        if line.take("schema") {
            return (3, self.schema(&line.name()));
        }
        if line.take("user") || line.take("role") || line.take("app role") {
            return (4, self.user(&line.name()));
        }
        let name = line.name();
        let shipped = self.snapshot.server.system_extended_procedures.seen();
        let shipped = shipped.iter().find(|row| row.name == name);
        match shipped.map(|row| row.object_id) {
            Some(id) => (1, id),
            None => (1, self.object(&name)),
        }
    }
}
