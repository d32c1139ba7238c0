//! What stands inside databases: objects, code, assemblies, extended procedures.

use mssql_posture::ids::PrincipalId;
use mssql_posture::snapshot::{
    Assembly, AssemblyModule, AuditSpecification, AuditSpecificationDetail, AuditStatus,
    ExtendedProcedure, Job, JobSchedule, JobServer, JobStep, Module, ModuleLine, NumberedProcedure,
    Object, Observed, Parameter, Schedule, Schema, ServerAudit, ServerTrigger, ServiceQueue,
    StartupProcedure, Synonym, SystemExtendedProcedure, TextHash, Trigger, TrustedAssembly,
    sha256_hex,
};

use super::{Recording, database, installed, rows, shipped};
use crate::support::answers;

/// Between ids of objects made one after the other.
const OBJECT_STEP: i32 = 16_000_057;
const FIRST_USER_ASSEMBLY: i32 = 65_536;

fn text_hash(text: &str) -> Observed<TextHash> {
    Observed::Known {
        value: TextHash {
            sha256: sha256_hex(text.as_bytes()),
            utf16_units: u32::try_from(text.encode_utf16().count()).unwrap(),
        },
    }
}

fn module(object_id: i32, definition: Observed<TextHash>) -> Module {
    Module {
        object_id,
        definition,
        uses_quoted_identifier: Some(true),
        execute_as_principal_id: None,
    }
}

impl Recording {
    fn new_object_id(&mut self) -> i32 {
        self.next_object = self.next_object.wrapping_add(OBJECT_STEP) & i32::MAX;
        self.next_object
    }

    pub fn add_schema(&mut self, database: &str, name: &str, owner: PrincipalId) -> &mut Self {
        let schemas = rows(&mut self.database(database).schemas);
        let own = schemas
            .iter()
            .map(|s| s.schema_id)
            .filter(|id| *id < 16_384);
        let schema_id = own.max().unwrap() + 1;
        schemas.push(Schema {
            schema_id,
            name: name.to_owned(),
            principal_id: Some(owner),
        });
        self
    }

    /// Adds an object as `schema.name`: U table, P procedure, X extended procedure …
    pub fn add_object(&mut self, database: &str, name: &str, kind: &str) -> i32 {
        let (schema, object) = name.split_once('.').unwrap();
        let schema_id = self.schema_id(database, schema);
        let id = self.new_object_id();
        let changed = self.changed.clone();
        rows(&mut self.database(database).objects).push(Object {
            create_date: Some(changed.clone()),
            modify_date: Some(changed),
            ..database::object(id, object, schema_id, kind)
        });
        id
    }

    /// The object was changed at this time, as the server's clock had it.
    pub fn changed_object(&mut self, database: &str, object_id: i32, at: &str) -> &mut Self {
        let objects = rows(&mut self.database(database).objects).iter_mut();
        for object in objects.filter(|own| own.object_id == object_id) {
            object.modify_date = Some(at.to_owned());
        }
        self
    }

    /// Adds a procedure, view or function with its text.
    pub fn add_module(&mut self, database: &str, name: &str, kind: &str, text: &str) -> i32 {
        let id = self.add_object(database, name, kind);
        rows(&mut self.database(database).modules).push(module(id, text_hash(text)));
        self.texts
            .insert((Some(database.to_owned()), id), text.to_owned());
        id
    }

    /// Gives a module another text, as ALTER does.
    pub fn set_text(&mut self, database: &str, object_id: i32, text: &str) -> &mut Self {
        self.module(database, object_id).definition = text_hash(text);
        let key = (Some(database.to_owned()), object_id);
        self.texts.insert(key, text.to_owned());
        self
    }

    /// Adds a procedure whose text is encrypted, so that the server shows none to anybody.
    pub fn add_encrypted_module(&mut self, database: &str, name: &str) -> i32 {
        let id = self.add_object(database, name, "P");
        let why = "the module is encrypted".to_owned();
        let row = module(id, Observed::NotCollected { why });
        rows(&mut self.database(database).modules).push(row);
        id
    }

    pub fn module(&mut self, database: &str, object_id: i32) -> &mut Module {
        rows(&mut self.database(database).modules)
            .iter_mut()
            .find(|module| module.object_id == object_id)
            .unwrap_or_else(|| panic!("no module {object_id} in {database}"))
    }

    /// The module's text is hidden from the auditor by a DENY on it.
    pub fn hide_definition(&mut self, database: &str, object_id: i32) -> &mut Self {
        let needs = vec!["VIEW DEFINITION on the module".to_owned()];
        self.module(database, object_id).definition = Observed::Denied { needs };
        self.texts.remove(&(Some(database.to_owned()), object_id));
        self
    }

    /// Adds a DML trigger on a table, or with `on` = `None` a DDL trigger of the database.
    pub fn add_trigger(&mut self, database: &str, name: &str, on: Option<&str>, text: &str) -> i32 {
        let parent = on.map(|table| self.object_id(database, table));
        let id = match parent {
            // Only DML triggers stand among the objects.
            Some(parent) => {
                let id = self.add_object(database, name, "TR");
                let objects = rows(&mut self.database(database).objects);
                objects.last_mut().unwrap().parent_object_id = parent;
                id
            }
            None => self.new_object_id(),
        };
        let changed = self.changed.clone();
        let facts = self.database(database);
        rows(&mut facts.triggers).push(Trigger {
            object_id: id,
            name: name
                .rsplit_once('.')
                .map_or(name, |(_, name)| name)
                .to_owned(),
            parent_class: i32::from(parent.is_some()),
            parent_id: parent.unwrap_or_default(),
            r#type: "TR".to_owned(),
            create_date: Some(changed.clone()),
            modify_date: Some(changed),
            is_ms_shipped: Some(false),
            is_disabled: false,
        });
        rows(&mut facts.modules).push(module(id, text_hash(text)));
        self.texts
            .insert((Some(database.to_owned()), id), text.to_owned());
        id
    }

    pub fn add_server_trigger(&mut self, name: &str, text: &str) -> i32 {
        let id = self.new_object_id();
        let changed = self.changed.clone();
        rows(&mut self.snapshot.server.server_triggers).push(ServerTrigger {
            object_id: id,
            name: name.to_owned(),
            r#type: "TR".to_owned(),
            create_date: Some(changed.clone()),
            modify_date: Some(changed),
            is_ms_shipped: Some(false),
            is_disabled: false,
        });
        rows(&mut self.snapshot.server.server_modules).push(module(id, text_hash(text)));
        self.texts.insert((None, id), text.to_owned());
        id
    }

    /// Adds an input parameter: 231 nvarchar, 56 int, 61 datetime …
    pub fn add_parameter(&mut self, database: &str, object_id: i32, name: &str, kind: i32) {
        let parameters = rows(&mut self.database(database).parameters);
        let before = parameters
            .iter()
            .filter(|p| p.object_id == object_id)
            .count();
        parameters.push(Parameter {
            object_id,
            parameter_id: i32::try_from(before).unwrap() + 1,
            name: Some(name.to_owned()),
            system_type_id: kind,
            max_length: if kind == 231 { 512 } else { 4 },
            is_output: false,
        });
    }

    pub fn add_synonym(&mut self, database: &str, name: &str, base_object: &str) -> i32 {
        let object_id = self.add_object(database, name, "SN");
        rows(&mut self.database(database).synonyms).push(Synonym {
            object_id,
            base_object_name: Some(base_object.to_owned()),
        });
        object_id
    }

    /// Adds a T-SQL step to the job with this id, which is made if it is not there; its number.
    pub fn add_job_step(&mut self, job: &str, database: &str, command: &str) -> i32 {
        let server = &mut self.snapshot.server;
        if !rows(&mut server.jobs).iter().any(|row| row.job_id == job) {
            rows(&mut server.jobs).push(Job {
                job_id: job.to_owned(),
                name: format!("job {job}"),
                enabled: 1,
                owner_sid: Some("0x01".to_owned()),
                start_step_id: 1,
                category_id: 0,
                date_created: Some(self.changed.clone()),
                date_modified: Some(self.changed.clone()),
            });
            rows(&mut server.job_servers).push(JobServer {
                job_id: job.to_owned(),
                server_id: 0,
            });
        }
        let steps = rows(&mut server.job_steps);
        let before = steps.iter().filter(|step| step.job_id == job).count();
        let step_id = i32::try_from(before).unwrap() + 1;
        let hash = installed::step_text(job, step_id, command, &mut self.further_texts);
        steps.push(JobStep {
            job_id: job.to_owned(),
            step_id,
            step_name: format!("step {step_id}"),
            subsystem: "TSQL".to_owned(),
            command: serde_json::from_value(hash).unwrap(),
            database_name: Some(database.to_owned()),
            database_user_name: None,
            proxy_id: None,
            output_file_name: None,
        });
        step_id
    }

    /// Adds number 2 or higher of a procedure; without a text it is encrypted.
    pub fn add_number(&mut self, database: &str, object_id: i32, number: i32, text: Option<&str>) {
        let definition = match text {
            Some(text) => text_hash(text),
            None => Observed::NotCollected {
                why: "the module is encrypted".to_owned(),
            },
        };
        let own = rows(&mut self.database(database).numbered_procedures);
        own.push(NumberedProcedure {
            object_id,
            procedure_number: number,
            definition,
        });
        self.further_texts.extend(text.map(|text| ModuleLine {
            database: Some(database.to_owned()),
            object_id,
            part: Some(number.to_string()),
            sha256: sha256_hex(text.as_bytes()),
            definition: text.to_owned(),
        }));
    }

    /// Adds a queue that starts this procedure, as its owner, for each message.
    pub fn add_queue(&mut self, database: &str, name: &str, starts: &str) -> &mut ServiceQueue {
        let object_id = self.add_object(database, name, "SQ");
        let queues = rows(&mut self.database(database).service_queues);
        queues.push(ServiceQueue {
            object_id,
            activation_procedure: Some(starts.to_owned()),
            execute_as_principal_id: Some(PrincipalId(-2)),
            is_activation_enabled: true,
            is_receive_enabled: true,
            is_enqueue_enabled: true,
        });
        queues.last_mut().unwrap()
    }

    /// Gives a job a schedule of its own: 4 daily, 64 at Agent start, 128 when idle …
    pub fn add_schedule(&mut self, job: &str, freq_type: i32) -> &mut Schedule {
        let server = &mut self.snapshot.server;
        let schedules = rows(&mut server.schedules);
        let before = schedules.iter().map(|row| row.schedule_id).max();
        let schedule_id = before.unwrap_or_default() + 1;
        rows(&mut server.job_schedules).push(JobSchedule {
            job_id: Some(job.to_owned()),
            schedule_id: Some(schedule_id),
        });
        schedules.push(Schedule {
            schedule_id,
            name: format!("schedule {schedule_id}"),
            owner_sid: Some("0x01".to_owned()),
            enabled: 1,
            freq_type,
            date_modified: Some(self.changed.clone()),
        });
        schedules.last_mut().unwrap()
    }

    /// Marks a procedure of master to run at start.
    pub fn mark_startup(&mut self, name: &str) -> &mut Self {
        let object_id = self.object_id("master", name);
        let objects = self.database("master").objects.seen().iter();
        let object = objects
            .into_iter()
            .find(|o| o.object_id == object_id)
            .unwrap();
        let row = StartupProcedure {
            object_id,
            name: object.name.clone(),
            schema_id: object.schema_id,
        };
        rows(&mut self.snapshot.server.startup_procedures).push(row);
        self
    }

    /// Adds an assembly of one file: 1 SAFE, 2 EXTERNAL_ACCESS, 3 UNSAFE. Its hash is that of `content`.
    pub fn add_assembly(&mut self, database: &str, name: &str, set: i32, content: &str) -> i32 {
        let changed = self.changed.clone();
        let facts = self.database(database);
        let assemblies = rows(&mut facts.assemblies);
        let last = assemblies
            .iter()
            .map(|a| a.assembly_id)
            .max()
            .unwrap_or_default();
        let assembly_id = (last + 1).max(FIRST_USER_ASSEMBLY);
        assemblies.push(Assembly {
            assembly_id,
            name: name.to_owned(),
            principal_id: Some(PrincipalId(1)),
            clr_name: Some(format!(
                "{}, version=0.0.0.0, culture=neutral, publickeytoken=null, processorarchitecture=msil",
                name.to_lowercase()
            )),
            permission_set: Some(set),
            is_visible: true,
            is_user_defined: Some(true),
            create_date: Some(changed.clone()),
            modify_date: Some(changed),
        });
        rows(&mut facts.assembly_files).push(database::assembly_file(
            assembly_id,
            name,
            4096,
            content,
        ));
        assembly_id
    }

    /// Adds a procedure whose body is a method of an assembly.
    pub fn add_clr_procedure(
        &mut self,
        database: &str,
        name: &str,
        assembly_id: i32,
        method: &str,
    ) {
        let object_id = self.add_object(database, name, "PC");
        rows(&mut self.database(database).assembly_modules).push(AssemblyModule {
            object_id,
            assembly_id,
            assembly_class: Some("StoredProcedures".to_owned()),
            assembly_method: Some(method.to_owned()),
            execute_as_principal_id: None,
        });
    }

    /// Puts the hash of `content` on the list of trusted assemblies.
    pub fn trust_assembly(&mut self, content: &str, description: &str, by: &str) -> &mut Self {
        let row = TrustedAssembly {
            hash: Some(database::sha2_512(content)),
            description: Some(description.to_owned()),
            create_date: Some(datetime2(&self.changed)),
            created_by: Some(by.to_owned()),
        };
        rows(&mut self.snapshot.server.trusted_assemblies).push(row);
        self
    }

    /// A started audit with one enabled server specification of these action groups.
    pub fn add_audit(&mut self, name: &str, groups: &[&str]) -> &mut Self {
        let guid = Some("3F2504E0-4F89-11D3-9A0C-0305E82C3301".to_owned());
        let changed = Some(self.changed.clone());
        let server = &mut self.snapshot.server;
        rows(&mut server.server_audits).push(ServerAudit {
            audit_id: 65_536,
            name: name.to_owned(),
            audit_guid: guid.clone(),
            type_desc: Some("SECURITY LOG".to_owned()),
            on_failure_desc: Some("CONTINUE".to_owned()),
            is_state_enabled: Some(true),
            queue_delay: Some(1000),
            predicate: None,
            create_date: changed.clone(),
            modify_date: changed.clone(),
        });
        rows(&mut server.audit_status).push(AuditStatus {
            audit_id: 65_536,
            status: 1,
            status_desc: "STARTED".to_owned(),
            status_time: Some(datetime2(&self.changed)),
            audit_file_path: None,
        });
        rows(&mut server.server_audit_specifications).push(AuditSpecification {
            specification_id: 65_536,
            name: name.to_owned(),
            audit_guid: guid,
            is_state_enabled: Some(true),
            create_date: changed.clone(),
            modify_date: changed,
        });
        let details = groups.iter().map(|group| AuditSpecificationDetail {
            specification_id: 65_536,
            audit_action_name: Some((*group).to_owned()),
            class: 100,
            major_id: 0,
            audited_principal_id: PrincipalId(0),
            audited_result: Some("SUCCESS AND FAILURE".to_owned()),
            is_group: Some(true),
        });
        rows(&mut server.server_audit_specification_details).extend(details);
        self
    }

    /// Registers an extended procedure in master, as `schema.name`.
    pub fn add_extended_procedure(&mut self, name: &str, dll: &str) -> i32 {
        let object_id = self.add_object("master", name, "X");
        let changed = self.changed.clone();
        let objects = self.database("master").objects.seen();
        let object = objects.last().unwrap().clone();
        rows(&mut self.database("master").extended_procedures).push(ExtendedProcedure {
            object_id,
            name: object.name.clone(),
            schema_id: object.schema_id,
            dll_name: Some(dll.to_owned()),
            create_date: Some(changed.clone()),
            modify_date: Some(changed),
            is_ms_shipped: Some(false),
        });
        let row = SystemExtendedProcedure {
            object_id,
            name: object.name,
            schema_id: object.schema_id,
            is_ms_shipped: Some(false),
        };
        rows(&mut self.snapshot.server.system_extended_procedures).push(row);
        object_id
    }

    /// Master's own objects, the shipped extended procedures, and what setup grants on them.
    pub(super) fn fill_master(&mut self) {
        let master = self.database("master");
        for (id, name, kind) in shipped::MASTER_OBJECTS {
            let object = database::object(*id, name, 1, kind);
            rows(&mut master.objects).push(Object {
                is_ms_shipped: Some(true),
                ..object
            });
        }
        for (id, name, text) in shipped::MASTER_PROCEDURES {
            let object = database::object(*id, name, 1, "P");
            rows(&mut master.objects).push(Object {
                is_ms_shipped: Some(true),
                ..object
            });
            rows(&mut master.modules).push(module(*id, text_hash(text)));
        }
        for (id, _, text) in shipped::MASTER_PROCEDURES {
            let key = (Some("master".to_owned()), *id);
            self.texts.insert(key, (*text).to_owned());
        }
        let agent = "##MS_AgentSigningCertificate##";
        let user = self.add_user(
            "master",
            "##MS_PolicyEventProcessingLogin##",
            Some("##MS_PolicyEventProcessingLogin##"),
        );
        assert_eq!(user, PrincipalId(5 + i32::from(self.base.version < 12)));
        self.add_user("master", agent, Some(agent));
        // Setup gives the whole database to this certificate's user; nobody can connect as it.
        self.grant("master", super::On::Database, "EXECUTE", agent);
        let version = self.base.version;
        let there = shipped::EXTENDED_PROCEDURES
            .iter()
            .filter(|p| p.1 <= version);
        for (object_id, (name, _, public)) in (-978_140_733_i32..).step_by(24_683_791).zip(there) {
            let row = SystemExtendedProcedure {
                object_id,
                name: (*name).to_owned(),
                schema_id: 4,
                is_ms_shipped: Some(true),
            };
            rows(&mut self.snapshot.server.system_extended_procedures).push(row);
            if *public {
                self.grant("master", super::On::Object(name), "EXECUTE", "public");
            }
        }
    }

    pub(super) fn fill_msdb(&mut self) {
        for role in shipped::MSDB_ROLES {
            self.add_role("msdb", role);
        }
        self.add_member("msdb", "SQLAgentUserRole", "SQLAgentReaderRole");
        self.add_member("msdb", "SQLAgentReaderRole", "SQLAgentOperatorRole");
        for table in answers::tables_of_msdb() {
            let id = self.add_object("msdb", &format!("dbo.{table}"), "U");
            let objects = self.database("msdb").objects.seen_mut();
            let object = objects.iter_mut().find(|o| o.object_id == id).unwrap();
            object.is_ms_shipped = Some(true);
        }
    }
}

/// A `datetime` as a server writes it in a column of type `datetime2(7)`.
fn datetime2(datetime: &str) -> String {
    match datetime.split_once('.') {
        Some((seconds, fraction)) => format!("{seconds}.{fraction:0<7}"),
        None => datetime.to_owned(),
    }
}
