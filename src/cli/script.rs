//! `script`: T-SQL for a DBA to read and to run.

use std::fs::OpenOptions;
use std::io::Write as _;

use anyhow::{Context, bail};

use super::args::{Script, ScriptKind};
use super::{Exit, output, print};
use crate::collect::grants::VersionRange;
use crate::collect::login_script::{self, LoginName};
use crate::collect::offline;

const DEFAULT_VERSION: &str = "2022+";
const DEFAULT_NAME: &str = "posture_audit";

pub(super) fn script(args: &Script) -> anyhow::Result<Exit> {
    let text = text(args)?;
    let Some(path) = &args.output else {
        print(&text)?;
        return Ok(Exit::Clean);
    };
    // A file that is there may be another version's, which an output still needs.
    let mut file = OpenOptions::new()
        .write(true)
        .create_new(true)
        .open(path)
        .with_context(|| format!("cannot write {}", path.display()))?;
    file.write_all(text.as_bytes())
        .with_context(|| format!("cannot write {}", path.display()))?;
    output::note(&format!("written to {}", path.display()));
    Ok(Exit::Clean)
}

fn text(args: &Script) -> anyhow::Result<String> {
    if args.with_changes && args.kind != ScriptKind::Login {
        bail!(
            "--with-changes belongs to `script login`; `script revoke` drops the login, and so takes it back"
        );
    }
    if args.kind == ScriptKind::Collector {
        if args.version.is_some() || args.name.is_some() {
            bail!("--version and --name belong to `script login` and `script revoke`");
        }
        return Ok(offline::script().text.clone());
    }
    let version = args.version.as_deref().unwrap_or(DEFAULT_VERSION);
    let Some(range) = VersionRange::parse(version) else {
        bail!(
            "--version {version:?} is none: give a year (2019), a major version (15), or 2012, 2014-2019 or 2022+"
        );
    };
    let given = args.name.as_deref().unwrap_or(DEFAULT_NAME);
    let name = LoginName::new(given).with_context(|| format!("--name {given:?}"))?;
    Ok(match args.kind {
        ScriptKind::Revoke => login_script::revoke(range, &name),
        _ if args.with_changes => {
            login_script::login(range, &name) + &login_script::for_changes(range, &name)
        }
        _ => login_script::login(range, &name),
    })
}
