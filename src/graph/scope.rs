//! One scope of a snapshot, the instance or a database: who is in what, and what is given on what, in sorted arrays.

use std::collections::{BTreeSet, HashMap};
use std::ops::Range;

use rustc_hash::FxHashMap;

use crate::ids::PrincipalId;
use crate::snapshot::{DatabaseFacts, Permission, RoleMember};

/// One scope's principals, memberships and permissions, in sorted arrays.
#[derive(Debug)]
pub struct ScopeIndex<'a> {
    /// Place of each principal in its list.
    pub(super) principals: FxHashMap<PrincipalId, u32>,
    /// Role, member, row.
    members: Vec<(PrincipalId, PrincipalId, u32)>,
    /// Member, role, row.
    roles: Vec<(PrincipalId, PrincipalId, u32)>,
    /// GRANT rows.
    grants: Rows,
    /// DENY rows.
    denies: Rows,
    /// Place of each schema in its list.
    pub(super) schemas: HashMap<i32, u32>,
    /// Principals by sid.
    by_sid: HashMap<&'a str, PrincipalId>,
}

/// A permission's code in the catalog, `char(4)`.
type Code = [u8; 4];

/// A permission row as it is looked for.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord)]
struct Row {
    class: i32,
    major_id: i32,
    code: Code,
    grantee: PrincipalId,
    place: u32,
}

/// Permission rows in order, and where those on each securable begin.
#[derive(Debug, Default)]
struct Rows {
    sorted: Vec<Row>,
    ranges: FxHashMap<(i32, i32), Range<u32>>,
}

impl Rows {
    fn sort(&mut self) {
        self.sorted.sort_unstable();
        for (at, row) in (0..).zip(&self.sorted) {
            let range = self.ranges.entry((row.class, row.major_id));
            range.or_insert(at..at).end = at + 1;
        }
    }

    /// Rows on one securable.
    fn on(&self, class: i32, major_id: i32) -> &[Row] {
        let range = self.ranges.get(&(class, major_id)).cloned();
        let range = range.map_or(0..0, |r| r.start as usize..r.end as usize);
        self.sorted.get(range).unwrap_or_default()
    }
}

fn code_of(text: &str) -> Code {
    let mut code = *b"    ";
    for (to, from) in code.iter_mut().zip(text.bytes()) {
        *to = from;
    }
    code
}

impl<'a> ScopeIndex<'a> {
    pub(super) fn new(
        principals: impl Iterator<Item = (PrincipalId, Option<&'a str>)>,
        members: &[RoleMember],
        permissions: &[Permission],
    ) -> Self {
        let mut index = Self {
            principals: FxHashMap::default(),
            members: Vec::with_capacity(members.len()),
            roles: Vec::with_capacity(members.len()),
            grants: Rows::default(),
            denies: Rows::default(),
            schemas: HashMap::new(),
            by_sid: HashMap::new(),
        };
        for (place, (id, sid)) in (0..).zip(principals) {
            index.principals.insert(id, place);
            if let Some(sid) = sid {
                index.by_sid.insert(sid, id);
            }
        }
        for (place, row) in (0..).zip(members) {
            let (role, member) = (row.role_principal_id, row.member_principal_id);
            index.members.push((role, member, place));
            index.roles.push((member, role, place));
        }
        for (place, row) in (0..).zip(permissions) {
            let rows = match row.state.as_str() {
                "G" | "W" => &mut index.grants,
                "D" => &mut index.denies,
                _ => continue,
            };
            // Permissions on columns are not modelled: see the room's limits.
            if row.minor_id == 0 {
                rows.sorted.push(Row {
                    class: row.class,
                    major_id: row.major_id,
                    code: code_of(&row.r#type),
                    grantee: row.grantee_principal_id,
                    place,
                });
            }
        }
        index.members.sort_unstable();
        index.roles.sort_unstable();
        index.grants.sort();
        index.denies.sort();
        index
    }

    /// Members of a role, one level down, each with its row.
    pub fn members(&self, role: PrincipalId) -> impl Iterator<Item = (PrincipalId, u32)> {
        following(&self.members, role)
    }

    /// Roles of a principal, one level up, each with its row.
    pub fn roles(&self, member: PrincipalId) -> impl Iterator<Item = (PrincipalId, u32)> {
        following(&self.roles, member)
    }

    /// The principal itself and all members through any nesting.
    pub fn below(&self, role: PrincipalId) -> BTreeSet<PrincipalId> {
        closure(role, |id| self.members(id))
    }

    /// The principal itself and all roles through any nesting; `public` not among them.
    pub fn above(&self, member: PrincipalId) -> BTreeSet<PrincipalId> {
        closure(member, |id| self.roles(id))
    }

    /// Rows of a permission on a securable, in order of grantee; of one grantee where one is named.
    pub(super) fn rows(
        &self,
        denied: bool,
        (class, major_id, code): (i32, i32, &str),
        grantee: Option<PrincipalId>,
    ) -> impl Iterator<Item = (PrincipalId, u32)> {
        let rows = if denied { &self.denies } else { &self.grants };
        let code = code_of(code);
        let key = (class, major_id, code);
        let rows = rows.on(class, major_id);
        let start = rows.partition_point(|r| {
            let before = r.code.cmp(&code);
            before.then_with(|| grantee.map_or(std::cmp::Ordering::Equal, |g| r.grantee.cmp(&g)))
                == std::cmp::Ordering::Less
        });
        rows.get(start..)
            .unwrap_or_default()
            .iter()
            .take_while(move |r| {
                (r.class, r.major_id, r.code) == key && grantee.is_none_or(|g| r.grantee == g)
            })
            .map(|r| (r.grantee, r.place))
    }

    /// The principal with this sid.
    pub fn with_sid(&self, sid: &str) -> Option<PrincipalId> {
        self.by_sid.get(sid).copied()
    }

    /// All principals, in order of id.
    pub fn ids(&self) -> BTreeSet<PrincipalId> {
        self.principals.keys().copied().collect()
    }
}

fn following(
    pairs: &[(PrincipalId, PrincipalId, u32)],
    first: PrincipalId,
) -> impl Iterator<Item = (PrincipalId, u32)> {
    let start = pairs.partition_point(|pair| pair.0 < first);
    let pairs = pairs.get(start..).unwrap_or_default().iter();
    pairs
        .take_while(move |pair| pair.0 == first)
        .map(|pair| (pair.1, pair.2))
}

fn closure<I: Iterator<Item = (PrincipalId, u32)>>(
    from: PrincipalId,
    next: impl Fn(PrincipalId) -> I,
) -> BTreeSet<PrincipalId> {
    let mut found = BTreeSet::from([from]);
    let mut open = vec![from];
    while let Some(id) = open.pop() {
        for (other, _) in next(id) {
            if found.insert(other) {
                open.push(other);
            }
        }
    }
    found
}

/// Of a database that the inventory excludes there is nothing.
pub(super) fn of_database(facts: &DatabaseFacts) -> ScopeIndex<'_> {
    if facts.excluded {
        return ScopeIndex::new(std::iter::empty(), &[], &[]);
    }
    let users = facts.database_principals.seen().iter();
    let mut index = ScopeIndex::new(
        users.map(|u| (u.principal_id, u.sid.as_deref())),
        facts.database_role_members.seen(),
        facts.database_permissions.seen(),
    );
    let schemas = facts.schemas.seen().iter().map(|schema| schema.schema_id);
    index.schemas = schemas.zip(0..).collect();
    index
}
