//! `baseline`: files of approved hashes, made from what somebody published, and as inventories take them up.

use std::path::{Path, PathBuf};

use anyhow::{Context, bail};

use super::args::{Baseline as Args, BaselineAdd, BaselineCommand, BaselineFormat, BaselineList};
use super::verify::read_key;
use super::{Exit, output, print};
use crate::drift;
use crate::evidence::VerifyingKey;
use crate::inventory::{Baseline, Inventory};
use crate::report;
use crate::tsql;

/// Extensions of what is taken from folders.
const SCRIPTS: [&str; 1] = ["sql"];
const ASSEMBLIES: [&str; 1] = ["dll"];

pub(super) fn baseline(args: &Args) -> anyhow::Result<Exit> {
    match &args.command {
        BaselineCommand::Add(args) => add(args),
        BaselineCommand::List(args) => list(args),
    }
}

fn add(args: &BaselineAdd) -> anyhow::Result<Exit> {
    if args.name.trim().is_empty() {
        bail!("--name is empty: reports call what is approved by it");
    }
    let key = args.signing.key()?;
    let signature = signature_of(&args.output);
    if signature.exists() && key.is_none() {
        bail!(
            "{} is signed, and the signature would not be good any more: sign it anew with --sign-key, or take {} away",
            args.output.display(),
            signature.display()
        );
    }
    let mut all = if args.output.exists() {
        let text = read_text(&args.output)?;
        let mut all = Baseline::parse(&text, &args.output.display().to_string())?;
        for own in &mut all {
            own.file.clear();
        }
        all
    } else {
        Vec::new()
    };
    let own = taken(args)?;
    let told = format!(
        "{}: {} modules, {} assemblies, {} job steps",
        own.title(),
        own.module.len(),
        own.assembly.len(),
        own.job_step.len()
    );
    drift::put(&mut all, own);
    let text = Baseline::render(&all);
    std::fs::write(&args.output, &text)
        .with_context(|| format!("cannot write {}", args.output.display()))?;
    if let Some(key) = key {
        let now = jiff::Timestamp::now();
        let signed = key.sign(text.as_bytes(), &format!("baseline, signed {now}"))?;
        std::fs::write(&signature, signed)
            .with_context(|| format!("cannot write {}", signature.display()))?;
    }
    print(&format!("{}\n", report::visible(&told)))?;
    Ok(Exit::Clean)
}

/// What the paths hold.
fn taken(args: &BaselineAdd) -> anyhow::Result<Baseline> {
    let mut own = Baseline {
        file: String::new(),
        name: args.name.clone(),
        version: args.version.clone(),
        sources: Vec::new(),
        module: Vec::new(),
        assembly: Vec::new(),
        job_step: Vec::new(),
    };
    for path in files(&args.paths)? {
        let name = path.file_name().unwrap_or_default().to_string_lossy();
        own.sources.push(name.to_string());
        if has_extension(&path, &ASSEMBLIES) {
            let bytes =
                std::fs::read(&path).with_context(|| format!("cannot read {}", path.display()))?;
            let stem = path.file_stem().unwrap_or_default().to_string_lossy();
            drift::take_assembly(&mut own, &stem, &bytes, args.permission_set.as_str());
            continue;
        }
        let bytes =
            std::fs::read(&path).with_context(|| format!("cannot read {}", path.display()))?;
        let text = super::scan::decode(bytes);
        if let Some((line, what)) = tsql::first_unread_directive(&text) {
            output::note(&format!(
                "{}:{line}: {what} is sqlcmd's: what it puts in is not read",
                path.display()
            ));
        }
        for untold in drift::take_script(&mut own, &text) {
            let (place, line) = (path.display(), untold.line);
            output::note(&format!("{place}:{line}: not taken: {}", untold.why));
        }
    }
    own.sort();
    if own.module.is_empty() && own.assembly.is_empty() && own.job_step.is_empty() {
        bail!(
            "nothing in what was given can be approved by hash: no module, assembly or T-SQL job step"
        );
    }
    Ok(own)
}

/// Files as given, and the scripts and assemblies that stand in folders.
fn files(paths: &[PathBuf]) -> anyhow::Result<Vec<PathBuf>> {
    let mut found = Vec::new();
    for path in paths {
        if !path.is_dir() {
            found.push(path.clone());
            continue;
        }
        let place = || format!("cannot read {}", path.display());
        let mut inside = Vec::new();
        for entry in std::fs::read_dir(path).with_context(place)? {
            let entry = entry.with_context(place)?;
            let is_file = entry.file_type().with_context(place)?.is_file();
            let taken = [&SCRIPTS, &ASSEMBLIES];
            if is_file && taken.iter().any(|own| has_extension(&entry.path(), *own)) {
                inside.push(entry.path());
            }
        }
        if inside.is_empty() {
            bail!("{} holds no *.sql and no *.dll", path.display());
        }
        inside.sort();
        found.extend(inside);
    }
    Ok(found)
}

fn has_extension(path: &Path, words: &[&str]) -> bool {
    let extension = path.extension().unwrap_or_default();
    words
        .iter()
        .any(|word| extension.eq_ignore_ascii_case(word))
}

fn list(args: &BaselineList) -> anyhow::Result<Exit> {
    let key = args.key.as_deref().map(read_key).transpose()?;
    let shown = args.file.display().to_string();
    let mut all = read(&args.file, &shown, key.as_ref())?;
    print(&match args.format {
        BaselineFormat::Json => {
            for own in &mut all {
                own.file.clear();
            }
            serde_json::to_string_pretty(&all)? + "\n"
        }
        BaselineFormat::Table => {
            report::baselines(&things(&all), output::Terminal::of_stdout().width)
        }
    })?;
    Ok(Exit::Clean)
}

/// Each thing with name and version, kind, name and hash.
fn things(all: &[Baseline]) -> Vec<[String; 4]> {
    let mut things = Vec::new();
    for own in all {
        let mut enter = |kind: &str, name: &str, hash: &str| {
            things.push([
                own.title(),
                kind.to_owned(),
                name.to_owned(),
                hash.to_owned(),
            ]);
        };
        for one in &own.module {
            enter("module", &one.name, &one.hash);
        }
        for one in &own.assembly {
            let kind = format!("assembly, {} at most", one.permission_set);
            enter(&kind, &one.name, &one.hash);
        }
        for one in &own.job_step {
            enter("job step", &one.name, &one.hash);
        }
    }
    things
}

/// Takes up the files that an inventory names.
pub(super) fn take(inventory: &mut Inventory, folder: &Path) -> anyhow::Result<()> {
    let key = match &inventory.baseline_key {
        Some(file) => {
            let path = folder.join(file);
            let text = read_text(&path)?;
            Some(VerifyingKey::read(&text).with_context(|| path.display().to_string())?)
        }
        None => None,
    };
    for file in inventory.baseline_files.clone() {
        let own = read(&folder.join(&file), &file, key.as_ref())?;
        inventory.baselines.extend(own);
    }
    Ok(())
}

/// Reads a file; where a key is given it must have signed it.
fn read(path: &Path, shown: &str, key: Option<&VerifyingKey>) -> anyhow::Result<Vec<Baseline>> {
    let text = read_text(path)?;
    if let Some(key) = key {
        let signature = signature_of(path);
        let signed = std::fs::read_to_string(&signature).with_context(|| {
            format!(
                "{} must be signed by key {}, and {} cannot be read",
                path.display(),
                key.id(),
                signature.display()
            )
        })?;
        key.verify(text.as_bytes(), &signed)
            .with_context(|| format!("{} is not signed by key {}", path.display(), key.id()))?;
    }
    Ok(Baseline::parse(&text, shown)?)
}

fn signature_of(path: &Path) -> PathBuf {
    let mut name = path.as_os_str().to_owned();
    name.push(".minisig");
    PathBuf::from(name)
}

fn read_text(path: &Path) -> anyhow::Result<String> {
    std::fs::read_to_string(path).with_context(|| format!("cannot read {}", path.display()))
}
