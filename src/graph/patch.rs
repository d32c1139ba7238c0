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

/// The newest security update of each servicing branch, by where the branch begins: Microsoft's list of builds of
/// August 2026 (docs: latest updates and version history for SQL Server), service packs that are out of support aside.
const SECURITY_UPDATES: &[(Build, Build)] = &[
    (Build(11, 0, 0), Build(11, 7512, 11)),
    (Build(12, 0, 0), Build(12, 6179, 1)),
    (Build(12, 6205, 0), Build(12, 6449, 1)),
    (Build(13, 0, 0), Build(13, 6500, 1)),
    (Build(13, 7000, 0), Build(13, 7095, 1)),
    (Build(14, 0, 0), Build(14, 2120, 1)),
    (Build(14, 3006, 0), Build(14, 3540, 1)),
    (Build(15, 0, 0), Build(15, 2180, 2)),
    (Build(15, 4003, 0), Build(15, 4480, 2)),
    (Build(16, 0, 0), Build(16, 1190, 2)),
    (Build(16, 4003, 0), Build(16, 4262, 2)),
    (Build(17, 0, 0), Build(17, 1125, 2)),
    (Build(17, 4005, 0), Build(17, 4060, 2)),
];

/// The day of that list.
pub const SECURITY_UPDATES_LISTED: &str = "2026-08-13";

/// The newest security update of a servicing branch.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct SecurityUpdate {
    /// The first build that carries it.
    pub build: String,
    /// Whether the build asked about does.
    pub is_installed: bool,
}

impl SecurityUpdate {
    /// That of the branch of a build; `None` of a version that is not in the list.
    pub fn newest(version: &str) -> Option<Self> {
        let build = Build::of(version)?;
        let (_, update) = build.branch(SECURITY_UPDATES)?;
        (update.0 == build.0).then(|| Self {
            build: format!("{}.0.{}.{}", update.0, update.1, update.2),
            is_installed: *update <= build,
        })
    }
}

/// Major version, build, revision; the minor version is 0 in all of them.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord)]
struct Build(u32, u32, u32);

impl Build {
    fn of(version: &str) -> Option<Self> {
        let mut parts = version.split('.').map(|part| part.parse().ok());
        let (major, _, build) = (parts.next()??, parts.next()??, parts.next()??);
        Some(Self(major, build, parts.next().flatten().unwrap_or(0)))
    }

    /// The last branch that begins no later than this build.
    fn branch(self, branches: &[(Self, Self)]) -> Option<&(Self, Self)> {
        branches.iter().rev().find(|(begins, _)| *begins <= self)
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
    let branch = build.branch(PROTECTS_STRONG_LOGINS);
    branch.is_some_and(|(_, fixed)| *fixed <= build)
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

    #[test]
    fn the_newest_security_update_is_that_of_the_branch() {
        for (version, newest) in [
            ("11.0.7507.2", Some(("11.0.7512.11", false))),
            ("12.0.6179.1", Some(("12.0.6179.1", true))),
            ("12.0.6329.1", Some(("12.0.6449.1", false))),
            ("13.0.6300.2", Some(("13.0.6500.1", false))),
            ("13.0.7095.1", Some(("13.0.7095.1", true))),
            ("16.0.1190.2", Some(("16.0.1190.2", true))),
            ("16.0.4255.1", Some(("16.0.4262.2", false))),
            ("16.0.4265.3", Some(("16.0.4262.2", true))),
            ("17.0.1000.7", Some(("17.0.1125.2", false))),
            ("17.0.4075.5", Some(("17.0.4060.2", true))),
            ("10.50.6785.2", None),
            ("18.0.1.1", None),
            ("odd", None),
        ] {
            let found = SecurityUpdate::newest(version);
            let found = found.as_ref().map(|u| (u.build.as_str(), u.is_installed));
            assert_eq!(found, newest, "{version}");
        }
    }
}
