//! Who may execute `xp_cmdshell` because he can act as dbo, and guests that come in through a role.

use super::Fixture;
use super::grants::{XP, one, user};
use crate::support::recording::{On, Recording};

pub(super) fn fixtures() -> Vec<&'static Fixture> {
    let tables = [CONTROL, DB_OWNER, NARROWER, GUESTS];
    tables.into_iter().flatten().collect()
}

fn control(r: &mut Recording) {
    user(r, "app");
    r.grant("master", On::Database, "CONTROL", "app");
}

fn db_owner(r: &mut Recording) {
    user(r, "app");
    r.add_member("master", "db_owner", "app");
}

const APP: &[&str] = &["fail high principal master app"];
const OWNERS: &[&str] = &["fail high principal master db_owner"];
const PASS: &[&str] = &["pass"];

static CONTROL: &[Fixture] = {
    &[
        one(
            "a DENY on the procedure does not bind dbo",
            |r| {
                control(r);
                r.deny("master", XP, "EXECUTE", "app");
            },
            APP,
        )
        .saying("app of master holds CONTROL on database master"),
        one(
            "nor does one on the schema",
            |r| {
                control(r);
                r.deny("master", On::Schema("sys"), "CONTROL", "app");
            },
            APP,
        ),
        one(
            "nor does DENY EXECUTE on the database",
            |r| {
                control(r);
                r.deny("master", On::Database, "EXECUTE", "app");
            },
            APP,
        ),
        one(
            "nor does one to public",
            |r| {
                control(r);
                r.deny("master", XP, "EXECUTE", "public");
            },
            APP,
        ),
        one(
            "DENY CONTROL on the database takes it back",
            |r| {
                control(r);
                r.deny("master", On::Database, "CONTROL", "app");
            },
            PASS,
        ),
        one(
            "so does one to a role",
            |r| {
                control(r);
                r.add_role("master", "restricted");
                r.add_member("master", "restricted", "app").deny(
                    "master",
                    On::Database,
                    "CONTROL",
                    "restricted",
                );
            },
            PASS,
        ),
        one(
            "so does one to public",
            |r| {
                control(r);
                r.deny("master", On::Database, "CONTROL", "public");
            },
            PASS,
        ),
        one(
            "through a role whose member is denied EXECUTE",
            |r| {
                user(r, "app");
                r.add_role("master", "admins");
                r.add_member("master", "admins", "app")
                    .grant("master", On::Database, "CONTROL", "admins")
                    .deny("master", XP, "EXECUTE", "app");
            },
            &["fail high principal master admins"],
        )
        .saying("CONTROL on database master, which covers xp_cmdshell, and through it app"),
        one(
            "through a role whose member is denied CONTROL",
            |r| {
                user(r, "app");
                r.add_role("master", "admins");
                r.add_member("master", "admins", "app")
                    .grant("master", On::Database, "CONTROL", "admins")
                    .deny("master", On::Database, "CONTROL", "app");
            },
            PASS,
        ),
        one(
            "to public, for whom a DENY of EXECUTE is nothing",
            |r| {
                r.grant("master", On::Database, "CONTROL", "public");
                r.deny("master", XP, "EXECUTE", "public");
            },
            &["fail critical principal master public"],
        ),
    ]
};

static DB_OWNER: &[Fixture] = {
    &[
        one(
            "DENY EXECUTE to public does not bind db_owner",
            |r| {
                db_owner(r);
                r.deny("master", XP, "EXECUTE", "public");
            },
            OWNERS,
        ),
        one(
            "DENY CONTROL on the database does",
            |r| {
                db_owner(r);
                r.deny("master", On::Database, "CONTROL", "app");
            },
            PASS,
        ),
        one(
            "DENY CONTROL to one of two",
            |r| {
                db_owner(r);
                user(r, "batch");
                r.add_member("master", "db_owner", "batch").deny(
                    "master",
                    On::Database,
                    "CONTROL",
                    "app",
                );
            },
            OWNERS,
        )
        .saying("which covers xp_cmdshell, and through it batch"),
    ]
};

static NARROWER: &[Fixture] = {
    &[
        one(
            "CONTROL on the procedure is not to be dbo",
            |r| {
                user(r, "app");
                r.grant("master", XP, "CONTROL", "app")
                    .deny("master", XP, "EXECUTE", "app");
            },
            PASS,
        ),
        one(
            "nor is CONTROL on the schema",
            |r| {
                user(r, "app");
                r.grant("master", On::Schema("sys"), "CONTROL", "app").deny(
                    "master",
                    On::Schema("sys"),
                    "EXECUTE",
                    "app",
                );
            },
            PASS,
        ),
        one(
            "what a DENY takes back is not said of who holds more",
            |r| {
                control(r);
                r.grant("master", XP, "EXECUTE", "app")
                    .deny("master", XP, "EXECUTE", "app");
            },
            APP,
        )
        .saying("app of master holds CONTROL on database master"),
        one(
            "DENY CONTROL on the database takes everything below it",
            |r| {
                user(r, "app");
                r.grant("master", XP, "EXECUTE", "app").deny(
                    "master",
                    On::Database,
                    "CONTROL",
                    "app",
                );
            },
            PASS,
        ),
    ]
};

static GUESTS: &[Fixture] = {
    const RUNNERS: &[&str] = &["fail critical principal master runners"];
    fn runners(r: &mut Recording, member: &str) {
        r.add_role("master", "runners");
        r.add_member("master", "runners", member)
            .grant("master", XP, "EXECUTE", "runners");
    }
    &[
        one("guest in a role", |r| runners(r, "guest"), RUNNERS).saying(
            ": that is every login without a user of its own there",
        ),
        one(
            "guest in a role of the role",
            |r| {
                r.add_role("master", "inner");
                r.add_member("master", "inner", "guest");
                runners(r, "inner");
            },
            RUNNERS,
        ),
        one(
            "guest beside a user",
            |r| {
                user(r, "app");
                runners(r, "app");
                r.add_member("master", "runners", "guest");
            },
            RUNNERS,
        )
        .saying("and through it app: that is every login"),
        one(
            "guest in db_owner",
            |r| _ = r.add_member("master", "db_owner", "guest"),
            &["fail critical principal master db_owner"],
        )
        .saying("db_owner of master holds CONTROL on database master, which covers xp_cmdshell: that is every login"),
        one(
            "guest in the role, and denied",
            |r| {
                runners(r, "guest");
                r.deny("master", XP, "EXECUTE", "guest");
            },
            PASS,
        ),
        one(
            "guest denied, a user not",
            |r| {
                user(r, "app");
                runners(r, "app");
                r.add_member("master", "runners", "guest")
                    .deny("master", XP, "EXECUTE", "guest");
            },
            &["fail high principal master runners"],
        ),
    ]
};
