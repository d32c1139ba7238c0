//! Lines about the instance.

use mssql_posture::graph::Group;
use mssql_posture::snapshot::Observed;
use serde_json::{Value, json};

use super::builder::{Builder, push};
use super::line::Line;
use super::names::code_of;

impl Builder {
    /// Reads a line about the instance; `false` if it is none.
    pub fn read_at_server(&mut self, line: &mut Line<'_>) -> bool {
        if line.take("login") {
            self.read_login(line);
        } else if line.take("server role") {
            self.read_server_role(line);
        } else if line.take("member") {
            self.read_member(line);
        } else if line.take("grant") {
            self.read_permission("G", line);
        } else if line.take("deny") {
            self.read_permission("D", line);
        } else if line.take("group") {
            self.read_group(line);
        } else if line.take("database") {
            self.read_database(line);
        } else if line.take("change") {
            self.read_change(line);
        } else if line.take("trust hash") {
            let row = json!({"hash": line.name(), "description": "an assembly"});
            push(&mut self.snapshot.server.trusted_assemblies, row);
        } else if line.take("option") {
            self.read_option(line);
        } else {
            return self.read_identity(line) || self.read_running(line) || self.read_link(line);
        }
        true
    }

    fn read_identity(&mut self, line: &mut Line<'_>) -> bool {
        if line.take("version") {
            line.name();
        } else if line.take("platform windows") {
            return true;
        } else if line.take("platform linux") {
            self.make_linux();
        } else if line.take("edition express") {
            self.identity("engine_edition", json!(4));
        } else if line.take("edition managed") {
            self.identity("engine_edition", json!(8));
        } else if line.take("instance") {
            let name = line.name();
            self.identity("server_name", json!(format!("SQL01\\{name}")));
            self.snapshot.connection.endpoint = format!("sql01\\{name}");
            self.identity("instance_name", json!(name));
        } else if line.take("endpoint") {
            let host = line.name();
            let port = line.take(",").then(|| line.name());
            let port = port.unwrap_or_else(|| "1433".to_owned());
            self.snapshot.connection.endpoint = format!("{host},{port}");
        } else if line.take("windows only") {
            self.identity("is_integrated_security_only", json!(true));
        } else if line.take("unseen") {
            let name = line.name();
            let Some(fact) = self.snapshot.server.named_mut(&name) else {
                line.fail("no such fact");
            };
            fact.not_collected("the test says so");
        } else {
            return false;
        }
        true
    }

    fn identity(&mut self, field: &str, value: Value) {
        let Observed::Known { value: own } = &mut self.snapshot.server.server_identity else {
            panic!("the identity is always known")
        };
        let mut row = serde_json::to_value(&*own).unwrap();
        row[field] = value;
        *own = serde_json::from_value(row).unwrap();
    }

    fn read_login(&mut self, line: &mut Line<'_>) {
        let name = line.name();
        let kind = if line.take("type") {
            line.name()
        } else {
            "S".to_owned()
        };
        let is_disabled = line.take("disabled");
        let id = self.next_id();
        let sid = match kind.as_str() {
            "S" => format!("0x{:032x}", 0x5000_0000 + id),
            "U" | "G" | "X" => format!("0x0105{:052x}", 0x1500_0000 + id),
            "C" | "K" => format!("0x0106{:052x}", 0x0900_0000 + id),
            _ => line.fail("no such type"),
        };
        let row = json!({"principal_id": id, "name": name, "sid": sid, "type": kind,
            "is_disabled": is_disabled, "is_fixed_role": false});
        push(&mut self.snapshot.server.server_principals, row);
        self.give("G", (100, 0, "COSQ"), id);
    }

    fn read_server_role(&mut self, line: &mut Line<'_>) {
        let name = line.name();
        let owner = if line.take("owner") {
            self.login(&line.name()).0
        } else {
            1
        };
        let id = self.next_id();
        let row = json!({"principal_id": id, "name": name, "type": "R", "is_disabled": false,
            "sid": format!("0x0105{:052x}", 0x0700_0000 + id), "owning_principal_id": owner,
            "is_fixed_role": false});
        push(&mut self.snapshot.server.server_principals, row);
    }

    /// `NAME of ROLE`, of the scope that lines are about.
    pub fn read_member(&mut self, line: &mut Line<'_>) {
        let member = line.name();
        line.expect("of");
        self.join(&member, &line.name());
    }

    /// `PERMISSION [on …] to NAME [with grant option]`.
    pub fn read_permission(&mut self, state: &str, line: &mut Line<'_>) {
        let permission = line.until(&["on", "to"]);
        let (class, major) = match (line.take("on"), self.scope) {
            (true, Some(_)) => self.read_securable(line),
            (true, None) => {
                if !line.take("server role") {
                    line.expect("login");
                }
                (101, self.login(&line.name()).0)
            }
            (false, Some(_)) => (0, 0),
            (false, None) => (100, 0),
        };
        let Some(code) = code_of(class, &permission) else {
            line.fail("no such permission");
        };
        line.expect("to");
        let grantee = self.principal(&line.name());
        let state = if line.take("with grant option") {
            "W"
        } else {
            state
        };
        self.give(state, (class, major, code), grantee);
    }

    fn read_group(&mut self, line: &mut Line<'_>) {
        let name = line.name();
        let mut group = Group::default();
        if line.take("count") {
            group.count = line.name().parse().ok();
        } else {
            line.expect("has");
            group.members.push(line.name());
            while line.take(",") {
                group.members.push(line.name());
            }
        }
        self.groups.0.insert(name, group);
    }

    fn read_database(&mut self, line: &mut Line<'_>) {
        let name = line.name();
        let id = 1 + i32::try_from(self.snapshot.databases.len()).unwrap();
        let sid = if line.take("orphan owner") {
            format!("0x{:032x}", 0x6000_0000 + id)
        } else if line.take("windows owner") {
            format!("0x0105{:052x}", 0x6000_0000 + id)
        } else if line.take("owner") {
            self.login(&line.name()).1
        } else {
            "0x01".to_owned()
        };
        let dbo = line.take("dbo").then(|| self.login(&line.name()).1);
        let row = json!({"database_id": id, "name": name, "owner_sid": sid, "state": 0,
            "containment": i32::from(line.take("contained")),
            "is_trustworthy_on": line.take("trustworthy"),
            "is_db_chaining_on": line.take("chaining"),
            "is_broker_enabled": line.take("broker"), "is_read_only": false});
        self.add_database(row, dbo.as_ref().unwrap_or(&sid));
        self.facts().excluded = line.take("excluded");
        self.scope = None;
    }

    /// What somebody changed of a database that setup installs.
    fn read_change(&mut self, line: &mut Line<'_>) {
        let name = line.name();
        let owner = line.take("owner").then(|| self.login(&line.name()).1);
        let Observed::Known { value: rows } = &mut self.snapshot.server.databases else {
            line.fail("databases were not seen");
        };
        let Some(row) = rows.iter_mut().find(|row| row.name == name) else {
            line.fail("no such database");
        };
        if line.take("trustworthy off") {
            row.is_trustworthy_on = Some(false);
        }
        if line.take("chaining off") {
            row.is_db_chaining_on = Some(false);
        }
        row.owner_sid = owner.clone().or(row.owner_sid.take());
        let mut databases = self.snapshot.databases.iter_mut();
        let facts = databases.find(|facts| facts.name.as_str() == name);
        let users = facts.map(|facts| &mut facts.database_principals);
        if let Some(Observed::Known { value: users }) = users {
            for dbo in users.iter_mut().filter(|user| user.principal_id.0 == 1) {
                dbo.sid = owner.clone().or(dbo.sid.take());
            }
        }
    }

    fn read_option(&mut self, line: &mut Line<'_>) {
        let name = line.until(&["="]);
        line.expect("=");
        let value = line
            .name()
            .parse()
            .unwrap_or_else(|_| line.fail("a number expected"));
        let Observed::Known { value: rows } = &mut self.snapshot.server.configurations else {
            line.fail("options were not seen");
        };
        let Some(row) = rows.iter_mut().find(|row| row.name == name) else {
            line.fail("this version has no such option");
        };
        row.value = Some(value);
        row.value_in_use = Some(value);
    }
}
