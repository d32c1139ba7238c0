//! Which builds carry the updates that change what a step needs.

use crate::snapshot::Snapshot;

/// First builds with the update of August 2025 (CVE-2025-49758), by where their servicing branch begins: builds and
/// branches as SpecterOps' MSSQLHound has them, third-party figures. A build below its branch's is taken as unpatched.
const PROTECTS_STRONG_LOGINS: &[(Build, Build)] = &[
    (Build(13, 0, 0), Build(13, 6465, 1)),
    (Build(13, 7000, 0), Build(13, 7060, 1)),
    (Build(14, 0, 0), Build(14, 2080, 1)),
    (Build(14, 3006, 0), Build(14, 3500, 1)),
    (Build(15, 0, 0), Build(15, 2140, 1)),
    (Build(15, 4003, 0), Build(15, 4440, 1)),
    (Build(16, 0, 0), Build(16, 1145, 1)),
    (Build(16, 4003, 0), Build(16, 4210, 1)),
    (Build(17, 0, 0), Build(17, 0, 0)),
];

/// Major version, build, revision; the minor version is 0 in all of them.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord)]
struct Build(u32, u32, u32);

impl Build {
    fn of(version: &str) -> Option<Self> {
        let mut parts = version.split('.').map(|part| part.parse().ok());
        let (major, _, build) = (parts.next()??, parts.next()??, parts.next()??);
        Some(Self(major, build, parts.next().flatten().unwrap_or(0)))
    }
}

/// Whether ALTER ANY LOGIN no longer resets the passwords of securityadmin and of holders of IMPERSONATE ANY LOGIN;
/// `false` where the build is not known to carry the update, as of 2012 and 2014.
pub fn protects_strong_logins(snapshot: &Snapshot) -> bool {
    let identity = snapshot.server.server_identity.known();
    if identity.is_some_and(crate::snapshot::ServerIdentity::is_managed_instance) {
        return true; // patched by the vendor
    }
    let version = identity.map(|identity| identity.product_version.as_str());
    version.is_some_and(is_patched)
}

fn is_patched(version: &str) -> bool {
    let Some(build) = Build::of(version) else {
        return false;
    };
    let mut branches = PROTECTS_STRONG_LOGINS.iter().rev();
    branches
        .find(|(begins, _)| *begins <= build)
        .is_some_and(|(_, fixed)| *fixed <= build)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_build_is_patched_by_its_own_branch() {
        for (version, patched) in [
            ("11.0.7507.2", false),
            ("13.0.6455.2", false),
            ("13.0.6465.1", true),
            ("13.0.7055.9", false),
            ("13.0.7060.1", true),
            ("15.0.2140.1", true),
            ("15.0.4435.7", false),
            ("16.0.1145.1", true),
            ("16.0.4195.2", false),
            ("16.0.4210.1", true),
            ("17.0.1000.7", true),
            ("18.0.1.1", true),
            ("odd", false),
        ] {
            assert_eq!(is_patched(version), patched, "{version}");
        }
    }
}
