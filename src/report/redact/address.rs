//! IP addresses in texts, and the ways to write one.

use core::net::{Ipv4Addr, Ipv6Addr};
use std::ops::Range;

/// An IPv6 address in a text.
pub(super) struct Found {
    /// Where it stands, with its zone.
    pub place: Range<usize>,
    pub address: Ipv6Addr,
}

/// The IPv6 addresses of a text that could be somebody's.
pub(super) fn v6(text: &str) -> Vec<Found> {
    if text.matches(':').nth(1).is_none() {
        return Vec::new(); // as most texts of a snapshot
    }
    let runs = runs(text, |c| c.is_ascii_hexdigit() || c == ':' || c == '.');
    runs.into_iter()
        .filter_map(|run| found(text, run))
        .collect()
}

/// The IPv4 addresses of a text that could be somebody's. A version of four small numbers looks the same.
pub(super) fn v4(text: &str) -> Vec<&str> {
    let runs = runs(text, |c| c.is_ascii_digit() || c == '.');
    let written = runs.into_iter().filter_map(|run| text.get(run));
    let written = written.map(|run| run.trim_matches('.'));
    written
        .filter(|run| run.parse().is_ok_and(is_hosts))
        .collect()
}

/// Whether an address is of a host, not of whoever reads it or of none.
pub(super) fn is_hosts(address: Ipv4Addr) -> bool {
    !address.is_loopback() && !address.is_unspecified()
}

/// Every usual way to write an address.
pub(super) fn spellings(address: Ipv6Addr) -> [String; 3] {
    let groups = |form: fn(u16) -> String| address.segments().map(form).join(":");
    [
        address.to_string(),
        groups(|group| format!("{group:x}")),
        groups(|group| format!("{group:04x}")),
    ]
}

/// Where such characters, all of them ASCII, stand together.
fn runs(text: &str, is_part: fn(char) -> bool) -> Vec<Range<usize>> {
    let mut runs: Vec<Range<usize>> = Vec::new();
    for (at, _) in text.char_indices().filter(|(_, c)| is_part(*c)) {
        match runs.last_mut() {
            Some(run) if run.end == at => run.end += 1,
            _ => runs.push(at..at + 1),
        }
    }
    runs
}

fn found(text: &str, mut run: Range<usize>) -> Option<Found> {
    let is_word = |c: char| c.is_alphanumeric() || c == '_';
    let (before, after) = (text.get(..run.start)?, text.get(run.end..)?);
    if after.starts_with(is_word) {
        return None;
    }
    if before.ends_with(is_word) {
        run.start += text.get(run.clone())?.find(':')?; // the end of a word, such as `lpc:`
    }
    let (start, written) = (run.start, text.get(run)?);
    // A colon or full stop may be the sentence's, or stand after a protocol's name.
    let (place, address) = trimmed(written).into_iter().find_map(|(lead, written)| {
        let start = start + lead;
        let address: Ipv6Addr = written.parse().ok()?;
        Some((start..start + written.len(), address))
    })?;
    // `::1`, and what has never been anybody's: `SCHEMA::abc` is none.
    let is_nobodys = address.segments().iter().take(5).all(|group| *group == 0)
        && address.to_ipv4_mapped().is_none_or(|v4| !is_hosts(v4));
    if is_nobodys {
        return None;
    }
    let zone = text.get(place.end..)?.strip_prefix('%').map_or(0, |rest| {
        let is_zone = |c: char| c.is_alphanumeric() || "_-~".contains(c);
        let length = rest.find(|c| !is_zone(c)).unwrap_or(rest.len());
        if length == 0 { 0 } else { length + 1 }
    });
    Some(Found {
        place: place.start..place.end + zone,
        address,
    })
}

/// A run as it is, and without a sign at either end, each with what was taken off its beginning.
fn trimmed(run: &str) -> [(usize, &str); 4] {
    let ends = run.strip_suffix([':', '.']).unwrap_or(run);
    let (begins, both) = (run.strip_prefix(':'), ends.strip_prefix(':'));
    [
        (0, run),
        (0, ends),
        begins.map_or((0, run), |run| (1, run)),
        both.map_or((0, ends), |run| (1, run)),
    ]
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn addresses_are_found_where_people_write_them() {
        for (text, due) in [
            ("2001:db8::1", vec!["2001:db8::1"]),
            ("[2001:DB8::1]:1433", vec!["2001:DB8::1"]),
            ("tcp:2001:db8::1,1433", vec!["2001:db8::1"]),
            ("lpc:fd00:1:2:3:4:5:6:7", vec!["fd00:1:2:3:4:5:6:7"]),
            ("fe80::1%eth0: no answer", vec!["fe80::1%eth0"]),
            ("not reached: 2001:db8::1: refused.", vec!["2001:db8::1"]),
            ("::ffff:10.1.2.3.", vec!["::ffff:10.1.2.3"]),
            ("fd00::a and fd00::b", vec!["fd00::a", "fd00::b"]),
            // No addresses, or nobody's.
            ("::1, :: and ::ffff:127.0.0.1", vec![]),
            ("SCHEMA::dbo, SCHEMA::abc, OBJECT::f", vec![]),
            ("12:30:45 of 00:11:22:33:44:55", vec![]),
            ("fd00::ax fd00::12345", vec![]),
            ("größe:2001", vec![]),
        ] {
            let found = v6(text).into_iter();
            let found: Vec<&str> = found.map(|one| &text[one.place]).collect();
            assert_eq!(found, due, "{text}");
        }
    }

    #[test]
    fn addresses_of_four_numbers_are_found() {
        let text = "none of 2 addresses (10.1.2.3: refused; 192.168.0.7: no answer). At 127.0.0.1, 0.0.0.0.";
        assert_eq!(v4(text), ["10.1.2.3", "192.168.0.7"]);
        assert!(v4("16.0.4135.4 of 2022.10.3").is_empty());
    }

    #[test]
    fn an_address_has_spellings() {
        let address = Ipv6Addr::new(0x2001, 0xdb8, 0, 0, 0, 0, 0, 0xab);
        assert_eq!(
            spellings(address),
            [
                "2001:db8::ab",
                "2001:db8:0:0:0:0:0:ab",
                "2001:0db8:0000:0000:0000:0000:0000:00ab"
            ]
        );
    }
}
