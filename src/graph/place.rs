//! Whether an address names an instance.

use crate::snapshot::ServerIdentity;

/// Ways to write the machine itself.
const HERE: &[&str] = &[".", "(local)", "localhost", "127.0.0.1", "::1"];

/// An address, taken apart.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Address {
    /// Host, lower case, without protocol.
    pub host: String,
    /// Named instance, lower case.
    pub instance: Option<String>,
    /// TCP port.
    pub port: Option<u16>,
}

impl Address {
    /// Reads `tcp:host\instance,port`.
    pub fn of(source: &str) -> Self {
        let source = source.trim();
        let plain = source.split_once(':').filter(|(protocol, _)| {
            ["tcp", "np", "lpc", "admin"]
                .iter()
                .any(|p| protocol.eq_ignore_ascii_case(p))
        });
        let source = plain.map_or(source, |(_, rest)| rest);
        let (name, port) = match source.split_once(',') {
            Some((name, port)) => (name, port.trim().parse().ok()),
            None => (source, None),
        };
        let (host, instance) = match name.split_once('\\') {
            Some((host, instance)) => (host, Some(instance.trim().to_lowercase())),
            None => (name, None),
        };
        let instance = instance.filter(|i| !i.is_empty() && i != "mssqlserver");
        Self {
            host: host.trim().to_lowercase(),
            instance,
            port,
        }
    }

    /// Whether the host is written as the machine itself.
    pub fn is_here(&self) -> bool {
        HERE.contains(&self.host.as_str())
    }
}

/// Whether a linked server's source is the instance that holds it. A port alone does not tell: then the default
/// instance is meant only where none is named.
pub fn is_same_instance(source: &str, identity: Option<&ServerIdentity>) -> bool {
    let address = Address::of(source);
    let own_instance = identity.and_then(|i| i.instance_name.as_deref());
    let own_instance = own_instance.map(str::to_lowercase);
    if address.instance != own_instance && !(address.port.is_some() && address.instance.is_none()) {
        return false;
    }
    if address.is_here() {
        return true;
    }
    let names = identity.into_iter().flat_map(|i| {
        [&i.server_name, &i.machine_name, &i.physical_name]
            .into_iter()
            .flatten()
    });
    let short = |name: &str| name.split('\\').next().unwrap_or_default().to_lowercase();
    let first_label = address.host.split('.').next().unwrap_or_default();
    let is_number = !address.host.contains(|c: char| c.is_alphabetic());
    names
        .map(|name| short(name))
        .any(|name| name == address.host || (!is_number && name == first_label))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn addresses_are_taken_apart() {
        let address = Address::of("tcp:SQL01.corp.example\\ERP,1444");
        assert_eq!(address.host, "sql01.corp.example");
        assert_eq!(address.instance.as_deref(), Some("erp"));
        assert_eq!(address.port, Some(1444));
        assert!(Address::of("(local)").is_here());
        assert_eq!(Address::of("SQL01\\MSSQLSERVER").instance, None);
    }

    #[test]
    fn an_instance_knows_its_own_names() {
        let identity = |instance: Option<&str>| -> Option<ServerIdentity> {
            let json = serde_json::json!({
                "product_version": "16.0.1.1", "server_name": "SQL01", "machine_name": "SQL01",
                "instance_name": instance,
            });
            serde_json::from_value(json).ok()
        };
        for (source, instance, same) in [
            (".", None, true),
            ("localhost", None, true),
            ("SQL01", None, true),
            ("sql01.corp.example", None, true),
            ("SQL01\\ERP", None, false),
            (".\\ERP", Some("ERP"), true),
            (".", Some("ERP"), false),
            ("SQL02", None, false),
            ("10.0.0.1", None, false),
        ] {
            let identity = identity(instance);
            assert!(identity.is_some());
            assert_eq!(
                is_same_instance(source, identity.as_ref()),
                same,
                "{source}"
            );
        }
    }
}
