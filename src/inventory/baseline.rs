//! Code that is approved as somebody published it: hashes of modules, assemblies and job steps, in a file that teams share.
//! Whoever puts the file's name into an inventory answers for it.

use std::fmt::Write as _;

use schemars::JsonSchema;
use serde::{Deserialize, Serialize};

use super::message::{Errors, InventoryErrors};

/// The first field of a file of approved hashes.
pub const BASELINE_SCHEMA: &str = "mssql-posture/baseline/v1";

/// A file of approved hashes.
#[derive(Deserialize, JsonSchema)]
#[serde(deny_unknown_fields)]
pub(super) struct WrittenBaselines {
    /// Always `mssql-posture/baseline/v1`.
    #[schemars(with = "String")]
    schema: toml::Spanned<String>,
    /// What is approved, by name and version.
    #[serde(default)]
    #[schemars(with = "Vec<Baseline>")]
    baseline: Vec<toml::Spanned<Baseline>>,
}

/// One thing that somebody published, in one version.
#[derive(Clone, Debug, PartialEq, Eq, PartialOrd, Ord, Serialize, Deserialize, JsonSchema)]
#[serde(deny_unknown_fields)]
pub struct Baseline {
    /// The file that it stands in, as the inventory names it; not written in the file itself.
    #[serde(default, skip_serializing_if = "String::is_empty")]
    pub file: String,
    /// What it is called.
    pub name: String,
    /// Its version, as whoever published it numbers it.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub version: Option<String>,
    /// The names of the files that it was made from; for people.
    #[serde(default, skip_serializing_if = "Vec::is_empty")]
    pub sources: Vec<String>,
    /// Modules, by SHA-256 of their normal form: white space, comments, the case of reserved words, and whether it says CREATE
    /// or ALTER do not count.
    #[serde(default, skip_serializing_if = "Vec::is_empty")]
    pub module: Vec<Published>,
    /// Assemblies, by SHA2-512 of their file.
    #[serde(default, skip_serializing_if = "Vec::is_empty")]
    pub assembly: Vec<PublishedAssembly>,
    /// T-SQL steps of Agent jobs, by SHA-256 of the normal form of their text.
    #[serde(default, skip_serializing_if = "Vec::is_empty")]
    pub job_step: Vec<Published>,
}

/// A thing and its hash.
#[derive(Clone, Debug, PartialEq, Eq, PartialOrd, Ord, Serialize, Deserialize, JsonSchema)]
#[serde(deny_unknown_fields)]
pub struct Published {
    /// Its name as the script writes it, without delimiters: with or without a schema.
    pub name: String,
    /// Its hash, in lower-case hex.
    pub hash: String,
}

/// An assembly and its hash.
#[derive(Clone, Debug, PartialEq, Eq, PartialOrd, Ord, Serialize, Deserialize, JsonSchema)]
#[serde(deny_unknown_fields)]
pub struct PublishedAssembly {
    /// Its name.
    pub name: String,
    /// SHA2-512 of its file, in lower-case hex.
    pub hash: String,
    /// The most that it may be allowed: SAFE, EXTERNAL_ACCESS or UNSAFE. With more it is not approved.
    pub permission_set: String,
}

/// Permission sets in the order of what they allow; a server numbers them so, from 1.
pub const PERMISSION_SETS: [&str; 3] = ["SAFE", "EXTERNAL_ACCESS", "UNSAFE"];

impl Baseline {
    /// Name and version.
    pub fn title(&self) -> String {
        match &self.version {
            Some(version) => format!("{} {version}", self.name),
            None => self.name.clone(),
        }
    }

    /// In one order, each thing once.
    pub fn sort(&mut self) {
        self.sources.sort();
        self.sources.dedup();
        self.module.sort();
        self.module.dedup();
        self.assembly.sort();
        self.assembly.dedup();
        self.job_step.sort();
        self.job_step.dedup();
    }

    /// Reads a file of approved hashes; `path` is for messages and is what its entries are named by.
    ///
    /// # Errors
    /// Everything that is wrong with the file, each with place and remedy.
    pub fn parse(text: &str, path: &str) -> Result<Vec<Self>, InventoryErrors> {
        let mut errors = Errors::new(path, text);
        let written: WrittenBaselines = match toml::from_str(text) {
            Ok(written) => written,
            Err(error) => {
                errors.push_toml(&error);
                return Err(errors.into_error());
            }
        };
        if written.schema.get_ref() != BASELINE_SCHEMA {
            errors.push(
                &written.schema.span(),
                format!("unknown schema {:?}", written.schema.get_ref()),
                format!("this version reads schema = \"{BASELINE_SCHEMA}\""),
            );
        }
        let mut read: Vec<Self> = Vec::new();
        for own in written.baseline {
            let span = own.span();
            let mut own = own.into_inner();
            for (what, help) in own.faults() {
                errors.push(&span, what, help);
            }
            if read.iter().any(|other| other.title() == own.title()) {
                errors.push(
                    &span,
                    format!("{:?} stands above already", own.title()),
                    "say everything of one version once",
                );
            }
            path.clone_into(&mut own.file);
            read.push(own);
        }
        errors.finish().map(|()| read)
    }

    /// What is no name, hash or permission set.
    fn faults(&self) -> Vec<(String, &'static str)> {
        let mut faults = Vec::new();
        if self.name.trim().is_empty() {
            faults.push(("it has no name".to_owned(), "name = \"sp_Blitz\""));
        }
        if !self.file.is_empty() {
            let help = "remove file: it is that of the inventory";
            faults.push(("a file is named in the file itself".to_owned(), help));
        }
        let short = self.module.iter().chain(&self.job_step);
        let hashes = short.map(|own| (&own.name, &own.hash, 64));
        let long = self.assembly.iter().map(|own| (&own.name, &own.hash, 128));
        for (name, hash, length) in hashes.chain(long) {
            let is_hex = |byte: u8| byte.is_ascii_digit() || (b'a'..=b'f').contains(&byte);
            if hash.len() != length || !hash.bytes().all(is_hex) {
                let help = "as `baseline add` writes it, in lower-case hex";
                faults.push((format!("the hash of {name:?} is none"), help));
            }
        }
        for own in &self.assembly {
            if !PERMISSION_SETS.contains(&own.permission_set.as_str()) {
                let what = format!("{:?} is no permission set", own.permission_set);
                faults.push((what, "SAFE, EXTERNAL_ACCESS or UNSAFE"));
            }
        }
        faults
    }

    /// The text of a file of approved hashes.
    pub fn render(all: &[Self]) -> String {
        let mut text = format!(
            "# Code that is approved as it was published. Whoever puts this file's name into an inventory answers for it.\n\
             schema = {}\n",
            quoted(BASELINE_SCHEMA)
        );
        // Writing to a String cannot fail.
        for own in all {
            let _ = write!(text, "\n[[baseline]]\nname = {}\n", quoted(&own.name));
            if let Some(version) = &own.version {
                let _ = writeln!(text, "version = {}", quoted(version));
            }
            let sources: Vec<String> = own.sources.iter().map(|name| quoted(name)).collect();
            let _ = writeln!(text, "sources = [{}]", sources.join(", "));
            let pinned = [("module", &own.module), ("job_step", &own.job_step)];
            for (kind, one) in pinned
                .iter()
                .flat_map(|(kind, list)| list.iter().map(move |one| (kind, one)))
            {
                let (name, hash) = (quoted(&one.name), quoted(&one.hash));
                let _ = write!(
                    text,
                    "\n[[baseline.{kind}]]\nname = {name}\nhash = {hash}\n"
                );
            }
            for one in &own.assembly {
                let (name, hash) = (quoted(&one.name), quoted(&one.hash));
                let set = quoted(&one.permission_set);
                let _ = write!(
                    text,
                    "\n[[baseline.assembly]]\nname = {name}\nhash = {hash}\npermission_set = {set}\n"
                );
            }
        }
        text
    }
}

/// A basic string of TOML. Names come from scripts of others, therefore everything that is not plain is escaped.
fn quoted(text: &str) -> String {
    let mut quoted = String::from("\"");
    for c in text.chars() {
        match c {
            '"' | '\\' => quoted.extend(['\\', c]),
            c if c == ' ' || c.is_alphanumeric() || c.is_ascii_punctuation() => quoted.push(c),
            c => {
                let _ = write!(quoted, "\\U{:08X}", u32::from(c));
            }
        }
    }
    quoted.push('"');
    quoted
}

#[cfg(test)]
#[allow(clippy::unwrap_used)]
mod tests {
    use super::*;

    fn sample() -> Baseline {
        Baseline {
            file: "v.toml".to_owned(),
            name: "sp_\"X\" \u{202e}\n]]".to_owned(),
            version: Some("8.19".to_owned()),
            sources: vec!["a\\b.sql".to_owned()],
            module: vec![Published {
                name: "dbo.sp_X".to_owned(),
                hash: "a".repeat(64),
            }],
            assembly: vec![PublishedAssembly {
                name: "A".to_owned(),
                hash: "0".repeat(128),
                permission_set: "SAFE".to_owned(),
            }],
            job_step: vec![Published {
                name: "step".to_owned(),
                hash: "b".repeat(64),
            }],
        }
    }

    #[test]
    fn what_is_written_is_read() {
        let mut other = sample();
        other.version = None;
        let all = [sample(), other];
        let text = Baseline::render(&all);
        assert_eq!(Baseline::parse(&text, "v.toml").unwrap(), all);
        assert!(!text.contains('\u{202e}'), "{text}");
    }

    #[test]
    fn what_is_wrong_is_said_with_its_place() {
        let good = Baseline::render(&[sample()]);
        for (from, to, due) in [
            ("baseline/v1", "baseline/v2", "unknown schema"),
            (&"a".repeat(64), "abc", "the hash of \"dbo.sp_X\" is none"),
            (&"a".repeat(64), &"A".repeat(64), "the hash of"),
            ("\"SAFE\"", "\"ALL\"", "\"ALL\" is no permission set"),
            ("version =", "file = \"x\"\nversion =", "a file is named"),
            ("version =", "vers =", "vers"),
        ] {
            let text = good.replace(from, to);
            assert_ne!(text, good);
            let error = Baseline::parse(&text, "v.toml").unwrap_err().to_string();
            assert!(error.contains(due) && error.contains("v.toml:"), "{error}");
        }
        let entry = good.split("[[baseline]]").nth(1).unwrap();
        let twice = format!("{good}\n[[baseline]]{entry}");
        let error = Baseline::parse(&twice, "v.toml").unwrap_err().to_string();
        assert!(error.contains("stands above already"), "{error}");
    }
}
