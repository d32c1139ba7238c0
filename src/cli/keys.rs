//! `keygen` and `sign`, and the key that other commands sign with.

use std::io::Write as _;
use std::path::{Path, PathBuf};

use anyhow::{Context, bail};
use secrecy::{ExposeSecret, SecretString};

use super::args::{Keygen, Sign, Signing};
use super::{Exit, output, print, secrets};
use crate::evidence::{self, SigningKey};

pub(super) fn keygen(args: &Keygen) -> anyhow::Result<Exit> {
    let password = password(args.key_password_env.as_deref())?;
    let public = PathBuf::from(format!("{}.pub", args.output.display()));
    // The public half first: a secret one without it would be of no use.
    if args.output.exists() {
        bail!("{} is there already", args.output.display());
    }
    let keys = evidence::generate(password.as_ref())?;
    write_new(&public, &keys.public)?;
    write_new(&args.output, keys.secret.expose_secret())?;
    print(&format!(
        "key {}\nsecret half: {}; keep it where nobody who is audited can read it\npublic half: {}; give it to whoever verifies\n",
        keys.id,
        args.output.display(),
        public.display()
    ))?;
    Ok(Exit::Clean)
}

/// A file that was not there, for its owner alone.
pub(super) fn write_new(path: &Path, text: &str) -> anyhow::Result<()> {
    let mut options = std::fs::OpenOptions::new();
    options.write(true).create_new(true);
    #[cfg(unix)]
    {
        use std::os::unix::fs::OpenOptionsExt;
        options.mode(0o600);
    }
    let mut file = options
        .open(path)
        .with_context(|| format!("cannot write {}", path.display()))?;
    file.write_all(text.as_bytes())
        .with_context(|| format!("cannot write {}", path.display()))
}

pub(super) fn sign(args: &Sign) -> anyhow::Result<Exit> {
    let given = (args.key.as_deref(), args.command.as_deref());
    let Some(key) = key(given, args.key_password_env.as_deref())? else {
        bail!("there is no key to sign with: --key or --sign-key-command names it");
    };
    let intact = evidence::verify(&args.bundle, None)?;
    if intact.signed != evidence::Signed::No {
        bail!(
            "{} is signed already; take its SHA256SUMS.minisig away to sign it anew",
            args.bundle.display()
        );
    }
    evidence::sign(&args.bundle, &key, &jiff::Timestamp::now().to_string())?;
    output::note(&format!("signed by key {}", key.id()));
    Ok(Exit::Clean)
}

impl Signing {
    /// The key to sign with, if one is asked for. It is read before anything else is done.
    pub(super) fn key(&self) -> anyhow::Result<Option<SigningKey>> {
        let given = (self.sign_key.as_deref(), self.sign_key_command.as_deref());
        key(given, self.key_password_env.as_deref())
    }
}

/// The key that a file holds or a command prints.
fn key(
    given: (Option<&Path>, Option<&str>),
    variable: Option<&str>,
) -> anyhow::Result<Option<SigningKey>> {
    let (text, place) = match given {
        (Some(path), _) => {
            let text = std::fs::read_to_string(path)
                .map(SecretString::from)
                .with_context(|| format!("cannot read {}", path.display()))?;
            (text, path.display().to_string())
        }
        (None, Some(command)) => (printed_by(command)?, "--sign-key-command".to_owned()),
        (None, None) => return Ok(None),
    };
    let key = SigningKey::read(&text, password(variable)?.as_ref()).context(place)?;
    Ok(Some(key))
}

/// What a command prints: a program alone, or an array of it and its arguments.
fn printed_by(command: &str) -> anyhow::Result<SecretString> {
    let words: Vec<String> = if command.trim_start().starts_with('[') {
        // Not quoted in the error: an argument may be a secret.
        serde_json::from_str(command)
            .ok()
            .context("--sign-key-command is no array of texts: write it like [\"pass\", \"show\", \"auditor\"]")?
    } else {
        vec![command.to_owned()]
    };
    let text = secrets::run(&words).map_err(|why| anyhow::anyhow!("--sign-key-command: {why}"))?;
    Ok(SecretString::from(text))
}

fn password(variable: Option<&str>) -> anyhow::Result<Option<SecretString>> {
    let Some(variable) = variable else {
        return Ok(None);
    };
    let password = std::env::var(variable).ok().filter(|text| !text.is_empty());
    let Some(password) = password else {
        bail!(
            "the environment variable of --key-password-env is not set, is empty, or is no Unicode"
        );
    };
    Ok(Some(SecretString::from(password)))
}
