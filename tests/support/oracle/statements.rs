//! What a drafted estate can hold: rights, and what each kind of step rests on.

use super::draft::Draft;

const SERVER_RIGHTS: &[&str] = &[
    "ALTER SETTINGS",
    "ALTER ANY LOGIN",
    "CREATE LOGIN",
    "IMPERSONATE ANY LOGIN",
    "ALTER ANY LINKED SERVER",
    "ALTER ANY CREDENTIAL",
    "ALTER ANY CREDENTIAL",
    "ALTER ANY SERVER ROLE",
    "ALTER ANY DATABASE",
    "CREATE ANY DATABASE",
    "AUTHENTICATE SERVER",
    "CONNECT ANY DATABASE",
    "UNSAFE ASSEMBLY",
    "EXTERNAL ACCESS ASSEMBLY",
];

const DATABASE_RIGHTS: &[&str] = &[
    "CONTROL",
    "ALTER",
    "TAKE OWNERSHIP",
    "CONNECT",
    "EXECUTE",
    "EXECUTE ANY EXTERNAL SCRIPT",
    "ALTER ANY ASSEMBLY",
    "CREATE ASSEMBLY",
    "CREATE ASSEMBLY",
    "ALTER ANY SCHEMA",
    "ALTER ANY DATABASE DDL TRIGGER",
    "ALTER ANY ROLE",
    "ALTER ANY APPLICATION ROLE",
    "REFERENCES",
    "INSERT",
    "UPDATE",
];

const SHIPPED: &[&str] = &[
    "xp_cmdshell",
    "xp_cmdshell",
    "sp_OACreate",
    "sp_OAMethod",
    "xp_regwrite",
];

impl Draft {
    /// GRANT, or DENY.
    fn given(&mut self) -> &'static str {
        if self.once_in(self.denies) {
            "deny"
        } else {
            "grant"
        }
    }

    /// One thing more.
    pub fn statement(&mut self) {
        match self.below(33) {
            0..4 => self.server_right(),
            4..6 => self.right_on_principal(),
            6..8 => self.server_member(),
            8..11 => self.database_right(),
            11..14 => self.right_on_part(),
            14..16 => self.member_in_database(),
            16..20 => self.procedure(),
            20 => self.right_on_shipped(),
            21 => self.signed_procedure(),
            22 => self.assembly(),
            23 => self.trigger(),
            24 => self.queue(),
            25 => self.job(),
            26 => self.startup(),
            27 => self.link(),
            28 => self.proxy(),
            29 => self.extended_procedure(),
            30 => self.ole_rights(),
            31 => self.right_in_msdb(),
            _ => self.rare(),
        }
    }

    fn server_right(&mut self) {
        let (given, to) = (self.given(), self.grantee());
        let right = if self.once_in(20) {
            "CONTROL SERVER"
        } else {
            self.pick(SERVER_RIGHTS)
        };
        self.say(format!("{given} {right} to {to}"));
    }

    fn right_on_principal(&mut self) {
        let (given, to) = (self.given(), self.grantee());
        if !self.roles.is_empty() && self.once_in(2) {
            let right = self.pick(&["ALTER", "CONTROL", "TAKE OWNERSHIP"]);
            let on = self.pick(&self.roles.clone());
            return self.say(format!("{given} {right} on server role {on} to {to}"));
        }
        let right = self.pick(&["ALTER", "CONTROL", "IMPERSONATE", "IMPERSONATE"]);
        let mut targets = self.logins.clone();
        targets.push("sa".to_owned());
        let on = self.pick(&targets);
        self.say(format!("{given} {right} on login {on} to {to}"));
    }

    fn server_member(&mut self) {
        let mut fixed = vec!["serveradmin", "setupadmin", "securityadmin", "dbcreator"];
        if self.version >= 16 {
            fixed.extend([
                "##MS_DatabaseConnector##",
                "##MS_LoginManager##",
                "##MS_DatabaseManager##",
            ]);
        }
        let (role, member) = match self.roles.is_empty() || self.once_in(3) {
            true if self.once_in(6) => ("sysadmin".to_owned(), self.pick(&self.logins.clone())),
            true => {
                let mut members = self.logins.clone();
                members.extend(self.roles.clone());
                (self.pick(&fixed).to_owned(), self.pick(&members))
            }
            false => (
                self.pick(&self.roles.clone()),
                self.pick(&self.logins.clone()),
            ),
        };
        self.say(format!("member {member} of {role}"));
    }

    fn database_right(&mut self) {
        let base = self.any_base();
        let (given, to) = (self.given(), self.grantee_in(base));
        let right = if base == self.master() && self.once_in(3) {
            "CREATE DATABASE"
        } else {
            self.pick(DATABASE_RIGHTS)
        };
        self.say_in(base, format!("{given} {right} to {to}"));
    }

    /// A right on a schema, user, role or module.
    fn right_on_part(&mut self) {
        let base = self.any_base();
        let (given, to) = (self.given(), self.grantee_in(base));
        let whole =
            |draft: &mut Self| draft.pick(&["ALTER", "CONTROL", "TAKE OWNERSHIP", "EXECUTE"]);
        let (users, roles) = (
            self.bases[base].users.clone(),
            self.bases[base].roles.clone(),
        );
        let modules = self.bases[base].modules.clone();
        let (right, on) = match self.below(4) {
            0 if !roles.is_empty() => {
                let right = self.pick(&["ALTER", "CONTROL", "TAKE OWNERSHIP"]);
                (right, format!("role {}", self.pick(&roles)))
            }
            1 => {
                let mut users = users;
                users.extend(["dbo".to_owned(), "guest".to_owned()]);
                let right = self.pick(&["IMPERSONATE", "IMPERSONATE", "CONTROL"]);
                (right, format!("user {}", self.pick(&users)))
            }
            2 if !modules.is_empty() => (whole(self), self.pick(&modules)),
            _ => {
                let schemas = self.bases[base].schemas.clone();
                (whole(self), format!("schema {}", self.pick(&schemas)))
            }
        };
        self.say_in(base, format!("{given} {right} on {on} to {to}"));
    }

    /// A package of an administrator, and perhaps somebody who changes it.
    fn package(&mut self) {
        let (name, base) = (self.name("j"), self.msdb());
        self.say(format!("job {name} owner sa step ssis"));
        if let Some(user) = self.bases[base].users.first().cloned() {
            self.say_in(base, format!("member {user} of db_ssisadmin"));
        }
    }

    /// A right on something that setup put into msdb.
    fn right_in_msdb(&mut self) {
        let base = self.msdb();
        let (given, to) = (self.given(), self.grantee_in(base));
        let right = self.pick(&["INSERT", "UPDATE", "ALTER", "CONTROL", "EXECUTE", "EXECUTE"]);
        let on = self.pick(&[
            "dbo.sysjobs",
            "dbo.sysjobsteps",
            "dbo.sp_add_jobstep",
            "dbo.sp_update_jobstep",
            "schema dbo",
        ]);
        self.say_in(base, format!("{given} {right} on {on} to {to}"));
    }

    fn member_in_database(&mut self) {
        let base = self.any_base();
        let mut roles = vec![
            "db_owner",
            "db_securityadmin",
            "db_ddladmin",
            "db_accessadmin",
            "db_datawriter",
            "db_denydatawriter",
        ];
        if base == self.msdb() {
            roles.extend([
                "SQLAgentUserRole",
                "SQLAgentOperatorRole",
                "db_ssisadmin",
                "dc_admin",
            ]);
        }
        let (users, own) = (
            self.bases[base].users.clone(),
            self.bases[base].roles.clone(),
        );
        let (role, member) = match own.is_empty() || self.once_in(2) {
            true => {
                let mut all = users;
                all.extend(own);
                all.push("guest".to_owned());
                (self.pick(&roles).to_owned(), self.pick(&all))
            }
            false if users.is_empty() => return,
            false => (self.pick(&own), self.pick(&users)),
        };
        self.say_in(base, format!("member {member} of {role}"));
    }

    /// What a module does.
    fn code(&mut self) -> String {
        let calls = |draft: &mut Self| {
            let base = draft.any_base();
            let modules = draft.bases[base].modules.clone();
            let name = draft.bases[base].name.clone();
            let dynamic = if draft.once_in(4) { " dynamic" } else { "" };
            if modules.is_empty() {
                "executes own text".to_owned()
            } else {
                format!("calls{dynamic} {name}.{}", draft.pick(&modules))
            }
        };
        match self.below(8) {
            0..3 => calls(self),
            3..6 => "executes given text".to_owned(),
            6 => self
                .pick(&["runs xp_cmdshell", "runs dynamic xp_cmdshell", "runs ole"])
                .to_owned(),
            _ => format!("runs xp_cmdshell {}", calls(self)),
        }
    }

    /// ` execute as …`, or nothing.
    fn context(&mut self, base: usize) -> String {
        let mut users = self.bases[base].users.clone();
        users.extend(["owner".to_owned(), "self".to_owned(), "guest".to_owned()]);
        if self.once_in(2) {
            format!(" execute as {}", self.pick(&users))
        } else {
            String::new()
        }
    }

    fn procedure(&mut self) {
        let base = self.own_base();
        self.procedure_in(base, "");
    }

    /// A procedure that somebody may run or alter as a rule; its name.
    fn procedure_in(&mut self, base: usize, more: &str) -> String {
        let schemas = self.bases[base].schemas.clone();
        let name = format!("{}.{}", self.pick(&schemas), self.name("p"));
        let (owner, context, code) = (self.owner(base), self.context(base), self.code());
        self.begin_in(
            base,
            format!("procedure {name}{owner}{context}{more} {code}"),
        );
        self.bases[base].modules.push(name.clone());
        if self.once_in(2) {
            let (to, right) = (
                self.grantee_in(base),
                self.pick(&["EXECUTE", "EXECUTE", "ALTER"]),
            );
            self.say_in(base, format!("grant {right} on {name} to {to}"));
        }
        name
    }

    fn right_on_shipped(&mut self) {
        let master = self.master();
        let (given, right, to) = (self.given(), self.pick(SHIPPED), self.grantee_in(master));
        self.say_in(master, format!("{given} EXECUTE on {right} to {to}"));
    }

    fn ole_rights(&mut self) {
        let master = self.master();
        for name in ["sp_OACreate", "sp_OAMethod"] {
            let to = self.grantee_in(master);
            self.say_in(master, format!("grant EXECUTE on {name} to {to}"));
        }
    }

    /// A procedure signed by a key whose login has a right.
    fn signed_procedure(&mut self) {
        let (login, certificate) = (self.name("c"), self.name("k"));
        let kind = self.pick(&["C", "K"]);
        self.begin(format!("login {login} type {kind}"));
        let right = self.pick(&[
            "CONTROL SERVER",
            "UNSAFE ASSEMBLY",
            "ALTER SETTINGS",
            "AUTHENTICATE SERVER",
        ]);
        self.say(format!("grant {right} to {login}"));
        let base = self.own_base();
        if self.once_in(4) {
            let user = self.name("u");
            self.begin_in(base, format!("user {user} for {login}"));
            self.bases[base].users.push(user);
        }
        let (word, of) = if kind == "C" {
            ("certificate", "")
        } else {
            ("key", "key ")
        };
        let private = self.pick(&["", " private key", " private key with password"]);
        self.begin_in(base, format!("{word} {certificate}{private} for {login}"));
        if self.once_in(2) {
            let to = self.grantee_in(base);
            self.say_in(
                base,
                format!("grant CONTROL on {word} {certificate} to {to}"),
            );
            self.say_in(base, format!("grant CREATE ASSEMBLY to {to}"));
            if self.once_in(2) {
                let schema = self.pick(&self.bases[base].schemas.clone());
                self.say_in(base, format!("grant ALTER on schema {schema} to {to}"));
            }
        }
        let by = self.pick(&["signed", "signed", "countersigned"]);
        let name = self.procedure_in(base, &format!(" {by} by {of}{certificate}"));
        let to = self.grantee_in(base);
        self.say_in(base, format!("grant EXECUTE on {name} to {to}"));
    }

    fn assembly(&mut self) {
        let base = self.own_base();
        let (name, owner) = (self.name("a"), self.owner(base));
        let set = self.pick(&["safe", "external", "unsafe", "unsafe"]);
        self.begin_in(base, format!("assembly {name} {set}{owner}"));
        let (given, to) = (self.given(), self.grantee_in(base));
        let right = self.pick(&["ALTER", "CONTROL", "TAKE OWNERSHIP", "REFERENCES"]);
        self.say_in(base, format!("{given} {right} on assembly {name} to {to}"));
        if self.once_in(3) {
            let schema = self.pick(&self.bases[base].schemas.clone());
            self.say_in(base, format!("grant ALTER on schema {schema} to {to}"));
        }
        if self.once_in(2) {
            let (procedure, context) = (format!("dbo.{}", self.name("x")), self.context(base));
            self.begin_in(
                base,
                format!("clr procedure {procedure} of {name}{context}"),
            );
            let to = self.grantee_in(base);
            self.say_in(base, format!("grant EXECUTE on {procedure} to {to}"));
            self.bases[base].modules.push(procedure);
        }
    }

    fn trigger(&mut self) {
        let base = self.own_base();
        let (name, context) = (self.name("t"), self.context(base));
        let off = if self.once_in(5) { " disabled" } else { "" };
        let code = self.code();
        if self.once_in(2) {
            return self.begin_in(base, format!("ddl trigger {name}{context}{off} {code}"));
        }
        let schemas = self.bases[base].schemas.clone();
        let table = format!("{}.{}", self.pick(&schemas), self.name("w"));
        self.begin_in(base, format!("table {table}"));
        self.begin_in(
            base,
            format!("trigger {name} on {table}{context}{off} {code}"),
        );
        let rights = ["ALTER", "CONTROL", "INSERT", "UPDATE", "DELETE"];
        let (right, to) = (self.pick(&rights), self.grantee_in(base));
        self.say_in(base, format!("grant {right} on {table} to {to}"));
    }

    fn queue(&mut self) {
        let base = self.own_base();
        let name = self.procedure_in(base, "");
        let mut users = self.bases[base].users.clone();
        users.push("owner".to_owned());
        let (queue, user) = (self.name("dbo.n"), self.pick(&users));
        let off = if self.once_in(5) { " off" } else { "" };
        self.begin_in(
            base,
            format!("queue {queue} runs {name} execute as {user}{off}"),
        );
        let to = self.grantee_in(base);
        self.say_in(base, format!("grant ALTER on {name} to {to}"));
    }

    /// A module that somebody may alter, `Database.schema.name`.
    fn alterable(&mut self, base: usize) -> String {
        let name = self.procedure_in(base, "");
        let to = self.grantee_in(base);
        self.say_in(base, format!("grant ALTER on {name} to {to}"));
        format!("{}.{name}", self.bases[base].name)
    }

    fn job(&mut self) {
        let (name, base) = (self.name("j"), self.own_base());
        let mut owners = self.logins.clone();
        owners.extend(["sa".to_owned(), "nobody".to_owned()]);
        let owner = self.pick(&owners);
        let off = if self.once_in(6) { " disabled" } else { "" };
        if self.once_in(3) {
            return self.say(format!("job {name} owner {owner}{off} step ssis"));
        }
        let callee = self.alterable(base);
        let user = self.bases[base]
            .users
            .last()
            .cloned()
            .filter(|_| self.once_in(3));
        let as_user = user.map(|user| format!(" as {user} in {}", self.bases[base].name));
        let as_user = as_user.unwrap_or_default();
        self.say(format!(
            "job {name} owner {owner}{off} step calls {callee}{as_user}"
        ));
    }

    fn startup(&mut self) {
        let base = self.own_base();
        let callee = self.alterable(base);
        if self.once_in(2) {
            let (boot, master) = (format!("dbo.{}", self.name("b")), self.master());
            self.begin_in(master, format!("procedure {boot} calls {callee}"));
            return self.say(format!("startup {boot}"));
        }
        let name = self.name("t");
        let context = if self.once_in(2) {
            format!(" execute as {}", self.pick(&self.logins.clone()))
        } else {
            String::new()
        };
        let off = if self.once_in(5) { " disabled" } else { "" };
        self.say(format!(
            "server trigger {name}{context}{off} calls {callee}"
        ));
    }

    fn link(&mut self) {
        let name = self.name("L");
        let places = [
            "localhost",
            "localhost",
            ".",
            "SQL01",
            "SQL01\\ERP",
            "FAR",
            "127.0.0.2",
            "\"np:\\\\.\\pipe\\sql\\query\"",
            "10.0.0.7",
            "localhost provider MSDASQL",
        ];
        let to = self.pick(&places);
        let rpc = if self.once_in(3) { " rpc" } else { "" };
        let data = self.perhaps("data");
        self.say(format!("link {name} to {to}{rpc}{data}"));
        let mut remotes = self.logins.clone();
        remotes.push("sa".to_owned());
        for _ in 0..self.between(1, 2) {
            let (local, remote) = (self.pick(&self.logins.clone()), self.pick(&remotes));
            let local = if self.once_in(2) {
                "default".to_owned()
            } else {
                local
            };
            let how = if self.once_in(5) {
                "self".to_owned()
            } else {
                format!("as {remote}")
            };
            self.say(format!("link login {name} {local} {how}"));
        }
        if self.once_in(2) {
            let to = self.grantee();
            self.say(format!("grant ALTER ANY LINKED SERVER to {to}"));
        }
    }

    fn proxy(&mut self) {
        let (name, msdb) = (self.name("y"), self.msdb());
        let subsystem = self.pick(&["cmdexec", "powershell", "ssis", "activex"]);
        let off = self.pick(&["", "", "", " disabled", " without subsystem"]);
        let mut msdb_roles = self.bases[msdb].roles.clone();
        msdb_roles.push("SQLAgentUserRole".to_owned());
        let to = match self.below(3) {
            0 if !self.roles.is_empty() => {
                format!("server role {}", self.pick(&self.roles.clone()))
            }
            1 => format!("msdb role {}", self.pick(&msdb_roles)),
            _ => format!("login {}", self.pick(&self.logins.clone())),
        };
        self.say(format!("proxy {name} {subsystem}{off} to {to}"));
        let mut users = self.bases[msdb].users.clone();
        users.extend(self.bases[msdb].roles.clone());
        if !users.is_empty() {
            let (user, role) = (
                self.pick(&users),
                self.pick(&["SQLAgentUserRole", "SQLAgentReaderRole"]),
            );
            self.say_in(msdb, format!("member {user} of {role}"));
        }
    }

    fn extended_procedure(&mut self) {
        let (name, master) = (self.name("xp"), self.master());
        self.begin_in(master, format!("extended procedure {name} own.dll"));
        let to = self.grantee_in(master);
        self.say_in(master, format!("grant EXECUTE on dbo.{name} to {to}"));
        self.bases[master].modules.push(format!("dbo.{name}"));
        let service = "login \"NT SERVICE\\MSSQLSERVER\" type U";
        if self.once_in(2) && !self.has_begun(service) {
            self.begin(service.to_owned());
            self.begin("member \"NT SERVICE\\MSSQLSERVER\" of sysadmin".to_owned());
        }
    }

    /// CONTROL SERVER where a DENY leaves nothing else of it, for whoever joins a role.
    fn control_server(&mut self) {
        let (role, login) = (self.name("r"), self.pick(&self.logins.clone()));
        self.begin(format!("server role {role} owner {login}"));
        self.say(format!("grant CONTROL SERVER to {role}"));
        self.say(format!("deny IMPERSONATE ANY LOGIN to {role}"));
    }

    /// A TRUSTWORTHY database of an owner who vouches and can do nothing else, and an administrator besides sa.
    fn vouching_owner(&mut self) {
        let (owner, dba, database) = (self.name("o"), self.name("d"), self.name("V"));
        self.begin(format!("login {owner}"));
        self.begin(format!("login {dba}"));
        self.begin(format!("database {database} owner {owner} trustworthy"));
        self.begin("edition express".to_owned());
        self.say(format!("grant AUTHENTICATE SERVER to {owner}"));
        self.say(format!("member {dba} of sysadmin"));
    }

    fn rare(&mut self) {
        let base = self.own_base();
        match self.below(8) {
            6 => self.package(),
            4 => self.control_server(),
            5 => self.vouching_owner(),
            0 => {
                let (name, to) = (self.name("g"), self.grantee_in(base));
                self.begin_in(base, format!("app role {name}"));
                self.bases[base]
                    .roles
                    .clone()
                    .iter()
                    .take(1)
                    .for_each(|role| {
                        self.say_in(base, format!("member {name} of {role}"));
                    });
                let right = self.pick(&["ALTER", "CONTROL"]);
                self.say_in(base, format!("grant {right} on app role {name} to {to}"));
            }
            1 => {
                let (name, to) = (self.name("Z"), self.grantee_in(base));
                self.begin_in(base, format!("language {name}"));
                let line = format!("grant EXECUTE EXTERNAL SCRIPT on language {name} to {to}");
                self.say_in(base, line);
            }
            2 => {
                let login = self.pick(&self.logins.clone());
                self.begin(format!("service \"SQL Server (OTHER)\" as {login}"));
            }
            _ => {
                let login = self.pick(&self.logins.clone());
                self.say(format!("member {login} of dbcreator"));
            }
        }
    }
}
