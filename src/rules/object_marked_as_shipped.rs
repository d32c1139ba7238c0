//! What it checks: objects that can hold code and are marked as shipped by Microsoft (`is_ms_shipped`) where Microsoft
//! ships none: in every database but the system's own, and in master under any other name than the two procedures that
//! setup makes there. msdb, tempdb and model are not judged: they hold hundreds of shipped objects, which differ by build.
//!
//! Why it matters: the mark can be set by whoever owns the database (sp_MS_marksystemobject). Management tools and most
//! audits leave marked objects out of their lists, which makes it a place to hide a procedure.
//!
//! How to fix: read the object's text; compare it with a database of the same build in which the feature is used that
//! it claims to belong to. If nobody answers for it, keep its text as evidence and drop it.
//!
//! When it is fine: change data capture, change tracking and replication make marked objects in the databases that
//! they are used in, and in the distribution database.
//!
//! References: docs: sys.objects (is_ms_shipped); MITRE ATT&CK T1505.001, T1036, AN0511

use super::{Case, Evidence, Judgement, Rule, Severity, Subject, named};
use crate::snapshot::{DatabaseFacts, Fact};

pub(super) static RULE: Rule = Rule {
    id: "CODE-003",
    slug: "object-marked-as-shipped",
    title: "An object is marked as shipped that Microsoft does not ship",
    severity: Severity::Medium,
    facts: &[Fact::Databases, Fact::Objects, Fact::Triggers],
    master_facts: &[],
    msdb_facts: &[],
    controls: &["nist-800-53r5:CM-7", "nist-800-53r5:SI-7"],
    attack: &["T1505.001", "T1036", "AN0511"],
    source: include_str!("object_marked_as_shipped.rs"),
    check,
};

/// tempdb, model and msdb, whose ids nobody else can have: they hold shipped objects which are not told apart here.
const NOT_JUDGED: &[i32] = &[2, 3, 4];

/// What setup makes in master.
const SHIPPED_IN_MASTER: &[&str] = &["sp_MScleanupmergepublisher", "sp_MSrepl_startup"];

/// The schema dbo, whatever database it is in.
const DBO: i32 = 1;

/// Types that hold code: procedures, functions, views, triggers, aggregates, in T-SQL, CLR or a DLL.
const CODE: &[&str] = &[
    "P", "X", "RF", "PC", "V", "FN", "IF", "TF", "FS", "FT", "AF", "TR", "TA",
];

fn check(case: &Case<'_>, judgement: &mut Judgement) {
    for database in case.databases() {
        if NOT_JUDGED.contains(&database.database_id) {
            judgement.not_applicable("shipped objects of this database are not told apart");
        } else if !judge(database, judgement) {
            judgement.pass();
        }
    }
}

/// Whether something was found.
fn judge(database: &DatabaseFacts, judgement: &mut Judgement) -> bool {
    let mut found = false;
    let marked = |mark: Option<bool>, kind: &str| mark == Some(true) && CODE.contains(&kind);
    let within = Some(&database.name);
    let mut report = |object: String, kind: &str, evidence: Evidence| {
        let message = format!(
            "{} (type {kind}) is marked as shipped, and this database ships no such object",
            named(&object)
        );
        let subject = Subject::within("object", &database.name, object);
        judgement.fail(subject, message, vec![evidence]);
        found = true;
    };
    for object in database.objects.seen() {
        let of_setup = database.name.as_str() == "master"
            && SHIPPED_IN_MASTER.contains(&object.name.as_str())
            && object.schema_id == DBO;
        if marked(object.is_ms_shipped, &object.r#type) && !of_setup {
            let evidence = Evidence::row("objects", within, object);
            report(
                database.object_name(object.object_id),
                &object.r#type,
                evidence,
            );
        }
    }
    // DDL triggers stand in no list of objects.
    for trigger in database.triggers.seen() {
        if marked(trigger.is_ms_shipped, &trigger.r#type)
            && database.object(trigger.object_id).is_none()
        {
            let evidence = Evidence::row("triggers", within, trigger);
            report(trigger.name.clone(), &trigger.r#type, evidence);
        }
    }
    found
}
