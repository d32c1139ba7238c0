//! Resolves references to secrets, each once. A secret that cannot be had is no reason to stop: its
//! targets are reported as not reached.

use std::collections::BTreeMap;
use std::io::{BufRead, Read, stdin};
use std::path::Path;
use std::process::{Command, Stdio};
use std::time::Duration;

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
            format!(
                "the environment variable {} is not set, or not valid Unicode",
                told(name)
            )
        })?,
        SecretRef::File(path) => first_line(
            &std::fs::read_to_string(folder.join(path))
                .map_err(|e| format!("the secret's file {path} cannot be read: {e}"))?,
        ),
        SecretRef::Command(words) => first_line(&run(words)?),
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

/// The name of a variable, if it looks like one: a password may have been written in its place.
fn told(variable: &str) -> &str {
    let usual = |c: char| c.is_ascii_uppercase() || c.is_ascii_digit() || c == '_';
    if variable.chars().all(usual) {
        variable
    } else {
        "that the inventory names (not in capitals, so not repeated)"
    }
}

/// Longest time and output of a secret's command.
const PATIENCE: Duration = Duration::from_secs(30);
const LONGEST: u64 = 64 << 10;

/// All that a command prints. What it says on its error output may hold the secret: it is not shown.
pub fn run(words: &[String]) -> Result<String, String> {
    let (program, arguments) = words.split_first().ok_or("the secret's command is empty")?;
    let fault = |why: String| format!("the secret's command {program} {why}");
    let mut child = Command::new(program)
        .args(arguments)
        .stdin(Stdio::null())
        .stdout(Stdio::piped())
        .stderr(Stdio::null())
        .spawn()
        .map_err(|e| fault(format!("cannot be run: {e}")))?;
    let output = child.stdout.take();
    let (sender, receiver) = std::sync::mpsc::channel();
    std::thread::spawn(move || {
        let mut text = Vec::new();
        let read = output.map(|output| output.take(LONGEST).read_to_end(&mut text));
        let _ = sender.send((read, text)); // nobody waits any longer if that fails
    });
    let Ok((_, text)) = receiver.recv_timeout(PATIENCE) else {
        let _ = child.kill();
        let _ = child.wait();
        return Err(fault(format!(
            "did not answer within {} s",
            PATIENCE.as_secs()
        )));
    };
    let status = child
        .wait()
        .map_err(|e| fault(format!("cannot be waited for: {e}")))?;
    if !status.success() {
        return Err(fault(format!("ended with {status}")));
    }
    String::from_utf8(text).map_err(|_| fault("did not answer in UTF-8".to_owned()))
}
