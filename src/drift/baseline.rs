//! From what somebody published to the hashes that approve it.

use sha2::{Digest, Sha512};

use crate::inventory::{Baseline, Published, PublishedAssembly};
use crate::snapshot::sha256_hex;
use crate::tsql;

/// Something published that could not be taken.
#[derive(Debug, PartialEq, Eq)]
pub struct Untold {
    /// Line from 1.
    pub line: u32,
    /// Why.
    pub why: String,
}

/// Takes what a T-SQL script leaves on a server; gives what it leaves there and could not be told.
pub fn take_script(baseline: &mut Baseline, text: &str) -> Vec<Untold> {
    let found = tsql::published(text);
    let modules = found.modules.iter().map(|own| Published {
        name: own.name.join("."),
        hash: sha256_hex(&own.normal),
    });
    baseline.module.extend(modules);
    for own in &found.assemblies {
        take_assembly(baseline, &own.name, &own.bytes, &own.permission_set);
    }
    let steps = found.job_steps.iter().map(|own| Published {
        name: own.name.clone(),
        hash: sha256_hex(&own.normal),
    });
    baseline.job_step.extend(steps);
    let untold = found.untold.into_iter();
    untold.map(|(line, why)| Untold { line, why }).collect()
}

/// Takes an assembly's file.
pub fn take_assembly(baseline: &mut Baseline, name: &str, bytes: &[u8], permission_set: &str) {
    use std::fmt::Write as _;
    let hash = Sha512::digest(bytes)
        .iter()
        .fold(String::new(), |mut hex, byte| {
            let _ = write!(hex, "{byte:02x}"); // writing to a String cannot fail
            hex
        });
    baseline.assembly.push(PublishedAssembly {
        name: name.to_owned(),
        hash,
        permission_set: permission_set.to_owned(),
    });
}

/// Puts what was taken among others: in place of what has its name and version.
pub fn put(all: &mut Vec<Baseline>, mut own: Baseline) {
    own.sort();
    all.retain(|other| (&other.name, &other.version) != (&own.name, &own.version));
    all.push(own);
    all.sort_by(|a, b| (&a.name, &a.version).cmp(&(&b.name, &b.version)));
}

#[cfg(test)]
mod tests {
    use super::*;

    fn named(version: &str) -> Baseline {
        Baseline {
            file: String::new(),
            name: "sp_X".to_owned(),
            version: Some(version.to_owned()),
            sources: Vec::new(),
            module: Vec::new(),
            assembly: Vec::new(),
            job_step: Vec::new(),
        }
    }

    #[test]
    fn versions_stand_beside_each_other_and_one_is_replaced_by_itself() {
        let (mut one, mut again) = (named("1"), named("1"));
        assert!(take_script(&mut one, "CREATE PROC dbo.sp_X AS SELECT 1").is_empty());
        assert!(take_script(&mut again, "CREATE PROC dbo.sp_X AS SELECT 2").is_empty());
        let mut all = Vec::new();
        put(&mut all, named("2"));
        put(&mut all, one.clone());
        assert_eq!(all.len(), 2);
        assert_eq!(all.first(), Some(&one));
        put(&mut all, again.clone());
        assert_eq!((all.len(), all.first()), (2, Some(&again)));
    }

    #[test]
    fn the_hash_of_an_assembly_is_the_one_of_the_server() {
        let mut own = named("1");
        take_assembly(&mut own, "A", b"abc", "SAFE");
        let hash = own.assembly.first().map(|own| own.hash.clone());
        assert!(hash.is_some_and(|hash| hash.starts_with("ddaf35a193617aba")));
    }

    #[test]
    fn a_script_that_creates_nothing_approves_nothing() {
        let mut own = named("1");
        let untold = take_script(
            &mut own,
            "SELECT 1\nGO\nEXEC('CREATE PROC dbo.x AS SELECT 1')",
        );
        assert!(untold.is_empty() && own == named("1"));
    }
}
