//! Lines about modules and what runs them.

use mssql_posture::graph::{CodeSink, ModuleCode};
use mssql_posture::ids::{DatabaseName, PrincipalId};
use mssql_posture::tsql::Sink;
use serde_json::json;

use super::builder::{Builder, Call, Caller, push};
use super::external::thumbprint;
use super::line::Line;

impl Builder {
    /// Reads a line about a module or a table; `false` if it is none.
    pub fn read_module(&mut self, line: &mut Line<'_>) -> bool {
        if line.take("procedure") {
            let name = line.name();
            let owner = self.read_owner(line);
            let id = self.add_object(&name, "P", owner, 0);
            self.read_body(line, id);
        } else if line.take("table") {
            let name = line.name();
            self.add_object(&name, "U", None, 0);
        } else if line.take("trigger") {
            let name = line.name();
            line.expect("on");
            let table = line.name();
            let parent = self.object(&table);
            let schema = table.split_once('.').map_or("dbo", |(schema, _)| schema);
            let id = self.add_object(&format!("{schema}.{name}"), "TR", None, parent);
            self.add_trigger(line, id, &name, (1, parent));
        } else if line.take("ddl trigger") {
            let (name, id) = (line.name(), self.next_id());
            self.add_trigger(line, id, &name, (0, 0));
        } else if line.take("queue") {
            self.read_queue(line);
        } else {
            return false;
        }
        true
    }

    fn add_trigger(
        &mut self,
        line: &mut Line<'_>,
        id: i32,
        name: &str,
        (class, parent): (i32, i32),
    ) {
        let is_disabled = self.read_body(line, id);
        let row = json!({"object_id": id, "name": name, "parent_class": class,
            "parent_id": parent, "type": "TR", "is_ms_shipped": false,
            "is_disabled": is_disabled});
        push(&mut self.facts().triggers, row);
    }

    /// What follows a module's name; whether it is disabled.
    fn read_body(&mut self, line: &mut Line<'_>, id: i32) -> bool {
        let mut is_disabled = false;
        let mut context: Option<PrincipalId> = None;
        let database = self.facts().name.clone();
        let at = self.begin_code(Some(database), id);
        while !line.is_empty() {
            if line.take("execute as") {
                context = Some(self.context(&line.name()));
            } else if line.take("signed by") {
                self.read_signature(line, id, "SPV");
            } else if line.take("countersigned by") {
                self.read_signature(line, id, "CPV");
            } else if line.take("disabled") {
                is_disabled = true;
            } else {
                self.read_code(line, at);
            }
        }
        let row = json!({"object_id": id, "execute_as_principal_id": context,
            "definition": {"state": "known", "value": {"sha256": "", "utf16_units": 10}}});
        push(&mut self.facts().modules, row);
        is_disabled
    }

    /// An entry in the code for a module; its place.
    pub fn begin_code(&mut self, database: Option<DatabaseName>, object_id: i32) -> usize {
        let (sinks, calls) = (Vec::new(), Vec::new());
        let module = ModuleCode {
            database,
            object_id,
            sinks,
            calls,
        };
        self.code.modules.push(module);
        self.code.modules.len() - 1
    }

    /// One clause of what a module does.
    pub fn read_code(&mut self, line: &mut Line<'_>, at: usize) {
        let sink = |sink, is_dynamic, is_tainted| CodeSink {
            sink,
            is_dynamic,
            is_tainted,
        };
        if line.take("calls") {
            let is_dynamic = line.take("dynamic");
            let (from, callee) = (Caller::Module(at), line.name());
            self.calls.push(Call {
                from,
                callee,
                is_dynamic,
            });
        } else if line.take("runs") {
            let is_dynamic = line.take("dynamic");
            let reached = match line.name().as_str() {
                "xp_cmdshell" => Sink::XpCmdshell,
                "ole" => Sink::OleAutomation,
                "external_script" => Sink::ExternalScript,
                "registry" => Sink::RegistryWrite,
                _ => line.fail("no such command"),
            };
            self.code.modules[at]
                .sinks
                .push(sink(reached, is_dynamic, Some(false)));
        } else if line.take("executes given text") {
            let given = sink(Sink::DynamicUnresolved, true, Some(true));
            self.code.modules[at].sinks.push(given);
        } else if line.take("executes unknown text") {
            let unknown = sink(Sink::DynamicUnresolved, true, None);
            self.code.modules[at].sinks.push(unknown);
        } else if line.take("executes own text") {
            let own = sink(Sink::DynamicUnresolved, true, Some(false));
            self.code.modules[at].sinks.push(own);
        } else {
            line.fail("not understood");
        }
    }

    fn read_signature(&mut self, line: &mut Line<'_>, id: i32, kind: &str) {
        let (letter, suffix) = if line.take("key") {
            ("k", "A")
        } else {
            ("c", "C")
        };
        let row = json!({"class": 1, "major_id": id, "crypt_type": format!("{kind}{suffix}"),
            "thumbprint": thumbprint(letter, &line.name())});
        push(&mut self.facts().crypt_properties, row);
    }

    fn read_queue(&mut self, line: &mut Line<'_>) {
        let name = line.name();
        line.expect("runs");
        let procedure = line.name();
        line.expect("execute as");
        let context = self.context(&line.name());
        let is_on = !line.take("off");
        let id = self.add_object(&name, "SQ", None, 0);
        let row = json!({"object_id": id, "activation_procedure": procedure,
            "execute_as_principal_id": context, "is_activation_enabled": is_on,
            "is_receive_enabled": true, "is_enqueue_enabled": true});
        push(&mut self.facts().service_queues, row);
    }
}
