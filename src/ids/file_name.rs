//! Names of files made of names that people and servers chose.

use std::fmt::Write as _;

use sha2::{Digest, Sha256};

/// A file name for an instance's name: the name itself where every platform takes it, else a readable
/// part and a hash. `~` stands only in the latter, so the two can never meet.
pub fn file_name(name: &str) -> String {
    const LONGEST: usize = 80;
    let plain = |c: char| c.is_ascii_alphanumeric() || matches!(c, '-' | '_' | '.');
    let device = name
        .split('.')
        .next()
        .unwrap_or_default()
        .to_ascii_uppercase();
    let reserved = matches!(device.as_str(), "CON" | "PRN" | "AUX" | "NUL")
        || (device.len() == 4 && (device.starts_with("COM") || device.starts_with("LPT")));
    let fits =
        name.len() <= LONGEST && !name.starts_with('.') && !name.ends_with('.') && !name.is_empty();
    if fits && !reserved && name.chars().all(plain) {
        return name.to_owned();
    }
    let readable: String = name
        .chars()
        .map(|c| if plain(c) && c != '.' { c } else { '_' })
        .take(LONGEST)
        .collect();
    let hash = Sha256::digest(name.as_bytes());
    let mut made = format!("{readable}~");
    for byte in hash.iter().take(6) {
        let _ = write!(made, "{byte:02x}"); // writing to a String cannot fail
    }
    made
}

#[cfg(test)]
mod tests {
    use proptest::prelude::*;

    use super::*;

    #[test]
    fn file_names_are_safe_on_every_platform() {
        assert_eq!(file_name("erp-prod"), "erp-prod");
        for name in [
            "../../etc/passwd",
            "CON",
            "nul.txt",
            "a\\b",
            ".",
            "",
            "trailing.",
            "com1",
            "ü",
        ] {
            let safe = file_name(name);
            assert!(safe.contains('~'), "{name} became {safe}");
            assert!(!safe.contains(['/', '\\']), "{name} became {safe}");
        }
    }

    proptest! {
        #[test]
        fn two_names_never_share_a_file(a in ".{0,130}", b in ".{0,130}") {
            prop_assume!(a.to_lowercase() != b.to_lowercase());
            prop_assert_ne!(file_name(&a).to_lowercase(), file_name(&b).to_lowercase());
        }
    }
}
