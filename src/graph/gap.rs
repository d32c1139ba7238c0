//! What was not seen, as the worst that it could hold. The same search with these steps added gives the upper end of
//! exposure: whatever is learned later adds no way that they do not have.

use super::build::Graph;
use super::channel::Channel;
use super::index::{DBO, Db, PUBLIC_SERVER, SA, Scope};
use super::module::{Key, Signers};
use super::node::Node;
use super::step::{Edge, Step};
use super::steps::LoginKey;
use crate::ids::{DatabaseName, PrincipalId};
use crate::snapshot::{DatabaseFacts, Fact, FactState, Snapshot};

/// A step that is taken to be there.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord)]
pub struct Assumption {
    /// Where it leads: by this they are looked for.
    pub to: Node,
    /// Where it begins.
    pub from: Node,
    /// Whether it waits for somebody.
    pub waits: bool,
}

impl Assumption {
    /// The step that is assumed.
    pub fn edge(&self) -> Edge {
        let step = if self.waits {
            Step::UnseenRun
        } else {
            Step::Unseen
        };
        Edge::new(self.from, step, [])
    }
}

/// Something that was not seen.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Gap {
    /// The fact, where, and what would settle it.
    pub state: FactState,
    /// The steps that it could hold.
    pub steps: Vec<Assumption>,
    /// Whether options are taken to be on.
    pub options_on: bool,
    /// Whether xp_cmdshell is taken to have a proxy account.
    pub has_proxy: bool,
}

/// What is assumed at once.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct Assumed {
    /// Steps, in order of where they lead.
    pub steps: Vec<Assumption>,
    /// See [`Gap::options_on`].
    pub options_on: bool,
    /// See [`Gap::has_proxy`].
    pub has_proxy: bool,
}

impl Assumed {
    /// Those that lead to a place.
    pub fn leading_to(&self, node: Node) -> impl Iterator<Item = &Assumption> {
        let start = self.steps.partition_point(|step| step.to < node);
        let steps = self.steps.get(start..).unwrap_or_default().iter();
        steps.take_while(move |step| step.to == node)
    }

    /// All of some gaps.
    pub fn of<'g>(gaps: impl IntoIterator<Item = &'g Gap>) -> Self {
        let mut assumed = Self::default();
        for gap in gaps {
            assumed.steps.extend(&gap.steps);
            assumed.options_on |= gap.options_on;
            assumed.has_proxy |= gap.has_proxy;
        }
        assumed.steps.sort();
        assumed.steps.dedup();
        assumed
    }
}

/// Where everybody would be by what a fact of the instance could hold.
enum Worst {
    /// Everybody has the power of sysadmin.
    Sysadmin,
    /// The same, after waiting.
    SysadminWaiting,
    /// Everybody runs commands through these channels.
    Commands(&'static [Channel]),
    /// Options are on.
    Options,
    /// xp_cmdshell has a proxy account.
    Proxy,
}

const AGENT: &[Channel] = &[
    Channel::AgentCmdExec,
    Channel::AgentPowerShell,
    Channel::AgentSsis,
    Channel::AgentActiveX,
];

/// Facts of the instance that steps rest on. What is not here cannot add a way.
const OF_SERVER: &[(Fact, Worst)] = &[
    (Fact::ServerPrincipals, Worst::Sysadmin),
    (Fact::ServerRoleMembers, Worst::Sysadmin),
    (Fact::ServerPermissions, Worst::Sysadmin),
    (Fact::Databases, Worst::Sysadmin),
    (Fact::LinkedServers, Worst::Sysadmin),
    (Fact::LinkedLogins, Worst::Sysadmin),
    (Fact::Configurations, Worst::Options),
    (Fact::Credentials, Worst::Proxy),
    (
        Fact::SystemExtendedProcedures,
        Worst::Commands(&[
            Channel::XpCmdshell,
            Channel::OleAutomation,
            Channel::RegistryAutorun,
        ]),
    ),
    (Fact::StartupProcedures, Worst::SysadminWaiting),
    (Fact::ServerTriggers, Worst::SysadminWaiting),
    (Fact::ServerModules, Worst::SysadminWaiting),
    (Fact::Jobs, Worst::SysadminWaiting),
    (Fact::JobSteps, Worst::SysadminWaiting),
    (Fact::Proxies, Worst::Commands(AGENT)),
    (Fact::ProxySubsystems, Worst::Commands(AGENT)),
    (Fact::ProxyLogins, Worst::Commands(AGENT)),
    (Fact::Subsystems, Worst::Commands(AGENT)),
    (Fact::Services, Worst::Commands(&[])),
];

/// Facts of a database whose rows could make everybody its dbo.
const OF_DATABASE: &[Fact] = &[
    Fact::DatabasePrincipals,
    Fact::DatabaseRoleMembers,
    Fact::DatabasePermissions,
    Fact::Schemas,
    Fact::Objects,
    Fact::Modules,
    Fact::CryptProperties,
    Fact::Certificates,
    Fact::AsymmetricKeys,
];

/// Facts of a database whose rows could have it run what somebody else decides.
const RUN_BY_ITSELF: &[Fact] = &[Fact::Triggers, Fact::ServiceQueues];

impl Graph<'_> {
    /// Everything that was not seen and could add a way.
    pub fn gaps(&self) -> Vec<Gap> {
        let snapshot = self.index.snapshot;
        let mut gaps = Vec::new();
        for (fact, worst) in OF_SERVER {
            gaps.extend(Self::of_server(snapshot, *fact, worst));
        }
        gaps.extend(self.unlisted());
        for (db, facts) in self.index.databases() {
            gaps.extend(self.of_database(db, facts));
            gaps.extend(self.of_trust(db));
            gaps.extend(self.of_texts(db, facts));
            gaps.extend(self.of_given_texts(db, facts));
            gaps.extend(self.of_passwords(db, facts));
        }
        gaps.extend(self.of_job_texts());
        gaps.extend(self.of_links());
        gaps.extend(self.of_accounts());
        gaps
    }

    fn of_server(snapshot: &Snapshot, fact: Fact, worst: &Worst) -> Option<Gap> {
        let state = fact
            .unsettled(snapshot)
            .into_iter()
            .find(|s| s.database.is_none())?;
        let mut gap = Gap::of(state, Vec::new());
        match worst {
            Worst::Sysadmin => gap.steps.push(everybody(Node::Sysadmin)),
            Worst::SysadminWaiting => gap.steps.push(Assumption {
                waits: true,
                ..everybody(Node::Sysadmin)
            }),
            Worst::Commands(channels) => {
                let channels = channels.iter();
                gap.steps
                    .extend(channels.map(|c| everybody(Node::Command(*c))));
            }
            Worst::Options => gap.options_on = true,
            Worst::Proxy => gap.has_proxy = true,
        }
        Some(gap)
    }

    /// Databases that the server lists and the snapshot holds nothing of.
    fn unlisted(&self) -> Vec<Gap> {
        let snapshot = self.index.snapshot;
        let rows = snapshot.server.databases.seen().iter();
        let unlisted = rows.filter(|row| {
            let mut facts = snapshot.databases.iter();
            !facts.any(|d| d.database_id == row.database_id)
        });
        unlisted
            .map(|row| {
                let state = FactState {
                    fact: Fact::DatabaseSession.name(),
                    database: Some(DatabaseName::new(&row.name)),
                    state: "not_collected",
                    needs: vec!["the facts of this database".to_owned()],
                };
                Gap::of(state, vec![everybody(Node::Sysadmin)])
            })
            .collect()
    }

    /// Of a database that was not seen everybody may be dbo, under its present owner.
    fn of_database(&self, db: Db, facts: &DatabaseFacts) -> Vec<Gap> {
        let unsettled = |fact: &Fact| fact.unsettled_in(facts);
        let mut gaps: Vec<Gap> = Vec::new();
        for state in OF_DATABASE.iter().filter_map(unsettled) {
            // A module that was not seen may hold a command, too.
            let command = Node::Command(Channel::ModuleCommand);
            let mut steps = vec![everybody(Node::Owner(db)), everybody(command)];
            steps.extend(
                self.keys()
                    .into_iter()
                    .map(|key| everybody(Node::login(key))),
            );
            gaps.push(Gap::of(state, steps));
        }
        for state in RUN_BY_ITSELF.iter().filter_map(unsettled) {
            let steps = [Node::Owner(db), Node::Sysadmin].map(|node| Assumption {
                waits: true,
                ..everybody(node)
            });
            gaps.push(Gap::of(state, steps.into()));
        }
        for fact in [Fact::Assemblies, Fact::AssemblyModules] {
            if let Some(state) = unsettled(&fact) {
                gaps.push(Gap::of(state, vec![everybody(Node::Command(Channel::Clr))]));
            }
        }
        if let Some(state) = unsettled(&Fact::ExternalLanguages) {
            let step = everybody(Node::Command(Channel::ExternalScript));
            gaps.push(Gap::of(state, vec![step]));
        }
        if self.master == Some(db)
            && let Some(state) = unsettled(&Fact::ExtendedProcedures)
        {
            let step = everybody(Node::Command(Channel::ExtendedProcedure));
            gaps.push(Gap::of(state, vec![step]));
        }
        gaps
    }

    /// Logins of keys with which a module could be signed that nobody saw. The keys that setup makes sign nothing of
    /// others: their private halves are not there.
    fn keys(&self) -> Vec<PrincipalId> {
        let logins = self.index.snapshot.server.server_principals.seen().iter();
        let keys = logins.filter(|l| matches!(l.r#type.as_str(), "C" | "K"));
        let keys = keys.filter(|l| !l.name.starts_with("##MS_"));
        keys.map(|l| l.principal_id).collect()
    }

    /// Whether a database is TRUSTWORTHY, who owns it, and whether its owner is in a privileged Windows group.
    pub(super) fn of_trust(&self, db: Db) -> Option<Gap> {
        let (row, _) = self.index.database_row(db)?;
        if row.is_trustworthy_on == Some(false) || self.trusted.contains_key(&db) {
            return None;
        }
        let seen = row.is_trustworthy_on.is_some() && row.owner_sid.is_some();
        let needs = if seen {
            let owner = row
                .owner_sid
                .as_deref()
                .and_then(|sid| self.login_of_sid(sid));
            let group = self.privileged_group(owner)?;
            format!(
                "whether the owner is in the group {}",
                crate::ids::named(&group)
            )
        } else {
            "whether it is TRUSTWORTHY and who owns it".to_owned()
        };
        let state = FactState {
            fact: Fact::Databases.name(),
            database: Some(DatabaseName::new(&row.name)),
            state: "partial",
            needs: vec![needs],
        };
        let step = Assumption {
            from: Node::Owner(db),
            to: Node::Sysadmin,
            waits: false,
        };
        Some(Gap::of(state, vec![step]))
    }

    /// A group that may vouch and could hold the owner: members of groups are outside the catalog.
    pub(super) fn privileged_group(&self, owner: Option<PrincipalId>) -> Option<String> {
        let owner = owner.and_then(|owner| self.index.login(owner));
        if owner.is_some_and(|login| matches!(login.r#type.as_str(), "S" | "C" | "K")) {
            return None;
        }
        let mut logins = self.index.snapshot.server.server_principals.seen().iter();
        let group = logins.find(|l| {
            matches!(l.r#type.as_str(), "G" | "X")
                && (self.is_privileged(l.principal_id).is_some()
                    || self.index.holds(l.principal_id, "AUTH").is_some())
        })?;
        Some(group.name.clone())
    }

    /// Modules whose text was not seen may execute what they are given, and hold a command.
    fn of_texts(&self, db: Db, facts: &DatabaseFacts) -> Option<Gap> {
        let signers = Signers::new(&self.index);
        let unseen = facts.modules.seen().iter();
        let unseen = unseen.filter(|m| !m.definition.is_settled());
        let mut steps = Vec::new();
        for module in unseen {
            let key = (db, module.object_id);
            steps.extend(self.of_text(key, &signers));
        }
        let first = facts
            .modules
            .seen()
            .iter()
            .find(|m| !m.definition.is_settled())?;
        if steps.is_empty() {
            return None;
        }
        let mut needs = first.definition.needs();
        needs.insert(
            0,
            format!(
                "the text of {}",
                crate::ids::named(&facts.object_name(first.object_id))
            ),
        );
        let state = FactState {
            fact: Fact::Modules.name(),
            database: Some(facts.name.clone()),
            state: first.definition.state(),
            needs,
        };
        Some(Gap::of(state, steps))
    }

    fn of_text(&self, key: Key, signers: &Signers) -> Vec<Assumption> {
        let from = Node::Runs(key.0, key.1);
        let step = |to| Assumption {
            from,
            to,
            waits: false,
        };
        let mut steps = self.of_given_text(key, signers);
        if self.index.owner_of(key) == Some(DBO) && self.reaches_master(key.0) {
            steps.push(step(Node::Command(Channel::ModuleCommand)));
        }
        let runs_by_itself = self.modules.runs_by_itself(key);
        let waiting = runs_by_itself.into_iter().map(|to| Assumption {
            from: Node::login(PUBLIC_SERVER),
            to,
            waits: true,
        });
        steps.extend(waiting);
        steps
    }

    /// Where it would lead if a module executed text that it is given.
    fn of_given_text(&self, key: Key, signers: &Signers) -> Vec<Assumption> {
        let step = |from, to| Assumption {
            from,
            to,
            waits: false,
        };
        let runs = Node::Runs(key.0, key.1);
        let context = self.index.context_of(key);
        let mut steps: Vec<Assumption> = Vec::new();
        steps.extend(context.map(|user| step(runs, Node::user(key.0, user))));
        let contexts = self.nested().contexts(key).iter();
        steps.extend(contexts.map(|(db, user)| {
            let from = Node::RunsAs(key, (*db, *user));
            step(from, Node::user(*db, *user))
        }));
        let vouched = self.index.vouched_context(key, signers);
        let signers = signers.of(key).iter().chain(&vouched);
        steps.extend(signers.map(|(login, _)| step(runs, Node::login(*login))));
        steps
    }

    /// Modules that execute text may have it from whoever calls them, where that could not be told: it comes from
    /// another module that cannot be read.
    fn of_given_texts(&self, db: Db, facts: &DatabaseFacts) -> Option<Gap> {
        let signers = Signers::new(&self.index);
        let mut steps = Vec::new();
        let mut first = None;
        for key in self.modules.executing_unknown_text(db) {
            let own = self.of_given_text(key, &signers);
            if !own.is_empty() && first.is_none() {
                first = Some(crate::ids::named(&facts.object_name(key.1)));
            }
            steps.extend(own);
        }
        let state = FactState {
            fact: Fact::Modules.name(),
            database: Some(facts.name.clone()),
            state: "partial",
            needs: vec![format!(
                "where the text comes from that {} executes",
                first?
            )],
        };
        Some(Gap::of(state, steps))
    }

    /// Whoever may use a key that has a login signs a module of his own with it, if he knows its password.
    fn of_passwords(&self, db: Db, facts: &DatabaseFacts) -> Vec<Gap> {
        let keys = self.login_keys(db).into_iter();
        let keys = keys.filter(|key| key.private == "PW");
        let gap = |key: LoginKey| {
            let edges = self.signing_own(db, &key).into_iter();
            let step = |from| Assumption {
                from,
                to: Node::login(key.login),
                waits: false,
            };
            let steps = edges.map(|edge| step(edge.from)).collect();
            let state = FactState {
                fact: key.fact.fact.name(),
                database: Some(facts.name.clone()),
                state: "partial",
                needs: vec![format!(
                    "who knows the password of the private key of {}",
                    crate::ids::named(&key.name)
                )],
            };
            Gap::of(state, steps)
        };
        keys.map(gap).collect()
    }

    /// A job step whose text was not seen may call what others decide.
    fn of_job_texts(&self) -> Option<Gap> {
        let server = &self.index.snapshot.server;
        let read = |id: &str, step| {
            let mut steps = self.code.steps.iter();
            steps.any(|s| s.job_id == id && s.step_id == step)
        };
        let mut steps = server.job_steps.seen().iter();
        let unread = steps.find(|s| {
            s.subsystem.eq_ignore_ascii_case("TSQL")
                && s.command.is_some()
                && !read(&s.job_id, s.step_id)
        })?;
        let state = FactState {
            fact: Fact::JobSteps.name(),
            database: None,
            state: "not_collected",
            needs: vec![format!(
                "the text of step {}",
                crate::ids::named(&unread.step_name)
            )],
        };
        let step = Assumption {
            waits: true,
            ..everybody(Node::Sysadmin)
        };
        Some(Gap::of(state, vec![step]))
    }

    /// Whether the snapshot says that the instance itself was not seen; then nothing of it is known.
    pub fn is_blank(&self) -> bool {
        self.index.login(SA).is_none() && self.index.scope(Scope::Server).ids().is_empty()
    }
}

impl Gap {
    pub(super) fn of(state: FactState, steps: Vec<Assumption>) -> Self {
        Self {
            state,
            steps,
            options_on: false,
            has_proxy: false,
        }
    }
}

fn everybody(to: Node) -> Assumption {
    Assumption {
        from: Node::login(PUBLIC_SERVER),
        to,
        waits: false,
    }
}
