//! Whether an address names an instance.

use crate::snapshot::ServerIdentity;

/// Ways to write the machine itself.
const HERE: &[&str] = &[".", "(local)", "localhost", "::1"];

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
    /// Reads `tcp:host\instance,port`, and a pipe's path: `np:\\host\pipe\MSSQL$instance\sql\query`.
    pub fn of(source: &str) -> Self {
        let source = source.trim();
        // Shared memory is this machine's, whatever host is named.
        let is_shared = source
            .get(..4)
            .is_some_and(|p| p.eq_ignore_ascii_case("lpc:"));
        let plain = source.split_once(':').filter(|(protocol, _)| {
            ["tcp", "np", "lpc", "admin"]
                .iter()
                .any(|p| protocol.eq_ignore_ascii_case(p))
        });
        let source = plain.map_or(source, |(_, rest)| rest).trim();
        if let Some(pipe) = source.strip_prefix("\\\\") {
            return Self::of_pipe(pipe);
        }
        let (name, port) = match source.split_once(',') {
            Some((name, port)) => (name, port.trim().parse().ok()),
            None => (source, None),
        };
        let (host, instance) = match name.split_once('\\') {
            Some((host, instance)) => (host, Some(instance.trim().to_lowercase())),
            None => (name, None),
        };
        let instance = instance.filter(|i| !i.is_empty() && i != "mssqlserver");
        let host = if is_shared { "." } else { host.trim() };
        Self {
            host: host.to_lowercase(),
            instance,
            port,
        }
    }

    /// `host\pipe\sql\query` of the default instance, `host\pipe\MSSQL$NAME\sql\query` of a named one.
    fn of_pipe(path: &str) -> Self {
        let mut parts = path.split('\\');
        let host = parts.next().unwrap_or_default().trim().to_lowercase();
        let name = parts.nth(1).unwrap_or_default().to_lowercase();
        let instance = name.strip_prefix("mssql$").map(str::to_owned);
        Self {
            host,
            instance,
            port: None,
        }
    }

    /// Whether the host is a number: whose it is, no name says.
    pub fn is_number(&self) -> bool {
        let is_digit = |c: char| c.is_ascii_hexdigit() || matches!(c, '.' | ':');
        let separates = self.host.contains(['.', ':']) && self.host != ".";
        separates
            && self.host.chars().all(is_digit)
            && self
                .host
                .starts_with(|c: char| c.is_ascii_hexdigit() || c == ':')
            && (self.host.contains(':') || !self.host.contains(|c: char| c.is_alphabetic()))
    }

    /// Whether the host is written as the machine itself.
    pub fn is_here(&self) -> bool {
        // All of 127/8 is the machine itself.
        let is_loop = self.host.starts_with("127.") && self.is_number();
        is_loop || HERE.contains(&self.host.as_str())
    }
}

/// Whether a linked server's source is the instance that holds it: by the machine's names, or by the address at which
/// the instance was reached. A port alone does not tell: then the default instance is meant only where none is named.
pub fn is_same_instance(
    source: &str,
    identity: Option<&ServerIdentity>,
    endpoint: &Address,
) -> bool {
    let address = Address::of(source);
    if !endpoint.host.is_empty() && address.host == endpoint.host {
        if address.port.is_some() && address.port == endpoint.port {
            return true;
        }
        if address.port.is_none() && address.instance == endpoint.instance {
            const DEFAULT: u16 = 1433;
            let is_default = endpoint.port.is_none_or(|port| port == DEFAULT);
            return is_default || address.instance.is_some();
        }
    }
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
        for (host, is_number) in [
            ("10.0.0.7,1433", true),
            ("::1", true),
            ("sql01", false),
            ("cafe.example", false),
            ("feed", false),
            (".", false),
        ] {
            assert_eq!(Address::of(host).is_number(), is_number, "{host}");
        }
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
        let endpoint = Address::of("db.corp.example,1433");
        for (source, instance, same) in [
            ("db.corp.example", None, true),
            ("DB.corp.example,1433", None, true),
            ("db.corp.example,1444", None, false),
            ("127.0.0.2", None, true),
            ("np:\\\\.\\pipe\\sql\\query", None, true),
            ("\\\\SQL01\\pipe\\MSSQL$ERP\\sql\\query", Some("ERP"), true),
            ("\\\\SQL01\\pipe\\MSSQL$ERP\\sql\\query", None, false),
            ("lpc:anything", None, true),
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
                is_same_instance(source, identity.as_ref(), &endpoint),
                same,
                "{source}"
            );
        }
    }
}
