//! What somebody accepts: expectations by hash, waivers with an end, answers to controls that no rule can give. They
//! change what is said of a finding, never what was seen.

mod baselines;
mod demo;
mod expectations;
mod own;
mod waivers;

use std::fmt::Write as _;

use serde_json::Value;

use crate::support::cli::{Cli, Ran};
use crate::support::recording::{Base, Recording};

/// The day as of which these estates are judged.
const DAY: &str = "2026-06-30";

/// Two instances with the same planted module, the same assembly and an open channel.
pub(crate) struct Estate {
    recordings: Vec<Recording>,
    inventory: String,
    files: Vec<(&'static str, String)>,
}

impl Estate {
    pub(crate) fn new() -> Self {
        Self::of(vec![planted("erp", "tools 1"), planted("crm", "tools 1")])
    }

    pub(crate) fn of(recordings: Vec<Recording>) -> Self {
        let mut inventory = format!("schema = \"mssql-posture/inventory/v1\"\nas_of = \"{DAY}\"\n");
        for line in ["waivers", "rules"] {
            let _ = writeln!(inventory, "#{line}");
        }
        for recording in &recordings {
            let name = &recording.snapshot.target;
            let _ = write!(
                inventory,
                "[[target]]\nname = \"{name}\"\nsnapshot = \"{name}.snapshot.json\"\n\
                 tags = {{ owner = \"{name} team\" }}\n"
            );
        }
        inventory += "[[group]]\nname = \"business\"\nmatch = { owner = \"erp team\" }\n";
        Self {
            recordings,
            inventory,
            files: Vec::new(),
        }
    }

    /// More of the inventory.
    fn with(mut self, lines: &str) -> Self {
        self.inventory += lines;
        self
    }

    /// A file of waivers.
    pub(crate) fn waiving(mut self, lines: &str) -> Self {
        self.name("waivers", "waivers = \"waivers.toml\"");
        let text = format!("schema = \"mssql-posture/waivers/v1\"\n{lines}");
        self.files.push(("waivers.toml", text));
        self
    }

    /// A file of rules of one's own.
    fn asking(mut self, lines: &str) -> Self {
        self.name("rules", "rules = [\"rules.toml\"]");
        let text = format!("schema = \"mssql-posture/rules/v1\"\n{lines}");
        self.files.push(("rules.toml", text));
        self
    }

    fn file(mut self, name: &'static str, text: &str) -> Self {
        self.files.push((name, text.to_owned()));
        self
    }

    fn name(&mut self, place: &str, line: &str) {
        self.inventory = self
            .inventory
            .replace(&format!("#{place}\n"), &format!("{line}\n"));
    }

    fn command(&self, args: &[&str]) -> Cli {
        let mut cli = Cli::new(args).file("estate.toml", &self.inventory);
        for recording in &self.recordings {
            let name = recording.snapshot.target.clone();
            let recorded = recording.clone().finish();
            let snapshot = recorded.snapshot.render().unwrap();
            cli = cli.file(&format!("{name}.snapshot.json"), snapshot);
            cli = cli.file(&format!("{name}.modules.jsonl"), recorded.module_text);
        }
        for (name, text) in &self.files {
            cli = cli.file(name, text);
        }
        cli
    }

    pub(crate) fn audit(&self, args: &[&str]) -> Ran {
        let audit = ["audit", "estate.toml", "-o", "out"];
        self.command(&audit).args(args).run()
    }

    /// What `audit` says to an estate that it does not take.
    #[track_caller]
    fn refused(&self) -> String {
        let ran = self.audit(&[]).code(2);
        ran.stderr
    }
}

pub(crate) fn planted(name: &'static str, tools: &str) -> Recording {
    planted_as(name, tools, RUNS)
}

/// The same with another text of the module.
pub(crate) fn planted_as(name: &'static str, tools: &str, text: &str) -> Recording {
    let mut r = Recording::new(Base::windows(name, 16));
    r.set_option("xp_cmdshell", 1, 1);
    r.add_database("App", "sa");
    r.add_module("App", "dbo.usp_Run", "P", text);
    r.add_assembly("App", "Tools", 3, tools);
    r
}

const RUNS: &str = "CREATE PROCEDURE dbo.usp_Run AS EXEC master.dbo.xp_cmdshell N'dir C:\\';\n";

/// A waiver of the module's finding, with these lines besides.
fn waiver(lines: &str) -> String {
    waiver_of("module-invokes-command-channel", lines)
}

pub(crate) fn waiver_of(rule: &str, lines: &str) -> String {
    let days = "created = \"2026-01-01\"\nexpires = \"2026-12-31\"\n";
    waiver_for(rule, days, lines)
}

fn waiver_for(rule: &str, days: &str, lines: &str) -> String {
    format!(
        "[[waiver]]\nid = \"W-1\"\nrule = \"{rule}\"\nowner = \"ERP team\"\napprover = \"CISO\"\n\
         reason = \"nightly export\"\nticket = \"CHG-1\"\n{days}{lines}\n"
    )
}

/// Outcome and subject of each verdict of a rule on an instance.
fn said(ran: &Ran, instance: &str, slug: &str) -> Vec<String> {
    let instance = ran.instance(instance);
    let all = instance["verdicts"].as_array().unwrap().iter();
    all.filter(|v| v["rule_slug"] == slug).map(line).collect()
}

/// The same of a rule about the estate.
fn said_of_estate(ran: &Ran, slug: &str) -> Vec<String> {
    let assessment = ran.assessment();
    let Some(all) = assessment["estate"].as_array() else {
        return Vec::new();
    };
    all.iter()
        .filter(|v| v["rule_slug"] == slug)
        .map(line)
        .collect()
}

fn line(verdict: &Value) -> String {
    let name = verdict["subject"]["name"].as_str().unwrap_or("all");
    format!("{} {name}", verdict["outcome"].as_str().unwrap())
}
