//! Rules about CLR: which assemblies the server takes, and who brings code in by them.

use mssql_posture::graph::{Channel, Db, Node};
use mssql_posture::ids::PrincipalId;

use super::Moves;
use super::cover::Kind;
use super::logins::all_to;
use super::rights::Thing;
use super::world::World;

const CLR: Node = Node::Command(Channel::Clr);

/// REFERENCES on a user's assembly, or owning it, and ALTER on a schema bind any method of it to a module of one's own.
pub fn bind_assembly(w: &World<'_>) -> Moves {
    let mut moves = Moves::new();
    for (db, _) in w.databases() {
        let writers = w.schema_writers(db);
        for id in unconfined(w, db) {
            let thing = Thing::within(db, Kind::Assembly, id);
            let those = w.holders("REFERENCES", thing).into_iter();
            let those = those.filter(|place| writers.contains(place)).collect();
            moves.extend(all_to(those, CLR));
            moves.push((Node::Inside(db), CLR));
        }
    }
    moves
}

/// A CLR module of a user's assembly runs code the catalog does not show, which may leave the database: clr strict
/// security takes every permission set as UNSAFE, and without it SAFE is no boundary either.
pub fn clr_module(w: &World<'_>) -> Moves {
    let mut moves = Moves::new();
    for (db, facts) in w.databases() {
        for module in facts.assembly_modules.seen() {
            let leaves = unconfined(w, db);
            if leaves.contains(&module.assembly_id) {
                moves.push((Node::Runs(db, module.object_id), CLR));
            }
        }
    }
    moves
}

/// Assemblies of users.
fn unconfined(w: &World<'_>, db: Db) -> Vec<i32> {
    let all = w.database(db).assemblies.seen().iter();
    let own = all.filter(|assembly| assembly.is_user_defined != Some(false));
    own.map(|assembly| assembly.assembly_id).collect()
}

impl World<'_> {
    /// clr strict security, since 14 and on a managed instance, which is always of the latest, on unless set off: every
    /// assembly counts as UNSAFE.
    fn is_strict(&self) -> bool {
        let identity = self.snapshot.server.server_identity.known();
        let version = identity.map_or("", |identity| identity.product_version.as_str());
        let major: i32 = version
            .split('.')
            .next()
            .and_then(|m| m.parse().ok())
            .unwrap_or(0);
        let is_managed = identity.is_some_and(|identity| identity.engine_edition == Some(8));
        (is_managed || major >= 14) && self.option("clr strict security") != Some(0)
    }

    /// Whether a login's right lets assemblies load: UNSAFE ASSEMBLY; where strict security is off EXTERNAL ACCESS too.
    fn may_load(&self, login: i32) -> bool {
        let node = Node::login(PrincipalId(login));
        let right = |name| self.holds(node, name, Thing::SERVER);
        let external = !self.is_strict() && right("EXTERNAL ACCESS ASSEMBLY");
        self.is_sysadmin(login) || right("UNSAFE ASSEMBLY") || external
    }

    /// What vouches for own assemblies in a database: TRUSTWORTHY with such an owner (`None`), or a key that stands there
    /// with its private half, and such a login of it.
    fn vouchers(&self, db: Db) -> Vec<Option<Thing>> {
        let row = self.database_row(db);
        let trusted = row.filter(|row| row.is_trustworthy_on == Some(true));
        let owner = trusted.and_then(|row| self.login_with_sid(row.owner_sid.as_deref()?));
        let mut vouchers = Vec::new();
        if owner.is_some_and(|owner| self.may_load(owner)) {
            vouchers.push(None);
        }
        let facts = self.database(db);
        let certificates = facts.certificates.seen().iter().map(|c| {
            let thing = Thing::within(db, Kind::Certificate, c.certificate_id);
            (thing, c.pvt_key_encryption_type.as_str(), &c.sid)
        });
        let keys = facts.asymmetric_keys.seen().iter().map(|k| {
            let thing = Thing::within(db, Kind::AsymmetricKey, k.asymmetric_key_id);
            (thing, k.pvt_key_encryption_type.as_str(), &k.sid)
        });
        for (thing, private, sid) in certificates.chain(keys) {
            let login = sid.as_deref().and_then(|sid| self.login_with_sid(sid));
            let may = login.is_some_and(|login| self.may_load(login));
            if may && matches!(private, "MK" | "SK") {
                vouchers.push(Some(thing));
            }
        }
        vouchers
    }

    /// Of those who have the right in a database, and its dbo, those of whom the server takes code: with a key they
    /// must be able to sign, which takes CONTROL on it. TRUSTWORTHY is gone with the present owner, a key stays.
    fn loaded(&self, db: Db, those: &[Node]) -> Moves {
        let mut from = Vec::new();
        for voucher in self.vouchers(db) {
            from.push(Node::Owner(db));
            match voucher {
                None => from.extend(those),
                Some(key) => {
                    let signers = self.holders("CONTROL", key);
                    from.extend(those.iter().filter(|place| signers.contains(place)));
                    from.push(Node::Inside(db));
                }
            }
        }
        all_to(from, CLR)
    }

    /// Where strict security is off, or not there yet, the caller needs a right at the server itself.
    fn with_assembly_right(&self, moves: Moves) -> Moves {
        if self.is_strict() {
            return moves;
        }
        self.with_own_right(&moves, CLR, |w, login| {
            let mut rights = ["UNSAFE ASSEMBLY", "EXTERNAL ACCESS ASSEMBLY"].into_iter();
            rights.any(|right| w.holds(login, right, Thing::SERVER))
        })
    }
}

/// CREATE ASSEMBLY with a trust that the version accepts loads own code.
pub fn new_assembly(w: &World<'_>) -> Moves {
    let mut moves = Moves::new();
    for (db, _) in w.databases() {
        let those = w.holders("CREATE ASSEMBLY", Thing::database(db));
        moves.extend(w.loaded(db, &those));
    }
    w.with_assembly_right(moves)
}

/// ALTER on an assembly that may leave the database replaces its code, where the trust holds. (Without strict security
/// the caller's own right at the server is asked for, no trust.)
pub fn replace_assembly(w: &World<'_>) -> Moves {
    let mut moves = Moves::new();
    for (db, _) in w.databases() {
        for id in unconfined(w, db) {
            let thing = Thing::within(db, Kind::Assembly, id);
            let rights = ["ALTER", "TAKE OWNERSHIP"].into_iter();
            let mut those: Vec<Node> = rights.flat_map(|right| w.holders(right, thing)).collect();
            if w.is_strict() {
                moves.extend(w.loaded(db, &those));
            } else {
                those.push(Node::Owner(db));
                moves.extend(all_to(those, CLR));
            }
        }
    }
    w.with_assembly_right(moves)
}
