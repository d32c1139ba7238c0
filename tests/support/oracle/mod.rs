//! A second reading of the same rules, slow and plain, for comparison with the engine.
//!
//! Every kind of step is one function, under its rule in words, that lists all moves it allows anywhere in the estate:
//! from which place to which. Who can be where follows by one relation that grows until nothing changes. Nothing here
//! is shared with `src/graph` but the snapshot's types and the names of places and kinds.
//!
//! Simplifications, the engine's too: rights that a rule needs together must be one principal's own; columns are left
//! out; a linked, signed or chained module runs its callee whoever began.

mod agreement;
mod assemblies;
mod commands;
mod cover;
mod databases;
mod draft;
mod logins;
mod modules;
mod nested;
mod rights;
mod statements;
mod world;

use std::collections::{BTreeMap, BTreeSet};

use mssql_posture::graph::{Code, Groups, Node, Step};
use mssql_posture::snapshot::Snapshot;

use world::World;

pub use agreement::{compare, drafts, survey, unnoticed};

/// Moves from place to place.
pub type Moves = Vec<(Node, Node)>;

/// A kind of step and the function that lists its moves.
type Rule = (Step, fn(&World<'_>) -> Moves);

/// Every kind. `every_login`, `every_user` and `member` are also part of what a principal's token is.
const RULES: &[Rule] = &[
    (Step::Member, logins::member),
    (Step::GroupMember, logins::group_member),
    (Step::AddMember, logins::add_member),
    (Step::Impersonate, logins::impersonate),
    (Step::ResetPassword, logins::reset_password),
    (
        Step::GrantServerPermissions,
        logins::grant_server_permissions,
    ),
    (Step::ControlServer, logins::control_server),
    (Step::RestoreOver, logins::restore_over),
    (Step::OwnDatabase, logins::own_database),
    (Step::AlterSettings, logins::alter_settings),
    (Step::Administrator, logins::administrator),
    (Step::LinkedLogin, logins::linked_login),
    (Step::LinkedQuery, logins::linked_query),
    (Step::ArmLink, logins::arm_link),
    (Step::LinkedHop, logins::linked_hop),
    (Step::MappedUser, databases::mapped_user),
    (Step::Guest, databases::guest),
    (Step::ImpersonateUser, databases::impersonate_user),
    (Step::DatabaseOwner, databases::database_owner),
    (Step::ControlDatabase, databases::control_database),
    (Step::TakeOwnership, databases::take_ownership),
    (
        Step::GrantDatabasePermissions,
        databases::grant_database_permissions,
    ),
    (Step::ApplicationRole, databases::application_role),
    (Step::AdoptOrphan, databases::adopt_orphan),
    (Step::TrustedOwner, databases::trusted_owner),
    (Step::TrustedUser, databases::trusted_user),
    (Step::TrustedNewUser, databases::trusted_new_user),
    (Step::MsdbOwner, databases::msdb_owner),
    (Step::SsisAdministrator, databases::ssis_administrator),
    (Step::MsdbWriter, databases::msdb_writer),
    (Step::DdlTrigger, databases::ddl_trigger),
    (Step::InsideDatabase, databases::inside_database),
    (Step::ExecuteModule, modules::execute_module),
    (Step::CallsModule, modules::calls_module),
    (Step::FireTrigger, modules::fire_trigger),
    (Step::CallsModule, nested::calls_as),
    (Step::NestedCall, nested::nested_call),
    (Step::NestedAlter, nested::nested_alter),
    (Step::NestedRun, nested::nested_run),
    (Step::ModuleContext, modules::module_context),
    (Step::ModuleContext, nested::given_as),
    (Step::SignModule, nested::sign_module),
    (Step::SignedModule, modules::signed_module),
    (Step::AlterModule, modules::alter_module),
    (Step::StartupRun, modules::startup_run),
    (Step::TriggerRun, modules::trigger_run),
    (Step::JobRun, modules::job_run),
    (Step::ActivationRun, modules::activation_run),
    (Step::ExecuteProcedure, commands::execute_procedure),
    (Step::ModuleCommand, commands::module_command),
    (Step::ChainedModule, commands::chained_module),
    (Step::ExtendedCode, commands::extended_code),
    (Step::ClrModule, assemblies::clr_module),
    (Step::BindAssembly, assemblies::bind_assembly),
    (Step::NewAssembly, assemblies::new_assembly),
    (Step::ReplaceAssembly, assemblies::replace_assembly),
    (Step::AgentProxy, commands::agent_proxy),
    (Step::ExternalScript, commands::external_script),
    (Step::ServiceAccount, commands::service_account),
];

/// Kinds that the oracle has: those of the table, and what makes public part of every token.
pub fn kinds() -> Vec<Step> {
    let rules = RULES.iter().map(|(step, _)| *step);
    let mut kinds: Vec<Step> = rules.chain([Step::EveryLogin, Step::EveryUser]).collect();
    kinds.sort();
    kinds.dedup();
    kinds
}

/// What the rules allow in one estate.
pub struct Oracle<'a> {
    world: World<'a>,
    moves: Vec<(Step, Moves)>,
}

impl<'a> Oracle<'a> {
    pub fn new(snapshot: &'a Snapshot, code: &'a Code, groups: &'a Groups) -> Self {
        Self::without(snapshot, code, groups, None)
    }

    /// The same, as if a kind of step did not exist: a fault to be found out.
    pub fn without(
        snapshot: &'a Snapshot,
        code: &'a Code,
        groups: &'a Groups,
        off: impl IntoIterator<Item = Step>,
    ) -> Self {
        let mut world = World::new(snapshot, code, groups);
        world.off = off.into_iter().collect();
        let rules = RULES.iter().filter(|(step, _)| world.is_on(*step));
        let mut moves: Vec<(Step, Moves)> =
            rules.map(|(step, rule)| (*step, rule(&world))).collect();
        let all = moves.iter().flat_map(|(_, moves)| moves.iter().copied());
        let queries = logins::by_queries(&world, &all.collect());
        moves.push((Step::LinkedQuery, queries));
        Self { world, moves }
    }

    /// Everywhere that each of these places leads to, itself among them.
    pub fn reach(&self, from: &[Node], may_wait: bool) -> BTreeMap<Node, BTreeSet<Node>> {
        let moves = self
            .moves
            .iter()
            .filter(|(step, _)| may_wait || !waits(*step));
        let moves: BTreeSet<(Node, Node)> = moves.flat_map(|(_, m)| m.iter().copied()).collect();
        from.iter()
            .map(|start| (*start, grown(*start, &moves)))
            .collect()
    }

    /// Moves from one place to another, one way of many, in words.
    pub fn chain(&self, from: Node, to: Node) -> Vec<String> {
        let mut came: BTreeMap<Node, (Step, Node)> = BTreeMap::new();
        loop {
            let before = came.len();
            for (step, moves) in &self.moves {
                for (start, end) in moves {
                    if (*start == from || came.contains_key(start)) && *end != from {
                        came.entry(*end).or_insert((*step, *start));
                    }
                }
            }
            if came.len() == before {
                break;
            }
        }
        let mut words = Vec::new();
        let mut at = to;
        while let Some((step, before)) = came.get(&at) {
            words.push(format!("    {step:?} from {before:?} to {at:?}"));
            at = *before;
        }
        words.reverse();
        words
    }

    /// Logins and users.
    pub fn people(&self) -> Vec<Node> {
        let logins = self.world.logins().into_iter();
        let mut people: Vec<Node> = logins.map(|l| Node::login(l.principal_id)).collect();
        for (db, _) in self.world.databases() {
            let users = self.world.users(db).into_iter();
            people.extend(users.map(|user| Node::user(db, user.principal_id)));
        }
        people
    }
}

/// Steps that wait for an administrator or a service.
fn waits(step: Step) -> bool {
    use Step::{
        ActivationRun, DdlTrigger, JobRun, MsdbWriter, NestedRun, RestoreOver, SsisAdministrator,
        StartupRun, TriggerRun,
    };
    matches!(
        step,
        RestoreOver
            | SsisAdministrator
            | MsdbWriter
            | StartupRun
            | TriggerRun
            | NestedRun
            | JobRun
            | ActivationRun
            | DdlTrigger
    )
}

fn grown(start: Node, moves: &BTreeSet<(Node, Node)>) -> BTreeSet<Node> {
    let mut reached = BTreeSet::from([start]);
    loop {
        let before = reached.len();
        for (from, to) in moves {
            if reached.contains(from) {
                reached.insert(*to);
            }
        }
        if reached.len() == before {
            return reached;
        }
    }
}
