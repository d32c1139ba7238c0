//! Instances in a few lines: a language in which a test says who is who on a SQL Server, and gets the snapshot and the
//! observations of its code, with everything that setup installs.
//!
//! Lines end at a line break or a semicolon; `--` begins a remark; names with blanks, dots or commas stand in `"…"`.
//!
//! ```text
//! version 16 | version 16.0.4195.2 | platform windows|linux | edition express|managed | instance ERP
//! windows only                                              no SQL logins
//! endpoint HOST[,PORT]                                      where it was reached
//! unseen FACT                                               that list was not seen
//! login NAME [type U|G|C|K|X] [disabled]
//! server role NAME [owner LOGIN]                            member NAME of ROLE
//! grant|deny PERMISSION [on login|server role NAME] to NAME [with grant option]
//! group NAME has A, B | group NAME count 12
//! option NAME = 1                                           service NAME as ACCOUNT
//! credential xp_cmdshell proxy IDENTITY                     credential NAME IDENTITY
//! proxy NAME cmdexec|powershell|ssis|activex [disabled] [without subsystem] to login|server role|msdb role NAME …
//! job NAME owner LOGIN|nobody|windows [disabled] step calls Db.s.p [as USER in Db] | step ssis | step cmdexec by PROXY …
//! link NAME to HOST | to nothing [provider NAME] [rpc] [data]
//! link login LINK LOGIN|default as REMOTE | self
//! startup s.p                                               server trigger NAME [execute as LOGIN] [disabled] CODE…
//! database NAME [owner LOGIN | orphan owner | windows owner] [dbo LOGIN] [contained] [trustworthy] [chaining] [broker] [excluded]
//! change DATABASE [owner LOGIN] [trustworthy off] [chaining off]     trust hash 0x…
//! in DATABASE:                                              the lines that follow are about it, until `server:`
//!   user NAME [for LOGIN | without login | orphan | contained | windows | windows group] [without connect]
//!   role NAME [owner NAME]      app role NAME               member NAME of ROLE
//!   schema NAME [owner NAME]    table s.t                   language NAME
//!   grant|deny PERMISSION [on s.o | on XP | on schema|user|role|app role|assembly|certificate|key|language NAME]
//!     to NAME [with grant option]
//!   procedure s.p [owner NAME] [execute as owner|self|NAME] [signed|countersigned by [key] NAME] CODE…
//!   trigger NAME on s.t [execute as …] [disabled] CODE…     ddl trigger NAME … the same
//!   queue s.q runs s.p execute as owner|NAME [off]
//!   certificate NAME [private key [with password]] [for LOGIN]     key NAME … the same, an asymmetric key
//!   assembly NAME safe|external|unsafe [owner NAME]         clr procedure s.p of ASSEMBLY [execute as …]
//!   extended procedure NAME DLL
//! CODE: calls [dynamic] Db.s.p | runs [dynamic] xp_cmdshell|ole|external_script|registry
//!     | executes given text | executes own text | executes unknown text
//! ```
//!
//! A user is `for` the login of its name where there is one, else without login; it has CONNECT unless told otherwise.

mod agent;
mod builder;
mod code;
mod database;
mod external;
mod installed;
mod line;
mod links;
mod names;
mod server;

use mssql_posture::graph::{Channel, Code, Db, Graph, Groups, Node};
use mssql_posture::ids::PrincipalId;
use mssql_posture::snapshot::Snapshot;

use builder::Builder;
use line::Line;

/// An instance that was described.
#[derive(Clone, Debug)]
pub struct Built {
    /// What the catalog says.
    pub snapshot: Snapshot,
    /// What the code does.
    pub code: Code,
    /// What the inventory says of groups.
    pub groups: Groups,
}

/// The instance that these lines describe. Panics at a line that says nothing.
pub fn estate(text: &str) -> Built {
    let lines = || text.split(['\n', ';']).map(Line::of);
    let mut builder = Builder::of_version(&version(lines()));
    for mut line in lines().filter(|line| !line.is_empty()) {
        builder.read(&mut line);
        line.end();
    }
    builder.finish()
}

/// What the line `version` says, which decides what is installed; 16 where there is none.
fn version<'t>(lines: impl Iterator<Item = Line<'t>>) -> String {
    let mut found = lines.filter_map(|mut line| line.take("version").then(|| line.name()));
    found.next().unwrap_or_else(|| "16".to_owned())
}

impl Built {
    /// The graph of it.
    pub fn graph(&self) -> Graph<'_> {
        Graph::new(&self.snapshot, &self.code, &self.groups)
    }

    /// A login or server role.
    pub fn login(&self, name: &str) -> Node {
        Node::login(self.login_id(name))
    }

    /// Its id.
    pub fn login_id(&self, name: &str) -> PrincipalId {
        let mut logins = self.snapshot.server.server_principals.seen().iter();
        let found = logins.find(|login| login.name == name);
        found
            .unwrap_or_else(|| panic!("no login {name}"))
            .principal_id
    }

    /// A database.
    pub fn db(&self, name: &str) -> Db {
        let mut databases = self.snapshot.databases.iter();
        let at = databases.position(|facts| facts.name.as_str() == name);
        Db::try_from(at.unwrap_or_else(|| panic!("no database {name}"))).unwrap()
    }

    /// A user, application role or database role.
    pub fn user(&self, database: &str, name: &str) -> Node {
        let db = self.db(database);
        let users = &self.snapshot.databases[db as usize].database_principals;
        let found = users.seen().iter().find(|user| user.name == name);
        let id = found.unwrap_or_else(|| panic!("no user {name} in {database}"));
        Node::user(db, id.principal_id)
    }

    /// A database role.
    pub fn role(&self, database: &str, name: &str) -> Node {
        self.user(database, name)
    }

    /// Database and object id of a module, `schema.name`.
    pub fn module(&self, database: &str, name: &str) -> (Db, i32) {
        let db = self.db(database);
        let facts = &self.snapshot.databases[db as usize];
        let triggers = facts
            .triggers
            .seen()
            .iter()
            .map(|trigger| trigger.object_id);
        let objects = facts.objects.seen().iter().map(|object| object.object_id);
        let mut all = objects.chain(triggers);
        let found = all.find(|id| facts.object_name(*id) == name);
        (
            db,
            found.unwrap_or_else(|| panic!("no module {name} in {database}")),
        )
    }

    /// The place that words name: `sysadmin`, `settings`, `command xp_cmdshell`, `inside Db`, `owner Db`, `own
    /// database`, `runs Db dbo.p`, `alters Db dbo.p`, `queries LOGIN`, `joins Db ROLE`, `Db.user`, else a login.
    pub fn place(&self, words: &str) -> Node {
        let (first, rest) = words.split_once(' ').unwrap_or((words, ""));
        let module = || {
            let (database, name) = rest.split_once(' ').unwrap();
            self.module(database, name)
        };
        match (first, rest) {
            ("sysadmin", "") => Node::Sysadmin,
            ("settings", "") => Node::Settings,
            ("own", "database") => Node::OwnDatabase,
            ("command", word) => Node::Command(channel(word)),
            ("inside", name) => Node::Inside(self.db(name)),
            ("owner", name) => Node::Owner(self.db(name)),
            ("queries", name) => Node::Queries(self.login_id(name)),
            ("runs", _) => Node::Runs(module().0, module().1),
            ("alters", _) => Node::Alters(module().0, module().1),
            _ => match words
                .split_once('.')
                .filter(|(db, _)| self.has_database(db))
            {
                Some((database, user)) => self.user(database, user),
                None => self.login(words),
            },
        }
    }

    fn has_database(&self, name: &str) -> bool {
        let mut databases = self.snapshot.databases.iter();
        databases.any(|facts| facts.name.as_str() == name)
    }
}

fn channel(word: &str) -> Channel {
    let found = Channel::ALL.into_iter().find(|c| c.as_str() == word);
    found.unwrap_or_else(|| panic!("no channel {word}"))
}
