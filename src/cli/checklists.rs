//! Checklists as files: what they are called.

use std::collections::BTreeSet;

use super::reports::{File, Files};
use crate::compliance::Checklist;
use crate::ids::file_name;
use crate::report::{self, Judgement};

/// Where they stand.
pub const FOLDER: &str = "reports/stig/";

/// One file of each, made as it is asked for.
pub fn files<'a>(judged: &'a Judgement<'_>) -> Files<'a> {
    let named = names(judged.checklists).into_iter().zip(judged.checklists);
    Box::new(named.filter_map(|(name, list)| {
        let bytes = report::cklb(judged, list).transpose()?;
        let file = bytes.map(|bytes| File {
            path: format!("{FOLDER}{name}.cklb"),
            bytes,
        });
        Some(file.map_err(Into::into))
    }))
}

/// `<target>.instance` and `<target>.<database>`, where that can be taken for no other, in whatever case a file system
/// keeps names; else with a hash.
fn names(lists: &[Checklist]) -> Vec<String> {
    const INSTANCE: &str = "instance";
    let mut taken = BTreeSet::new();
    // Those of instances come first: a database that is called so gives way.
    let of_instances = lists.iter().filter(|list| list.database.is_none());
    for list in of_instances {
        taken.insert(file_name(&format!("{}.{INSTANCE}", list.instance)).to_lowercase());
    }
    let name = |list: &Checklist| {
        let target = list.instance.as_str();
        let Some(database) = &list.database else {
            return file_name(&format!("{target}.{INSTANCE}"));
        };
        let plain = file_name(&format!("{target}.{database}"));
        // With a dot in it, where the target ends could not be told.
        if !database.as_str().contains('.') && taken.insert(plain.to_lowercase()) {
            return plain;
        }
        let hashed = file_name(&format!("{}/{target}/{database}", target.len()));
        taken.insert(hashed.to_lowercase());
        hashed
    };
    lists.iter().map(name).collect()
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::ids::{DatabaseName, InstanceId};

    fn list(instance: &str, database: Option<&str>) -> Checklist {
        Checklist {
            framework: String::new(),
            instance: InstanceId::new(instance),
            database: database.map(DatabaseName::new),
            statuses: Vec::new(),
        }
    }

    #[test]
    fn no_two_checklists_have_one_name_on_any_file_system() {
        let lists = [
            list("erp", None),
            list("erp", Some("Sales")),
            list("erp", Some("SALES")),
            list("erp", Some("Instance")),
            list("erp", Some("b.instance")),
            list("erp", Some("../../x")),
            list("erp", Some("a]b'c\"d`|e\r\n# f")),
            list("erp", Some(&"n".repeat(128))),
            list("erp.b", None),
            list("erp.b", Some("Sales")),
            list("erp.b", Some("instance")),
        ];
        let names = names(&lists);
        assert_eq!(names[..2], ["erp.instance", "erp.Sales"]);
        let folded: BTreeSet<String> = names.iter().map(|name| name.to_lowercase()).collect();
        assert_eq!(folded.len(), lists.len(), "{names:?}");
        let plain = |c: char| c.is_ascii_alphanumeric() || "-_.~".contains(c);
        assert!(
            names.iter().all(|name| name.chars().all(plain)),
            "{names:?}"
        );
    }
}
