//! The options of sp_configure, and which of them open a command channel.

/// Every option of sys.configurations, in lower case and in order, with the first major version that has it.
const OPTIONS: &[(&str, u8)] = &[
    ("access check cache bucket count", 11),
    ("access check cache quota", 11),
    ("ad hoc distributed queries", 11),
    ("adr cleaner lock timeout (s)", 17),
    ("adr cleaner retry timeout (min)", 15),
    ("adr cleaner thread count", 16),
    ("adr preallocation factor", 15),
    ("affinity i/o mask", 11),
    ("affinity mask", 11),
    ("affinity64 i/o mask", 11),
    ("affinity64 mask", 11),
    ("agent xps", 11),
    ("allow filesystem enumeration", 15),
    ("allow polybase export", 13),
    ("allow server scoped db credentials", 17),
    ("allow updates", 11),
    ("automatic soft-numa disabled", 13),
    ("availability group commit time (ms)", 17),
    ("backup checksum default", 12),
    ("backup compression algorithm", 16),
    ("backup compression default", 11),
    ("blocked process threshold (s)", 11),
    ("c2 audit mode", 11),
    ("clr enabled", 11),
    ("clr strict security", 14),
    ("column encryption enclave type", 15),
    ("common criteria compliance enabled", 11),
    ("contained database authentication", 11),
    ("cost threshold for parallelism", 11),
    ("cross db ownership chaining", 11),
    ("cursor threshold", 11),
    ("data processed daily limit in tb", 16),
    ("data processed monthly limit in tb", 16),
    ("data processed weekly limit in tb", 16),
    ("database mail xps", 11),
    ("default full-text language", 11),
    ("default language", 11),
    ("default trace enabled", 11),
    ("disallow results from triggers", 11),
    ("ekm provider enabled", 11),
    ("external ai runtimes enabled", 17),
    ("external rest endpoint enabled", 17),
    ("external scripts enabled", 13),
    ("external xtp dll gen util enabled", 16),
    ("filestream access level", 11),
    ("fill factor (%)", 11),
    ("ft crawl bandwidth (max)", 11),
    ("ft crawl bandwidth (min)", 11),
    ("ft notify bandwidth (max)", 11),
    ("ft notify bandwidth (min)", 11),
    ("hadoop connectivity", 13),
    ("hardware offload config", 16),
    ("hardware offload enabled", 16),
    ("hardware offload mode", 16),
    ("in-doubt xact resolution", 11),
    ("index create memory (kb)", 11),
    ("lightweight pooling", 11),
    ("locks", 11),
    ("max degree of parallelism", 11),
    ("max full-text crawl range", 11),
    ("max rpc request params (kb)", 15),
    ("max server memory (mb)", 11),
    ("max server tiered memory (mb)", 17),
    ("max text repl size (b)", 11),
    ("max ucs send boxcars", 17),
    ("max worker threads", 11),
    ("media retention", 11),
    ("min memory per query (kb)", 11),
    ("min server memory (mb)", 11),
    ("nested triggers", 11),
    ("network packet size (b)", 11),
    ("ole automation procedures", 11),
    ("open objects", 11),
    ("openrowset auto_create_statistics", 16),
    ("optimize for ad hoc workloads", 11),
    ("ph timeout (s)", 11),
    ("polybase enabled", 15),
    ("polybase network encryption", 13),
    ("precompute rank", 11),
    ("priority boost", 11),
    ("query governor cost limit", 11),
    ("query wait (s)", 11),
    ("recovery interval (min)", 11),
    ("remote access", 11),
    ("remote admin connections", 11),
    ("remote data archive", 13),
    ("remote login timeout (s)", 11),
    ("remote proc trans", 11),
    ("remote query timeout (s)", 11),
    ("replication xps", 11),
    ("scan for startup procs", 11),
    ("server trigger recursion", 11),
    ("set working set size", 11),
    ("show advanced options", 11),
    ("slog memory quota (%)", 17),
    ("smo and dmo xps", 11),
    ("suppress recovery model errors", 16),
    ("tempdb metadata memory-optimized", 15),
    ("tiered memory enabled", 17),
    ("transform noise words", 11),
    ("two digit year cutoff", 11),
    ("user connections", 11),
    ("user instance timeout", 11),
    ("user instances enabled", 11),
    ("user options", 11),
    ("version high part of sql server", 16),
    ("version low part of sql server", 16),
    ("xp_cmdshell", 11),
];

/// The newest major version that is known.
const NEWEST: u8 = 17;
/// The oldest one.
const OLDEST: u8 = 11;

/// An option that opens a command channel.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) struct Channel {
    /// Its full name.
    pub(super) name: &'static str,
    /// The value that keeps it shut.
    pub(super) shut: &'static str,
}

const CHANNELS: &[Channel] = &[
    channel("Ad Hoc Distributed Queries", "0"),
    channel("clr enabled", "0"),
    channel("clr strict security", "1"),
    channel("external AI runtimes enabled", "0"),
    channel("external rest endpoint enabled", "0"),
    channel("external scripts enabled", "0"),
    channel("Ole Automation Procedures", "0"),
    channel("xp_cmdshell", "0"),
];

const fn channel(name: &'static str, shut: &'static str) -> Channel {
    Channel { name, shut }
}

/// The channel that sp_configure's first argument names. The server takes any part of a name that fits one option
/// only, as a pattern of LIKE; which options there are depends on its version, and one that has the channel is enough.
/// A `hole` in the text may be anything, so long as enough of the text is known to mean one option.
pub(super) fn channel_named(text: &str, hole: char) -> Option<Channel> {
    const LEAST_KNOWN: usize = 3;
    const LONGEST: usize = 200;
    let text = text.trim_end_matches(' ');
    let known = text.chars().filter(|c| *c != hole).count();
    if text.len() > LONGEST || text.contains(hole) && known < LEAST_KNOWN {
        return None;
    }
    let pattern = text.chars().flat_map(char::to_lowercase);
    let pattern: Vec<char> = pattern.map(|c| if c == hole { '%' } else { c }).collect();
    let exact = |name: &str| name.chars().eq(pattern.iter().copied());
    let channel = |name: &str| CHANNELS.iter().find(|c| c.name.eq_ignore_ascii_case(name));
    if let Some((name, _)) = OPTIONS.iter().find(|(name, _)| exact(name)) {
        return channel(name).copied();
    }
    let fits = |(name, _): &&(&'static str, u8)| is_part_like(name, &pattern);
    let fitting: Vec<_> = OPTIONS.iter().filter(fits).collect();
    let only = |version| {
        let mut there = fitting.iter().filter(|(_, since)| *since <= version);
        let (name, _) = there.next()?;
        there.next().is_none().then_some(*name)
    };
    let mut named = (OLDEST..=NEWEST).rev().filter_map(only);
    named.find_map(channel).copied()
}

/// Whether an option of `sys.configurations` has this whole name, in whatever case.
pub fn is_option(name: &str) -> bool {
    let lower = name.to_lowercase();
    OPTIONS.iter().any(|(own, _)| *own == lower)
}

/// The value that keeps the command channel of an option shut; none where it opens none.
pub fn shut_value(name: &str) -> Option<&'static str> {
    let mut all = CHANNELS.iter();
    let own = all.find(|own| own.name.eq_ignore_ascii_case(name));
    own.map(|own| own.shut)
}

/// LIKE with `%` and `_`, anywhere in the text, which is ASCII.
fn is_part_like(text: &str, pattern: &[char]) -> bool {
    let text = text.as_bytes();
    let (mut at, mut place) = (0, 0);
    // The text may go on before the pattern as after a `%`: that was so far in the pattern and so far in the text.
    let mut last = (0, 0);
    while place < pattern.len() {
        match pattern.get(place) {
            Some('%') => {
                place += 1;
                last = (place, at);
            }
            Some(character) => {
                let Some(byte) = text.get(at) else {
                    return false;
                };
                if *character == '_' || *character == char::from(*byte) {
                    at += 1;
                    place += 1;
                } else {
                    last.1 += 1;
                    (place, at) = last;
                }
            }
            None => {}
        }
    }
    true
}

impl Channel {
    /// Whether a value, as text, is sure to keep the channel shut.
    pub(super) fn is_shut_by(self, value: &str) -> bool {
        let value = value.trim_matches(|c: char| c <= ' ');
        if self.shut == "0" {
            return is_zero(value);
        }
        value
            .strip_prefix('+')
            .unwrap_or(value)
            .trim_start_matches('0')
            == self.shut
    }
}

/// What converts to the number 0: nothing at all, any zero in decimal or hexadecimal.
fn is_zero(value: &str) -> bool {
    let lower = value.to_ascii_lowercase();
    let digits = lower.strip_prefix("0x").unwrap_or(&lower);
    digits
        .trim_start_matches(['+', '-', ' '])
        .chars()
        .all(|c| matches!(c, '0' | '.'))
}

#[cfg(test)]
mod tests {
    use super::*;

    const HOLE: char = '\u{FFFC}';

    #[rustfmt::skip] // one case, one line
    const NAMES: &[(&str, &str, Option<&str>)] = &[
        ("the full name", "xp_cmdshell", Some("xp_cmdshell")),
        ("any case", "XP_CMDSHELL", Some("xp_cmdshell")),
        ("a unique part", "cmdsh", Some("xp_cmdshell")),
        ("a unique beginning", "Ole A", Some("Ole Automation Procedures")),
        ("its own name, though another option contains it", "clr enabled", Some("clr enabled")),
        ("unique before 2017", "clr", Some("clr enabled")),
        ("unique since 2017", "clr s", Some("clr strict security")),
        ("fits several options in every version", "e", None),
        ("another option", "show advanced options", None),
        ("part of another", "show adv", None),
        ("mail, not a command channel", "Database Mail XPs", None),
        ("an underscore stands for any character", "ole_automation_procedures", Some("Ole Automation Procedures")),
        ("a pattern", "ad%queries", Some("Ad Hoc Distributed Queries")),
        ("a hole with enough around it", "xp_\u{FFFC}shell", Some("xp_cmdshell")),
        ("nothing but a hole", "\u{FFFC}", None),
        ("no option at all", "xp_cmdshell2", None),
        ("trailing blanks", "clr enabled  ", Some("clr enabled")),
        ("of 2016", "external scripts", Some("external scripts enabled")),
        ("of 2025", "external AI", Some("external AI runtimes enabled")),
        ("nothing", "", None),
    ];

    #[test]
    fn options_are_found_as_the_server_finds_them() {
        for (reason, name, expected) in NAMES {
            let found = channel_named(name, HOLE).map(|c| c.name);
            assert_eq!(found, *expected, "{reason}: {name}");
        }
    }

    #[test]
    fn the_table_is_in_order_and_holds_every_channel() {
        assert!(OPTIONS.is_sorted_by_key(|(name, _)| *name));
        assert!(
            OPTIONS
                .iter()
                .all(|(name, _)| name.is_ascii() && *name == name.to_lowercase())
        );
        assert!(
            OPTIONS
                .iter()
                .all(|(_, since)| (OLDEST..=NEWEST).contains(since))
        );
        for channel in CHANNELS {
            assert!(
                OPTIONS
                    .iter()
                    .any(|(name, _)| name.eq_ignore_ascii_case(channel.name)),
                "{}",
                channel.name
            );
        }
    }

    #[test]
    fn values_that_keep_a_channel_shut() {
        let shut = |name, value| channel_named(name, HOLE).is_some_and(|c| c.is_shut_by(value));
        for value in ["0", "", "00", "0x0", "0x00000000", "-0", " 0 ", "0.0"] {
            assert!(shut("xp_cmdshell", value), "{value}");
        }
        for value in ["1", "2", "-1", "0x1", "\u{FFFC}", "0\u{FFFC}", "on"] {
            assert!(!shut("xp_cmdshell", value), "{value}");
        }
        assert!(shut("clr strict security", "1") && shut("clr strict security", "01"));
        assert!(!shut("clr strict security", "0") && !shut("clr strict security", ""));
    }
}
