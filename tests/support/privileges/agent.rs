//! Lines about what runs by itself: Agent, startup procedures, server triggers, and as which accounts.

use mssql_posture::graph::StepCode;
use serde_json::json;

use super::builder::{Builder, Call, Caller, push};
use super::line::Line;

/// Words of the language, names of the server, ids.
const SUBSYSTEMS: &[(&str, &str, i32)] = &[
    ("activex", "ActiveScripting", 2),
    ("cmdexec", "CmdExec", 3),
    ("ssis", "SSIS", 11),
    ("powershell", "PowerShell", 12),
];

impl Builder {
    /// Reads such a line; `false` if it is none.
    pub fn read_running(&mut self, line: &mut Line<'_>) -> bool {
        if line.take("job") {
            self.read_job(line);
        } else if line.take("proxy") {
            self.read_proxy(line);
        } else if line.take("credential") {
            let is_proxy = line.take("xp_cmdshell proxy");
            let name = if is_proxy {
                "##xp_cmdshell_proxy_account##".to_owned()
            } else {
                line.name()
            };
            let id = self.next_id();
            let row = json!({"credential_id": id, "name": name,
                "credential_identity": line.name()});
            push(&mut self.snapshot.server.credentials, row);
        } else if line.take("startup") {
            self.read_startup(line);
        } else if line.take("server trigger") {
            self.read_server_trigger(line);
        } else if line.take("service") {
            let name = line.until(&["as"]);
            line.expect("as");
            let row = json!({"servicename": name, "service_account": line.name()});
            push(&mut self.snapshot.server.services, row);
        } else {
            return false;
        }
        true
    }

    fn read_job(&mut self, line: &mut Line<'_>) {
        let (name, number) = (line.name(), self.next_id());
        line.expect("owner");
        let owner = line.name();
        let sid = match owner.as_str() {
            "nobody" => format!("0x{:032x}", 0x4000_0000),
            "windows" => format!("0x0105{:052x}", 0x4000_0000),
            owner => self.login(owner).1,
        };
        let id = format!("00000000-0000-0000-0000-{number:012}");
        let enabled = i32::from(!line.take("disabled"));
        let row = json!({"job_id": id, "name": name, "enabled": enabled, "owner_sid": sid,
            "start_step_id": 1, "category_id": 0});
        push(&mut self.snapshot.server.jobs, row);
        let mut step = 0;
        while !line.is_empty() {
            step += 1;
            line.expect("step");
            self.read_step(line, &id, step);
        }
    }

    fn read_step(&mut self, line: &mut Line<'_>, job: &str, step: i32) {
        let mut subsystem = "TSQL";
        let (mut database, mut user) = (Some("master".to_owned()), None);
        if line.take("calls") {
            let callee = line.name();
            if line.take("as") {
                user = Some(line.name());
                line.expect("in");
                database = Some(line.name());
            }
            let code = StepCode {
                job_id: job.to_owned(),
                step_id: step,
                calls: Vec::new(),
            };
            self.code.steps.push(code);
            let from = Caller::Step(self.code.steps.len() - 1);
            self.calls.push(Call {
                from,
                callee,
                is_dynamic: false,
            });
        } else {
            let word = line.name();
            let found = SUBSYSTEMS.iter().find(|(own, _, _)| *own == word);
            subsystem = found.map_or_else(|| line.fail("no such subsystem"), |(_, name, _)| name);
            database = None;
        }
        let proxy = line.take("by").then(|| {
            let name = line.name();
            let mut proxies = self.snapshot.server.proxies.seen().iter();
            let found = proxies.find(|proxy| proxy.name == name);
            found.unwrap_or_else(|| line.fail("no such proxy")).proxy_id
        });
        let row = json!({"job_id": job, "step_id": step, "step_name": "step",
            "subsystem": subsystem, "command": {"sha256": "", "utf16_units": 10},
            "database_name": database, "database_user_name": user, "proxy_id": proxy});
        push(&mut self.snapshot.server.job_steps, row);
    }

    fn read_proxy(&mut self, line: &mut Line<'_>) {
        let (name, word, id) = (line.name(), line.name(), self.next_id());
        let found = SUBSYSTEMS.iter().find(|(own, _, _)| *own == word);
        let subsystem = found.map_or_else(|| line.fail("no such subsystem"), |(_, _, id)| *id);
        let enabled = i32::from(!line.take("disabled"));
        let server = &mut self.snapshot.server;
        let credential = json!({"credential_id": id, "name": format!("for {name}"),
            "credential_identity": "CORP\\agent-low"});
        push(&mut server.credentials, credential);
        let row = json!({"proxy_id": id, "name": name, "credential_id": id, "enabled": enabled});
        push(&mut server.proxies, row);
        if !line.take("without subsystem") {
            let row = json!({"proxy_id": id, "subsystem_id": subsystem});
            push(&mut server.proxy_subsystems, row);
        }
        while line.take("to") {
            let (sid, flags) = self.read_proxy_grantee(line);
            let row = json!({"proxy_id": id, "sid": sid, "flags": flags});
            push(&mut self.snapshot.server.proxy_logins, row);
        }
    }

    fn read_proxy_grantee(&mut self, line: &mut Line<'_>) -> (String, i32) {
        if line.take("login") {
            return (self.login(&line.name()).1, 0);
        }
        if line.take("server role") {
            return (self.login(&line.name()).1, 1);
        }
        line.expect("msdb role");
        let name = line.name();
        let msdb = self.snapshot.databases.iter().find(|d| d.database_id == 4);
        let mut roles = msdb.unwrap().database_principals.seen().iter();
        let role = roles.find(|role| role.name == name);
        let sid = role.and_then(|role| role.sid.clone());
        (sid.unwrap_or_else(|| line.fail("no such role")), 2)
    }

    fn read_startup(&mut self, line: &mut Line<'_>) {
        self.scope = Some(0);
        let name = line.name();
        let id = self.object(&name);
        let (schema, own) = self.schema_of(&name);
        self.scope = None;
        let row = json!({"object_id": id, "name": own, "schema_id": schema});
        push(&mut self.snapshot.server.startup_procedures, row);
    }

    fn read_server_trigger(&mut self, line: &mut Line<'_>) {
        let (name, id) = (line.name(), self.next_id());
        let context = line.take("execute as").then(|| self.login(&line.name()).0);
        let is_disabled = line.take("disabled");
        let at = self.begin_code(None, id);
        while !line.is_empty() {
            self.read_code(line, at);
        }
        let server = &mut self.snapshot.server;
        let trigger = json!({"object_id": id, "name": name, "type": "TR",
            "is_ms_shipped": false, "is_disabled": is_disabled});
        push(&mut server.server_triggers, trigger);
        let module = json!({"object_id": id, "execute_as_principal_id": context,
            "definition": {"state": "known", "value": {"sha256": "", "utf16_units": 10}}});
        push(&mut server.server_modules, module);
    }
}
