//! Who runs the program, on which computer: as the operating system says.

use std::path::Path;

/// The account that runs this, by the owner of a folder that it made; where the platform has no such thing, as the
/// environment says.
pub fn user(made: &Path) -> Option<String> {
    of_file(made).or_else(of_environment)
}

#[cfg(unix)]
fn of_file(made: &Path) -> Option<String> {
    use std::os::unix::fs::MetadataExt as _;
    let id = std::fs::metadata(made).ok()?.uid();
    let users = std::fs::read_to_string("/etc/passwd").unwrap_or_default();
    let mut named = users.lines().filter_map(|line| {
        let mut fields = line.split(':');
        let name = fields.next()?;
        let own: u32 = fields.nth(1)?.parse().ok()?;
        (own == id).then(|| name.to_owned())
    });
    Some(named.next().unwrap_or_else(|| format!("uid {id}")))
}

#[cfg(not(unix))]
fn of_file(_: &Path) -> Option<String> {
    None
}

fn of_environment() -> Option<String> {
    let named = |variable: &str| std::env::var(variable).ok().filter(|name| !name.is_empty());
    let user = named("USERNAME").or_else(|| named("USER"))?;
    Some(match named("USERDOMAIN") {
        Some(domain) => format!("{domain}\\{user}"),
        None => user,
    })
}

/// The computer's name.
pub fn host() -> Option<String> {
    let kernel = std::fs::read_to_string("/proc/sys/kernel/hostname").ok();
    let named = |variable: &str| std::env::var(variable).ok();
    let name = kernel
        .or_else(|| named("COMPUTERNAME"))
        .or_else(|| named("HOSTNAME"))
        .or_else(|| std::fs::read_to_string("/etc/hostname").ok())?;
    Some(name.trim().to_owned()).filter(|name| !name.is_empty())
}

/// The operating system and the processor.
pub fn system() -> String {
    let release = std::fs::read_to_string("/etc/os-release").unwrap_or_default();
    let mut lines = release.lines();
    let pretty = lines.find_map(|line| line.strip_prefix("PRETTY_NAME="));
    let name = pretty.map_or(std::env::consts::OS, |name| name.trim_matches('"'));
    format!("{name}, {}", std::env::consts::ARCH)
}
