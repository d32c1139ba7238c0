//! The sample's databases, and what stands in them.

use mssql_posture::ids::PrincipalId;
use mssql_posture::snapshot::{
    Assembly, AssemblyFile, AssemblyModule, DatabaseFacts, DatabasePrincipal, DatabaseSession,
    ExtendedProcedure, Module, ModuleLine, Object, Observed, Parameter, Schema, Synonym, Trigger,
};

use super::{
    CHANGED, CREATED, DATABASES, HOSTILE_ID, HOSTILE_NAMES, SA, known, member, module, permission,
    token, words,
};
use crate::support::answers;

pub(super) fn databases(
    version: u16,
    control: bool,
    modules: &mut Vec<ModuleLine>,
) -> Vec<DatabaseFacts> {
    let all = DATABASES.iter().zip(1..);
    all.map(|((name, state, _), id)| match (*name, *state) {
        (name, 6) => DatabaseFacts::unseen(id, name, "the database is OFFLINE"),
        ("erp", _) => busy(id, version, control, modules),
        (name, _) => plain(id, name, version, control),
    })
    .collect()
}

/// A database with nothing in it; master holds what its server facts speak of.
fn plain(id: i32, name: &str, version: u16, control: bool) -> DatabaseFacts {
    let mut facts = DatabaseFacts::unseen(id, name, "");
    facts.database_session = known(DatabaseSession {
        user_name: words("guest"),
        is_db_owner: Some(false),
        control: Some(false),
        view_definition: Some(true),
        view_security_definition: (version >= 16).then_some(true),
    });
    facts.user_token = known(vec![
        token(2, "guest", "SQL USER"),
        token(0, "public", "ROLE"),
    ]);
    facts.database_principals = known(vec![
        user(0, "public", "R"),
        user(1, "dbo", "S"),
        user(2, "guest", "S"),
        user(3, "INFORMATION_SCHEMA", "S"),
        user(4, "sys", "S"),
        user(16384, "db_owner", "R"),
    ]);
    facts.database_role_members = known(vec![member(16384, 1)]);
    facts.database_permissions = known(vec![permission(0, 0, 1, "CO", "CONNECT", "G")]);
    facts.schemas = known(vec![schema(1, "dbo", Some(1)), schema(4, "sys", Some(4))]);
    facts.objects = known(if name == "master" {
        vec![
            object(1_195_151_303, "xp_planted", "X"),
            object(1_211_151_360, "at_start", "P"),
        ]
    } else if name == "msdb" {
        let tables = answers::tables_of_msdb().zip(60_000..);
        let mut objects: Vec<Object> = tables.map(|(table, id)| object(id, table, "U")).collect();
        for object in &mut objects {
            object.is_ms_shipped = Some(true);
        }
        objects
    } else {
        Vec::new()
    });
    facts.modules = known(Vec::new());
    facts.triggers = known(Vec::new());
    facts.parameters = known(Vec::new());
    facts.synonyms = known(Vec::new());
    facts.assemblies = known(Vec::new());
    facts.assembly_files = known(Vec::new());
    facts.assembly_modules = known(Vec::new());
    facts.extended_procedures = known(if name == "master" {
        vec![ExtendedProcedure {
            object_id: 1_195_151_303,
            name: "xp_planted".to_owned(),
            schema_id: 1,
            dll_name: words("C:\\Temp\\x.dll"),
            create_date: words(CREATED),
            modify_date: words(CREATED),
            is_ms_shipped: Some(false),
        }]
    } else {
        Vec::new()
    });
    if name != "erp" {
        answers::complete_database(&mut facts, version, control, &mut answers::nothing);
    }
    facts
}

fn user(id: i32, name: &str, kind: &str) -> DatabasePrincipal {
    DatabasePrincipal {
        principal_id: PrincipalId(id),
        name: name.to_owned(),
        r#type: kind.to_owned(),
        sid: (kind != "R").then(|| if id == 1 { SA } else { "0x00" }.to_owned()),
        owning_principal_id: (kind == "R").then_some(PrincipalId(1)),
        is_fixed_role: Some(id == 16384),
        authentication_type: Some(i32::from(id == 1)),
        create_date: words(CREATED),
        modify_date: words(CHANGED),
    }
}

fn schema(id: i32, name: &str, owner: Option<i32>) -> Schema {
    Schema {
        schema_id: id,
        name: name.to_owned(),
        principal_id: owner.map(PrincipalId),
    }
}

fn object(id: i32, name: &str, kind: &str) -> Object {
    Object {
        object_id: id,
        name: name.to_owned(),
        schema_id: 1,
        principal_id: None,
        parent_object_id: 0,
        r#type: kind.to_owned(),
        create_date: words(CREATED),
        modify_date: words(CHANGED),
        is_ms_shipped: Some(false),
    }
}

/// A database in which every view has rows.
fn busy(id: i32, version: u16, control: bool, modules: &mut Vec<ModuleLine>) -> DatabaseFacts {
    let mut facts = plain(id, "erp", version, control);
    let mut objects = vec![
        object(50_000, "orders", "U"),
        object(50_001, "nightly", "P"),
        object(50_002, "sealed", "P"),
        object(50_003, "geo_distance", "FS"),
        object(50_004, "old_name", "SN"),
    ];
    objects.push(Object {
        parent_object_id: 50_000,
        ..object(50_005, "orders_guard", "TR")
    });
    objects.extend(
        HOSTILE_NAMES
            .iter()
            .zip(HOSTILE_ID..)
            .map(|(name, id)| object(id, name, "P")),
    );
    facts.objects = known(objects);
    facts.modules = known(busy_modules(modules));
    facts.triggers = known(vec![
        trigger(50_005, "orders_guard", 1, 50_000),
        trigger(50_006, "ddl_guard", 0, 0),
    ]);
    facts.parameters = known(vec![
        parameter(50_001, 1, "@command", 8000),
        parameter(50_003, 0, "", 8),
    ]);
    facts.synonyms = known(vec![Synonym {
        object_id: 50_004,
        base_object_name: words("[master]..[xp_cmdshell]"),
    }]);
    facts.database_permissions = known(vec![
        permission(0, 0, 1, "CO", "CONNECT", "G"),
        permission(1, 50_001, 0, "EX", "EXECUTE", "G"),
    ]);
    clr(&mut facts);
    answers::complete_database(&mut facts, version, control, &mut |query| {
        answers::invented(query, Some("erp"), modules)
    });
    facts
}

fn busy_modules(modules: &mut Vec<ModuleLine>) -> Vec<Module> {
    let mut texts = vec![
        module(
            Some("erp"),
            50_001,
            "CREATE PROC nightly AS EXEC master..xp_cmdshell 'dir'",
            modules,
        ),
        Module {
            object_id: 50_002,
            definition: Observed::NotCollected {
                why: "the module is encrypted".to_owned(),
            },
            uses_quoted_identifier: Some(true),
            execute_as_principal_id: Some(PrincipalId(-2)),
        },
        module(
            Some("erp"),
            50_005,
            "CREATE TRIGGER orders_guard ON orders FOR DELETE AS\r\nPRINT 'ä€😀'",
            modules,
        ),
        module(
            Some("erp"),
            50_006,
            "CREATE TRIGGER ddl_guard ON DATABASE FOR CREATE_TABLE AS PRINT ''",
            modules,
        ),
    ];
    for (name, id) in HOSTILE_NAMES.iter().zip(HOSTILE_ID..) {
        let text = format!(
            "CREATE PROCEDURE [{}] AS SELECT 1 -- {name}",
            name.replace(']', "]]")
        );
        texts.push(module(Some("erp"), id, &text, modules));
    }
    texts
}

fn trigger(id: i32, name: &str, class: i32, parent: i32) -> Trigger {
    Trigger {
        object_id: id,
        name: name.to_owned(),
        parent_class: class,
        parent_id: parent,
        r#type: "TR".to_owned(),
        create_date: words(CREATED),
        modify_date: words(CHANGED),
        is_ms_shipped: Some(false),
        is_disabled: class == 0,
    }
}

fn parameter(object: i32, id: i32, name: &str, length: i32) -> Parameter {
    Parameter {
        object_id: object,
        parameter_id: id,
        name: words(name),
        system_type_id: 231,
        max_length: length,
        is_output: id == 0,
    }
}

fn clr(facts: &mut DatabaseFacts) {
    facts.assemblies = known(vec![Assembly {
        assembly_id: 65536,
        name: "geo".to_owned(),
        principal_id: Some(PrincipalId(1)),
        clr_name: words("geo, version=1.0.0.0, culture=neutral, publickeytoken=null"),
        permission_set: Some(3),
        is_visible: true,
        is_user_defined: Some(true),
        create_date: words(CREATED),
        modify_date: words(CHANGED),
    }]);
    let file = |id, name: &str, size: &str, byte: &str| AssemblyFile {
        assembly_id: 65536,
        file_id: id,
        name: words(name),
        size: words(size),
        sha2_512: known(format!("0x{}", byte.repeat(64))),
    };
    facts.assembly_files = known(vec![
        file(1, "C:\\build\\geo.dll", "23552", "5c"),
        file(2, "geo.pdb", "7", "d1"),
    ]);
    facts.assembly_modules = known(vec![AssemblyModule {
        object_id: 50_003,
        assembly_id: 65536,
        assembly_class: words("Geo.Functions"),
        assembly_method: words("Distance"),
        execute_as_principal_id: None,
    }]);
}
