//! Small estates at random, as lines of the test language; every line stands by itself, so that any can be left out.

use proptest::prelude::*;
use proptest::test_runner::TestRng;

/// Estates, each a text.
pub fn estates() -> impl Strategy<Value = String> {
    Just(()).prop_perturb(|(), rng| Draft::new(rng).write())
}

/// A database as far as it is drafted.
pub struct Base {
    pub name: String,
    /// Users, application roles aside.
    pub users: Vec<String>,
    pub roles: Vec<String>,
    pub modules: Vec<String>,
    pub schemas: Vec<String>,
    /// Lines that name things, then lines about them.
    first: Vec<String>,
    then: Vec<String>,
}

/// An estate being drafted.
pub struct Draft {
    rng: TestRng,
    pub version: u16,
    /// Once in so many times a right is denied.
    pub denies: usize,
    pub logins: Vec<String>,
    pub roles: Vec<String>,
    pub bases: Vec<Base>,
    first: Vec<String>,
    then: Vec<String>,
    count: u32,
}

impl Draft {
    fn new(rng: TestRng) -> Self {
        Self {
            rng,
            version: 16,
            denies: 4,
            logins: Vec::new(),
            roles: Vec::new(),
            bases: Vec::new(),
            first: Vec::new(),
            then: Vec::new(),
            count: 0,
        }
    }

    fn write(mut self) -> String {
        self.settings();
        self.principals();
        self.databases();
        for _ in 0..self.between(6, 20) {
            self.statement();
        }
        let mut lines = self.first;
        for base in &self.bases {
            lines.extend(
                base.first
                    .iter()
                    .map(|line| format!("in {}: {line}", base.name)),
            );
        }
        for base in &self.bases {
            lines.extend(
                base.then
                    .iter()
                    .map(|line| format!("in {}: {line}", base.name)),
            );
        }
        lines.extend(self.then.iter().map(|line| format!("server: {line}")));
        lines.join("\n")
    }

    /// A number from `0` up to and without `end`.
    pub fn below(&mut self, end: usize) -> usize {
        self.rng.next_u32() as usize % end.max(1)
    }

    pub fn between(&mut self, from: usize, to: usize) -> usize {
        from + self.below(to + 1 - from)
    }

    /// True once in so many times.
    pub fn once_in(&mut self, times: usize) -> bool {
        self.below(times) == 0
    }

    pub fn pick<T: Clone>(&mut self, of: &[T]) -> T {
        let at = self.below(of.len());
        of[at].clone()
    }

    /// One of some words, or nothing, as often.
    pub fn perhaps(&mut self, word: &str) -> String {
        if self.once_in(2) {
            format!(" {word}")
        } else {
            String::new()
        }
    }

    /// A new name.
    pub fn name(&mut self, kind: &str) -> String {
        self.count += 1;
        format!("{kind}{}", self.count)
    }

    /// Whether a line that names something is there.
    pub fn has_begun(&self, line: &str) -> bool {
        self.first.iter().any(|own| own == line)
    }

    /// A line of the instance that names something.
    pub fn begin(&mut self, line: String) {
        self.first.push(line);
    }

    /// A line of the instance about what has a name.
    pub fn say(&mut self, line: String) {
        self.then.push(line);
    }

    pub fn begin_in(&mut self, base: usize, line: String) {
        self.bases[base].first.push(line);
    }

    pub fn say_in(&mut self, base: usize, line: String) {
        self.bases[base].then.push(line);
    }

    fn settings(&mut self) {
        let versions = [11, 12, 13, 14, 15, 16, 16, 17];
        self.version = self.pick(&versions);
        let build = match self.version {
            16 => self.pick(&["16", "16.0.4195.2", "16.0.4210.1"]).to_owned(),
            version => version.to_string(),
        };
        self.begin(format!("version {build}"));
        self.denies = self.pick(&[2, 4, 4, 8]);
        match self.below(24) {
            0 | 1 => self.begin("edition express".to_owned()),
            2 => self.begin("edition managed".to_owned()),
            3 if self.version >= 14 => self.begin("platform linux".to_owned()),
            4 => self.begin("instance ERP".to_owned()),
            _ => {}
        }
        if self.once_in(15) {
            self.begin("windows only".to_owned());
        }
        if self.version >= 14 && self.once_in(3) {
            self.begin("option \"clr strict security\" = 0".to_owned());
        }
        if self.once_in(6) {
            self.begin("option \"cross db ownership chaining\" = 1".to_owned());
        }
        if self.once_in(2) {
            self.begin("option \"Ole Automation Procedures\" = 1".to_owned());
        }
        if self.once_in(2) {
            self.begin("credential xp_cmdshell proxy \"CORP\\low\"".to_owned());
        }
    }

    fn principals(&mut self) {
        for _ in 0..self.between(2, 5) {
            let name = self.name("l");
            let kinds = [
                "",
                "",
                "",
                "",
                "",
                " type U",
                " type U disabled",
                " type G",
                " type G",
                " type X",
            ];
            let kind = self.pick(&kinds);
            self.begin(format!("login {name}{kind}"));
            if matches!(kind, " type G" | " type X") && !self.logins.is_empty() {
                let member = self.pick(&self.logins.clone());
                self.begin(format!("group {name} has {member}"));
            }
            self.logins.push(name);
        }
        for _ in 0..self.below(4) {
            let name = self.name("r");
            let owner = if self.once_in(2) {
                self.pick(&self.logins.clone())
            } else {
                "sa".to_owned()
            };
            self.begin(format!("server role {name} owner {owner}"));
            if let Some(above) = self.roles.last().cloned().filter(|_| self.once_in(2)) {
                self.begin(format!("member {name} of {above}"));
            }
            self.roles.push(name);
        }
    }

    fn databases(&mut self) {
        let own = self.between(1, 3);
        for at in 0..own {
            let name = format!("D{at}");
            let owner = match self.below(8) {
                0 => "orphan owner".to_owned(),
                1..4 => "owner sa".to_owned(),
                _ => format!("owner {}", self.pick(&self.logins.clone())),
            };
            let restored = if self.once_in(8) {
                format!(" dbo {}", self.pick(&self.logins.clone()))
            } else {
                String::new()
            };
            let trusted = if self.once_in(3) { " trustworthy" } else { "" };
            let (chaining, broker) = (self.perhaps("chaining"), self.perhaps("broker"));
            let out = if at > 0 && self.once_in(12) {
                " excluded"
            } else {
                ""
            };
            self.begin(format!(
                "database {name} {owner}{restored}{trusted}{chaining}{broker}{out}"
            ));
            let owner = owner.strip_prefix("owner ").unwrap_or_default().to_owned();
            let dbo = restored.strip_prefix(" dbo ").unwrap_or(&owner).to_owned();
            self.base(name, &dbo, 4);
            if self.once_in(4) {
                self.say_in(at, "grant CONNECT to guest".to_owned());
            }
        }
        self.base("master".to_owned(), "sa", 2);
        self.base("msdb".to_owned(), "sa", 2);
    }

    /// A database with users of some logins, of its owner none.
    fn base(&mut self, name: String, owner: &str, most: usize) {
        let (users, roles, modules) = (Vec::new(), Vec::new(), Vec::new());
        let schemas = vec!["dbo".to_owned()];
        let (first, then) = (Vec::new(), Vec::new());
        self.bases.push(Base {
            name,
            users,
            roles,
            modules,
            schemas,
            first,
            then,
        });
        let at = self.bases.len() - 1;
        for login in self.logins.clone().iter().filter(|login| *login != owner) {
            if self.bases[at].users.len() < most && self.once_in(2) {
                let user = self.name("u");
                let connect = if self.once_in(8) {
                    " without connect"
                } else {
                    ""
                };
                self.begin_in(at, format!("user {user} for {login}{connect}"));
                self.bases[at].users.push(user);
            }
        }
        if self.bases[at].users.len() < most && self.once_in(4) {
            let user = self.name("u");
            let how = self.pick(&["without login", "orphan", "contained"]);
            self.begin_in(at, format!("user {user} {how}"));
            self.bases[at].users.push(user);
        }
        for _ in 0..self.below(most) {
            let role = self.name("q");
            let owner = self.owner(at);
            self.begin_in(at, format!("role {role}{owner}"));
            if let Some(above) = self.bases[at]
                .roles
                .last()
                .cloned()
                .filter(|_| self.once_in(2))
            {
                self.begin_in(at, format!("member {role} of {above}"));
            }
            self.bases[at].roles.push(role);
        }
        if self.once_in(3) {
            let schema = self.name("s");
            let owner = self.owner(at);
            self.begin_in(at, format!("schema {schema}{owner}"));
            self.bases[at].schemas.push(schema);
        }
    }

    /// ` owner NAME`, or nothing.
    pub fn owner(&mut self, base: usize) -> String {
        let mut people = self.bases[base].users.clone();
        people.extend(self.bases[base].roles.clone());
        people.push("dbo".to_owned());
        if !self.once_in(3) {
            return String::new();
        }
        format!(" owner {}", self.pick(&people))
    }

    /// A login, a server role, seldom public.
    pub fn grantee(&mut self) -> String {
        let mut all = self.logins.clone();
        all.extend(self.roles.clone());
        if self.once_in(12) {
            "public".to_owned()
        } else {
            self.pick(&all)
        }
    }

    /// A user, a role, seldom public and guest.
    pub fn grantee_in(&mut self, base: usize) -> String {
        let mut all = self.bases[base].users.clone();
        all.extend(self.bases[base].roles.clone());
        if all.is_empty() || self.once_in(8) {
            return self.pick(&["public", "guest"]).to_owned();
        }
        self.pick(&all)
    }

    /// Any database.
    pub fn any_base(&mut self) -> usize {
        self.below(self.bases.len())
    }

    /// A database of the estate's own; seldom master or msdb.
    pub fn own_base(&mut self) -> usize {
        let own = self.bases.len() - 2;
        if self.once_in(8) {
            self.any_base()
        } else {
            self.below(own)
        }
    }

    pub fn master(&self) -> usize {
        self.bases.len() - 2
    }

    pub fn msdb(&self) -> usize {
        self.bases.len() - 1
    }
}
