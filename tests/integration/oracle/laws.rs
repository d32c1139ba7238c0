//! Laws of reach: taking something away gives nobody more, and the order of rows says nothing.
//!
//! One thing that is taken away does give more on a real server: a login that loses CONTROL SERVER, IMPERSONATE ANY LOGIN
//! or a strong role is no longer protected from ALTER ANY LOGIN, which resets its password. The estates of these laws
//! have Windows logins alone, as which nobody logs in by a password.

use std::collections::BTreeSet;

use mssql_posture::graph::{Channel, Graph, Node, Reach, Scope};
use mssql_posture::ids::PrincipalId;
use mssql_posture::score::{self, Exposure, Points};
use mssql_posture::snapshot::{Observed, Permission, RoleMember};

use crate::support::oracle::{Oracle, drafts};
use crate::support::privileges::{Built, estate};

const ESTATES: usize = 120;

/// Who reaches a channel, by names: databases may change places.
type Reached = BTreeSet<(Channel, String, i32)>;

fn reached(built: &Built) -> Reached {
    let graph = Graph::new(&built.snapshot, &built.code, &built.groups);
    let mut all = Reached::new();
    for channel in Channel::ALL {
        let reach = Reach::new(&graph, Node::Command(channel), None);
        for (_, place) in reach.places() {
            let Node::Principal(scope, id) = place else {
                continue;
            };
            let name = match scope {
                Scope::Server => String::new(),
                Scope::Database(db) => built.snapshot.databases[db as usize].name.to_string(),
            };
            if !is_role(built, scope, id) {
                all.insert((channel, name, id.0));
            }
        }
    }
    all
}

fn is_role(built: &Built, scope: Scope, id: PrincipalId) -> bool {
    match scope {
        Scope::Server => {
            let mut all = built.snapshot.server.server_principals.seen().iter();
            all.any(|row| row.principal_id == id && row.r#type == "R")
        }
        Scope::Database(db) => {
            let facts = &built.snapshot.databases[db as usize];
            let mut all = facts.database_principals.seen().iter();
            all.any(|row| row.principal_id == id && row.r#type == "R")
        }
    }
}

/// Estates of a law, each with a number by which it chooses what to change.
fn estates(seed: u8) -> impl Iterator<Item = (String, Built, usize)> {
    let numbers = (1..).map(|n: usize| n.wrapping_mul(7919));
    drafts(seed, ESTATES).zip(numbers).map(|(text, number)| {
        let text = format!("{text}\nserver: windows only");
        let built = estate(&text);
        (text, built, number)
    })
}

fn nobody_gains(text: &str, before: &Built, after: &Built, change: &str) {
    exposure_does_not_rise(text, before, after, change);
    let (before, after) = (reached(before), reached(after));
    let more: Vec<_> = after.difference(&before).collect();
    assert!(more.is_empty(), "{change} gives {more:?} more:\n{text}");
}

fn exposure(built: &Built) -> Exposure {
    let mut graph = Graph::new(&built.snapshot, &built.code, &built.groups);
    let (exposure, _) = score::exposure(&mut graph, &[]);
    assert!(exposure.low <= exposure.high && exposure.high <= 100);
    let sum = |points: fn(&Points) -> i32| exposure.breakdown.iter().map(points).sum::<i32>();
    assert_eq!(i64::from(sum(|p| p.low)), i64::from(exposure.low));
    assert_eq!(i64::from(sum(|p| p.high)), i64::from(exposure.high));
    exposure
}

fn exposure_does_not_rise(text: &str, before: &Built, after: &Built, change: &str) {
    let (before, after) = (exposure(before), exposure(after));
    assert!(
        after.low <= before.low && after.high <= before.high,
        "{change} raises {}–{} to {}–{}:\n{text}",
        before.low,
        before.high,
        after.low,
        after.high
    );
}

/// Every scope's permissions.
fn permissions(built: &mut Built) -> Vec<(Scope, &mut Vec<Permission>)> {
    let mut all = vec![(
        Scope::Server,
        rows(&mut built.snapshot.server.server_permissions),
    )];
    for (db, facts) in (0..).zip(&mut built.snapshot.databases) {
        all.push((Scope::Database(db), rows(&mut facts.database_permissions)));
    }
    all
}

fn members(built: &mut Built) -> Vec<(Scope, &mut Vec<RoleMember>)> {
    let mut all = vec![(
        Scope::Server,
        rows(&mut built.snapshot.server.server_role_members),
    )];
    for (db, facts) in (0..).zip(&mut built.snapshot.databases) {
        all.push((Scope::Database(db), rows(&mut facts.database_role_members)));
    }
    all
}

fn rows<T>(list: &mut Observed<Vec<T>>) -> &mut Vec<T> {
    match list {
        Observed::Known { value } => value,
        _ => panic!("the test language knows every list"),
    }
}

#[test]
fn revoking_a_grant_gives_nobody_more() {
    for (text, built, number) in estates(201) {
        let mut after = built.clone();
        let mut revoked = None;
        let mut lists: Vec<_> = permissions(&mut after)
            .into_iter()
            .filter(|(_, l)| !l.is_empty())
            .collect();
        let count = lists.len();
        let (_, list) = &mut lists[number % count];
        let at = number / 3 % list.len();
        if list[at].state != "D" {
            revoked = Some(list.remove(at));
        }
        nobody_gains(&text, &built, &after, &format!("revoking {revoked:?}"));
    }
}

#[test]
fn a_deny_gives_nobody_more() {
    for (text, built, number) in estates(202) {
        let mut after = built.clone();
        let mut lists: Vec<_> = permissions(&mut after)
            .into_iter()
            .filter(|(_, l)| !l.is_empty())
            .collect();
        let count = lists.len();
        let (_, list) = &mut lists[number % count];
        let mut deny = list[number / 3 % list.len()].clone();
        deny.grantee_principal_id = list[number / 5 % list.len()].grantee_principal_id;
        deny.state = "D".to_owned();
        list.push(deny.clone());
        nobody_gains(&text, &built, &after, &format!("the DENY {deny:?}"));
    }
}

#[test]
fn leaving_a_role_that_carries_no_deny_gives_nobody_more() {
    for (text, built, number) in estates(203) {
        let mut after = built.clone();
        let mut lists: Vec<_> = members(&mut after)
            .into_iter()
            .filter(|(_, l)| !l.is_empty())
            .collect();
        let count = lists.len();
        let (scope, list) = &mut lists[number % count];
        let at = number / 3 % list.len();
        let (scope, left) = (*scope, list.remove(at));
        if !carries_deny(&built, scope, left.role_principal_id) {
            nobody_gains(&text, &built, &after, &format!("leaving {left:?}"));
        }
    }
}

/// Whether something is denied to a role or to one that it is in.
fn carries_deny(built: &Built, scope: Scope, role: PrincipalId) -> bool {
    let mut copy = built.clone();
    let permissions = permissions(&mut copy)
        .into_iter()
        .find(|(own, _)| *own == scope);
    let mut denies = permissions.into_iter().flat_map(|(_, rows)| rows.clone());
    if denies.any(|row| row.state == "D" && row.grantee_principal_id == role) {
        return true;
    }
    let members = members(&mut copy)
        .into_iter()
        .find(|(own, _)| *own == scope);
    let rows: Vec<RoleMember> = members
        .into_iter()
        .flat_map(|(_, rows)| rows.clone())
        .collect();
    let mut above = rows.iter().filter(|row| row.member_principal_id == role);
    above.any(|row| carries_deny(built, scope, row.role_principal_id))
}

#[test]
fn switching_a_channel_off_gives_nobody_more() {
    for (text, built, number) in estates(204) {
        let options: Vec<&str> = Channel::ALL
            .into_iter()
            .filter_map(Channel::option)
            .collect();
        let option = options[number % options.len()];
        let mut after = built.clone();
        for row in after.snapshot.server.configurations.seen_mut() {
            if row.name == option {
                (row.value, row.value_in_use) = (Some(0), Some(0));
            }
        }
        nobody_gains(&text, &built, &after, &format!("{option} = 0"));
    }
}

#[test]
fn the_order_of_rows_says_nothing() {
    for (text, built, _) in estates(205) {
        let mut after = built.clone();
        turn_round(&mut after);
        assert_eq!(reached(&after), reached(&built), "{text}");
        let (turned, as_it_was) = (exposure(&after), exposure(&built));
        assert_eq!(
            (turned.low, turned.high),
            (as_it_was.low, as_it_was.high),
            "{text}"
        );
    }
}

/// What is learned of a fact narrows the interval, or leaves it.
#[test]
fn learning_a_fact_never_widens_the_exposure() {
    for (text, built, number) in estates(206) {
        let known = exposure(&built);
        let mut unseen = built.clone();
        let facts: Vec<usize> = (0..3).map(|turn| number / 3_usize.pow(turn)).collect();
        for at in &facts {
            lose(&mut unseen, *at);
        }
        let less = exposure(&unseen);
        assert!(
            less.low <= known.low && known.high <= less.high,
            "{}–{} without {facts:?}, {}–{} with them:\n{text}",
            less.low,
            less.high,
            known.low,
            known.high
        );
    }
}

/// Everybody is whoever comes next: a login that was made just now, to which nothing was granted and nothing denied,
/// reaches a channel exactly where the exposure says that everybody does.
#[test]
fn everybody_is_whoever_comes_next() {
    let mut by_everybody = 0;
    for text in drafts(207, 2 * ESTATES) {
        let (built, with) = (
            estate(&text),
            estate(&format!("{text}\nserver: login newcomer")),
        );
        let graph = built.graph();
        let oracle = Oracle::new(&with.snapshot, &with.code, &with.groups);
        let newcomer = with.login("newcomer");
        let reached = &oracle.reach(&[newcomer], true)[&newcomer];
        for channel in Channel::ALL {
            let goal = Node::Command(channel);
            let everybody = Reach::new(&graph, goal, None).everybody();
            assert_eq!(
                everybody.is_some(),
                reached.contains(&goal),
                "{channel:?}:\n{text}"
            );
            by_everybody += usize::from(everybody.is_some());
        }
    }
    assert!(by_everybody > 50, "{by_everybody}");
}

/// The low end of the line about the widest channel.
fn channel_points(lines: &str) -> (i32, String) {
    let exposure = exposure(&estate(lines));
    let line = exposure.breakdown.into_iter().find(|p| p.line == "channel");
    line.map(|p| (p.low, p.sentence)).unwrap()
}

#[test]
fn a_decoy_makes_everybody_no_fewer() {
    let links = "login boss; member boss of sysadmin; login dummy disabled; login enabled; \
                 link BACK to . rpc; link login BACK default as boss";
    for (open, decoy) in [
        (
            "login dummy disabled; login app; grant IMPERSONATE on login sa to public",
            "deny IMPERSONATE on login sa to dummy",
        ),
        (
            "login dummy; login app; grant IMPERSONATE on login sa to public",
            "deny IMPERSONATE on login sa to dummy",
        ),
        (links, "link login BACK dummy as self"),
        (links, "link login BACK enabled as self"),
    ] {
        let open_to_all = channel_points(open);
        assert_eq!(open_to_all.0, 70, "{open}");
        assert_eq!(
            channel_points(&format!("{open}; {decoy}")),
            open_to_all,
            "{decoy}"
        );
    }
}

#[test]
fn guests_are_everybody_and_single_grants_are_not() {
    let logins = "login a; login b; login c; login d; login e; login f; login g; login h; option xp_cmdshell = 1; \
                  credential xp_cmdshell proxy \"CORP\\low\"; ";
    let guests = format!("{logins} in master: grant EXECUTE on xp_cmdshell to public");
    assert_eq!(channel_points(&guests).0, 70);
    let denied = format!("{guests}; user a; deny EXECUTE on xp_cmdshell to a");
    assert_eq!(channel_points(&denied).0, 70);
    let shut = format!("{guests}; deny CONNECT to guest");
    assert!(channel_points(&shut).0 < 40, "only who has a user there");
    let one_by_one = "login a; login b; grant CONTROL SERVER to a; grant CONTROL SERVER to b";
    assert_eq!(channel_points(one_by_one).0, 40);
    assert_eq!(
        channel_points("login a; grant CONTROL SERVER to a; deny CONTROL SERVER to public").0,
        6
    );
}

#[test]
fn who_waits_counts_for_more_than_administrators() {
    let (clean, said) = channel_points("login app; login boss; member boss of sysadmin");
    assert!(
        said.starts_with("Nobody but administrators by design"),
        "{said}"
    );
    let (waiting, said) = channel_points("login app; database Shop owner app trustworthy");
    assert!(waiting > clean, "{waiting} {clean}");
    assert!(said.contains("one to five principals"), "{said}");
}

/// Takes a list out of sight, of the server or of a database.
fn lose(built: &mut Built, number: usize) {
    let databases = built.snapshot.databases.len();
    let mut lists = match number % (databases + 1) {
        0 => built.snapshot.server.all_mut(),
        db => built.snapshot.databases[db - 1].all_mut(),
    };
    let count = lists.len();
    let (_, list) = &mut lists[number / 7 % count];
    list.not_collected("out of sight");
}

/// Every list from its end to its beginning.
fn turn_round(built: &mut Built) {
    let server = &mut built.snapshot.server;
    server.configurations.seen_mut().reverse();
    server.databases.seen_mut().reverse();
    server.server_principals.seen_mut().reverse();
    server.server_role_members.seen_mut().reverse();
    server.server_permissions.seen_mut().reverse();
    server.server_triggers.seen_mut().reverse();
    server.server_modules.seen_mut().reverse();
    server.linked_servers.seen_mut().reverse();
    server.linked_logins.seen_mut().reverse();
    server.jobs.seen_mut().reverse();
    server.job_steps.seen_mut().reverse();
    server.proxies.seen_mut().reverse();
    server.proxy_subsystems.seen_mut().reverse();
    server.proxy_logins.seen_mut().reverse();
    server.subsystems.seen_mut().reverse();
    for facts in &mut built.snapshot.databases {
        facts.database_principals.seen_mut().reverse();
        facts.database_role_members.seen_mut().reverse();
        facts.database_permissions.seen_mut().reverse();
        facts.schemas.seen_mut().reverse();
        facts.objects.seen_mut().reverse();
        facts.modules.seen_mut().reverse();
        facts.triggers.seen_mut().reverse();
        facts.assemblies.seen_mut().reverse();
        facts.assembly_modules.seen_mut().reverse();
        facts.certificates.seen_mut().reverse();
        facts.asymmetric_keys.seen_mut().reverse();
        facts.crypt_properties.seen_mut().reverse();
        facts.service_queues.seen_mut().reverse();
    }
    built.snapshot.databases.reverse();
    built.code.modules.reverse();
    built.code.steps.reverse();
}
