//! Resolves references to secrets, each once. A secret that cannot be had is no reason to stop: its
//! targets are reported as not reached.

use std::collections::BTreeMap;
use std::io::{BufRead, stdin};
use std::path::Path;
use std::process::{Command, Stdio};

use secrecy::SecretString;

use crate::inventory::SecretRef;
use crate::report::visible;

/// Secrets that were asked for, and how that ended.
#[derive(Default)]
pub struct Secrets(BTreeMap<(String, SecretRef), Result<SecretString, String>>);

impl Secrets {
    /// The secret behind a reference; `owner` is the login it belongs to. Files are relative to `folder`.
    pub fn resolve(
        &mut self,
        owner: &str,
        reference: &SecretRef,
        folder: &Path,
    ) -> Result<SecretString, String> {
        let key = (owner.to_owned(), reference.clone());
        let resolved = self
            .0
            .entry(key)
            .or_insert_with(|| read(owner, reference, folder));
        resolved.clone()
    }
}

fn read(owner: &str, reference: &SecretRef, folder: &Path) -> Result<SecretString, String> {
    let secret = match reference {
        SecretRef::Env(name) => std::env::var(name).map_err(|_| {
            format!("the environment variable {name} is not set, or not valid Unicode")
        })?,
        SecretRef::File(path) => first_line(
            &std::fs::read_to_string(folder.join(path))
                .map_err(|e| format!("the secret's file {path} cannot be read: {e}"))?,
        ),
        SecretRef::Command(words) => run(words)?,
        SecretRef::Prompt => {
            rpassword::prompt_password(format!("Password of {}: ", visible(owner)))
                .map_err(|e| format!("the password cannot be asked for: {e}"))?
        }
        SecretRef::Stdin => {
            let mut line = String::new();
            stdin()
                .lock()
                .read_line(&mut line)
                .map_err(|e| format!("standard input cannot be read: {e}"))?;
            first_line(&line)
        }
    };
    if secret.is_empty() {
        return Err("the secret is empty".to_owned());
    }
    Ok(SecretString::from(secret))
}

fn first_line(text: &str) -> String {
    text.lines().next().unwrap_or_default().to_owned()
}

/// What the command says on its error output may hold the secret: it is not shown.
fn run(words: &[String]) -> Result<String, String> {
    let (program, arguments) = words.split_first().ok_or("the secret's command is empty")?;
    let output = Command::new(program)
        .args(arguments)
        .stdin(Stdio::null())
        .stderr(Stdio::null())
        .output()
        .map_err(|e| format!("the secret's command {program} cannot be run: {e}"))?;
    if !output.status.success() {
        return Err(format!(
            "the secret's command {program} ended with {}",
            output.status
        ));
    }
    let text = String::from_utf8(output.stdout)
        .map_err(|_| format!("the secret's command {program} did not answer in UTF-8"))?;
    Ok(first_line(&text))
}
