//! Releases of SQL Server by their version numbers (docs: SQL Server build versions).

const RELEASES: &[(&str, &str)] = &[
    ("11", "2012"),
    ("12", "2014"),
    ("13", "2016"),
    ("14", "2017"),
    ("15", "2019"),
    ("16", "2022"),
    ("17", "2025"),
];

/// `2019` for `15.0.4345.5`; `None` of a version that is not known here.
pub fn release(product_version: &str) -> Option<&'static str> {
    let major = product_version.split('.').next().unwrap_or_default();
    let named = RELEASES.iter().find(|(number, _)| *number == major);
    named.map(|(_, name)| *name)
}
