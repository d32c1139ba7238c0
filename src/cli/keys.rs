//! `keygen` and `sign`, and the key that other commands sign with.

use std::io::Write as _;
use std::path::{Path, PathBuf};

use anyhow::{Context, bail};
use secrecy::{ExposeSecret, SecretString};

use super::args::{Keygen, Sign, Signing};
use super::{Exit, output, print};
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
fn write_new(path: &Path, text: &str) -> anyhow::Result<()> {
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
    let key = read_key(&args.key, args.key_password_env.as_deref())?;
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
        let path = self.sign_key.as_deref();
        path.map(|path| read_key(path, self.key_password_env.as_deref()))
            .transpose()
    }
}

fn read_key(path: &Path, variable: Option<&str>) -> anyhow::Result<SigningKey> {
    let text = std::fs::read_to_string(path)
        .map(SecretString::from)
        .with_context(|| format!("cannot read {}", path.display()))?;
    SigningKey::read(&text, password(variable)?.as_ref())
        .with_context(|| path.display().to_string())
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
