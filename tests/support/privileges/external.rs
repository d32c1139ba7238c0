//! Lines about keys, assemblies, extended procedures and languages.

use std::fmt::Write as _;

use serde_json::json;

use super::builder::{Builder, push};
use super::line::Line;

impl Builder {
    /// Reads such a line; `false` if it is none.
    pub fn read_external(&mut self, line: &mut Line<'_>) -> bool {
        if line.take("certificate") {
            self.read_certificate(line);
        } else if line.take("key") {
            self.read_key(line);
        } else if line.take("assembly") {
            self.read_assembly(line);
        } else if line.take("clr procedure") {
            self.read_clr(line);
        } else if line.take("extended procedure") {
            let (name, dll) = (line.name(), line.name());
            let id = self.add_object(&name, "X", None, 0);
            let row = json!({"object_id": id, "name": name, "schema_id": 1, "dll_name": dll,
                "is_ms_shipped": false});
            push(&mut self.facts().extended_procedures, row);
        } else if line.take("language") {
            let (id, name) = (65_536 + self.next_id(), line.name());
            let row = json!({"external_language_id": id, "language": name, "principal_id": 1});
            push(&mut self.facts().external_languages, row);
        } else {
            return false;
        }
        true
    }

    /// Where the private half is, and the sid of the login made from the key.
    fn read_key_parts(&mut self, line: &mut Line<'_>, name: &str) -> (&'static str, String) {
        let private = match line.take("private key") {
            true if line.take("with password") => "PW",
            true => "MK",
            false => "NA",
        };
        let sid = if line.take("for") {
            self.login(&line.name()).1
        } else {
            format!("0x0106{}", hex(name))
        };
        (private, sid)
    }

    fn read_certificate(&mut self, line: &mut Line<'_>) {
        let (id, name) = (self.next_id(), line.name());
        let (private, sid) = self.read_key_parts(line, &name);
        let row = json!({"certificate_id": id, "name": name, "principal_id": 1,
            "pvt_key_encryption_type": private, "thumbprint": thumbprint("c", &name), "sid": sid});
        push(&mut self.facts().certificates, row);
    }

    fn read_key(&mut self, line: &mut Line<'_>) {
        let (id, name) = (self.next_id(), line.name());
        let (private, sid) = self.read_key_parts(line, &name);
        let row = json!({"asymmetric_key_id": id, "name": name, "principal_id": 1,
            "pvt_key_encryption_type": private, "thumbprint": thumbprint("k", &name),
            "key_length": 2048, "sid": sid});
        push(&mut self.facts().asymmetric_keys, row);
    }

    fn read_assembly(&mut self, line: &mut Line<'_>) {
        let (id, name) = (65_536 + self.next_id(), line.name());
        let set = match line.name().as_str() {
            "safe" => 1,
            "external" => 2,
            "unsafe" => 3,
            _ => line.fail("safe, external or unsafe expected"),
        };
        let owner = self.read_owner(line).unwrap_or(1);
        let row = json!({"assembly_id": id, "name": name, "principal_id": owner,
            "permission_set": set, "is_visible": true, "is_user_defined": true});
        push(&mut self.facts().assemblies, row);
    }

    fn read_clr(&mut self, line: &mut Line<'_>) {
        let name = line.name();
        line.expect("of");
        let assembly = self.assembly(&line.name());
        let context = line.take("execute as").then(|| self.context(&line.name()));
        let id = self.add_object(&name, "PC", None, 0);
        let row = json!({"object_id": id, "assembly_id": assembly, "assembly_class": "C",
            "assembly_method": "M", "execute_as_principal_id": context});
        push(&mut self.facts().assembly_modules, row);
    }

    fn assembly(&mut self, name: &str) -> i32 {
        let mut rows = self.facts().assemblies.seen().iter();
        let found = rows.find(|row| row.name == name);
        found
            .unwrap_or_else(|| panic!("no assembly {name}"))
            .assembly_id
    }

    /// Class and id of such a thing, if one is named.
    pub fn read_external_securable(&mut self, line: &mut Line<'_>) -> Option<(i32, i32)> {
        if line.take("assembly") {
            return Some((5, self.assembly(&line.name())));
        }
        if line.take("certificate") {
            let name = line.name();
            let mut rows = self.facts().certificates.seen().iter();
            let found = rows.find(|row| row.name == name);
            let found = found.unwrap_or_else(|| line.fail("no such certificate"));
            return Some((25, found.certificate_id));
        }
        if line.take("key") {
            let name = line.name();
            let mut rows = self.facts().asymmetric_keys.seen().iter();
            let found = rows.find(|row| row.name == name);
            let found = found.unwrap_or_else(|| line.fail("no such key"));
            return Some((26, found.asymmetric_key_id));
        }
        if line.take("language") {
            let name = line.name();
            let mut rows = self.facts().external_languages.seen().iter();
            let found = rows.find(|row| row.language.as_deref() == Some(name.as_str()));
            let found = found.unwrap_or_else(|| line.fail("no such language"));
            return Some((34, found.external_language_id));
        }
        None
    }
}

fn hex(name: &str) -> String {
    name.bytes().fold(String::new(), |mut hex, byte| {
        let _ = write!(hex, "{byte:02x}"); // writing to a String cannot fail
        hex
    })
}

/// Copies of a key in several databases have the same one.
pub fn thumbprint(kind: &str, name: &str) -> String {
    format!("0x{}", hex(&format!("{kind}{name}")))
}
