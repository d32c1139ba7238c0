//! The output folder: every file is written whole or not at all, hashed, and listed. SHA256SUMS comes
//! last: a folder without it was not finished.

mod signature;
mod verify;

pub use signature::{NewKeys, SignatureError, SigningKey, VerifyingKey, generate};
pub use verify::{Intact, Signed, VerifyError, verify};

use std::collections::BTreeMap;
use std::fs;
use std::io::{self, Write};
use std::path::{Path, PathBuf};

use serde::Serialize;
use sha2::{Digest, Sha256};

/// Form of manifest.json.
pub const MANIFEST_SCHEMA: &str = "mssql-posture/manifest/v1";
const MANIFEST: &str = "manifest.json";
const SUMS: &str = "SHA256SUMS";
/// Where minisign looks for the signature of `SHA256SUMS`.
const SIGNATURE: &str = "SHA256SUMS.minisig";
/// What is sent to a time-stamping authority (RFC 3161), and what it answers. They come after the folder was finished,
/// so nothing lists them.
const STAMP_REQUEST: &str = "SHA256SUMS.tsq";
const STAMP: &str = "SHA256SUMS.tsr";

/// Writes the content of a file.
pub type Content<'a> = dyn Fn(&mut dyn Write) -> io::Result<()> + 'a;

/// A file being written, with the hash of what went in.
struct Hashed {
    file: io::BufWriter<fs::File>,
    hash: Sha256,
    bytes: u64,
}

impl Write for Hashed {
    fn write(&mut self, bytes: &[u8]) -> io::Result<usize> {
        let written = self.file.write(bytes)?;
        self.hash.update(bytes.get(..written).unwrap_or_default());
        self.bytes += written as u64;
        Ok(written)
    }

    fn flush(&mut self) -> io::Result<()> {
        self.file.flush()
    }
}

/// A folder being written.
pub struct Bundle {
    root: PathBuf,
    files: BTreeMap<String, Entry>,
}

#[derive(Serialize)]
struct Entry {
    sha256: String,
    bytes: u64,
    #[serde(skip_serializing_if = "std::ops::Not::not")]
    sensitive: bool,
}

#[derive(Serialize)]
struct Manifest<'a> {
    schema: &'static str,
    created: &'a str,
    created_by: &'a str,
    files: Vec<Listed<'a>>,
}

#[derive(Serialize)]
struct Listed<'a> {
    path: &'a str,
    #[serde(flatten)]
    entry: &'a Entry,
}

/// Why the folder could not be written.
#[derive(Debug, thiserror::Error)]
pub enum BundleError {
    /// The folder has content that is not ours.
    #[error("{} is not empty: name another folder with -o, or empty it", .0.display())]
    NotEmpty(PathBuf),
    /// The platform refused.
    #[error("cannot write {}: {source}", path.display())]
    Io {
        /// What was being written.
        path: PathBuf,
        /// Why not.
        source: io::Error,
    },
    /// No signature could be made.
    #[error(transparent)]
    Signature(#[from] SignatureError),
}

impl Bundle {
    /// Makes the folder, for its owner alone where the platform has modes.
    ///
    /// # Errors
    /// It exists and is not empty, or cannot be made.
    pub fn create(root: &Path) -> Result<Self, BundleError> {
        let fault = |source| BundleError::Io {
            path: root.to_owned(),
            source,
        };
        match fs::read_dir(root) {
            Ok(mut entries) => {
                if entries.next().is_some() {
                    return Err(BundleError::NotEmpty(root.to_owned()));
                }
                make_private(root).map_err(fault)?;
            }
            Err(error) if error.kind() == io::ErrorKind::NotFound => {
                make_folder(root).map_err(fault)?;
            }
            Err(error) => return Err(fault(error)),
        }
        Ok(Self {
            root: root.to_owned(),
            files: BTreeMap::new(),
        })
    }

    /// Where it is.
    pub fn root(&self) -> &Path {
        &self.root
    }

    /// The files written so far, by path, with the SHA-256 of each.
    pub fn hashes(&self) -> impl Iterator<Item = (String, String)> {
        let files = self.files.iter();
        files.map(|(path, entry)| (path.clone(), entry.sha256.clone()))
    }

    /// The SHA-256 of a file that was written.
    pub fn hash_of(&self, path: &str) -> Option<&str> {
        self.files.get(path).map(|entry| entry.sha256.as_str())
    }

    /// Writes a file at a path relative to the folder, with `/` between its parts.
    ///
    /// # Errors
    /// The platform refused.
    pub fn write(&mut self, path: &str, bytes: &[u8]) -> Result<(), BundleError> {
        self.put(path, &|to| to.write_all(bytes), false)
    }

    /// Writes a file piece by piece.
    ///
    /// # Errors
    /// The platform refused, or the content could not be had.
    pub fn write_with(&mut self, path: &str, content: &Content<'_>) -> Result<(), BundleError> {
        self.put(path, content, false)
    }

    /// The same for primary evidence that may hold secrets.
    ///
    /// # Errors
    /// The platform refused, or the content could not be had.
    pub fn write_sensitive(
        &mut self,
        path: &str,
        content: &Content<'_>,
    ) -> Result<(), BundleError> {
        self.put(path, content, true)
    }

    fn put(
        &mut self,
        path: &str,
        content: &Content<'_>,
        sensitive: bool,
    ) -> Result<(), BundleError> {
        let (sha256, bytes) = self.store(path, content)?;
        let entry = Entry {
            sha256,
            bytes,
            sensitive,
        };
        self.files.insert(path.to_owned(), entry);
        Ok(())
    }

    /// A reader never sees half a file: the name appears when the content is complete. Gives hash and length.
    fn store(&self, path: &str, content: &Content<'_>) -> Result<(String, u64), BundleError> {
        let target = path
            .split('/')
            .fold(self.root.clone(), |folder, part| folder.join(part));
        let partial = target.with_extension("partial");
        let fault = |source| BundleError::Io {
            path: target.clone(),
            source,
        };
        if let Some(folder) = target.parent() {
            make_folder(folder).map_err(fault)?;
        }
        let mut file = Hashed {
            file: io::BufWriter::new(private_file(&partial).map_err(fault)?),
            hash: Sha256::new(),
            bytes: 0,
        };
        content(&mut file)
            .and_then(|()| file.file.flush())
            .and_then(|()| file.file.get_ref().sync_all())
            .map_err(fault)?;
        let Hashed { file, hash, bytes } = file;
        drop(file);
        fs::rename(&partial, &target).map_err(fault)?;
        Ok((hex(&hash.finalize()), bytes))
    }

    /// Writes manifest.json, SHA256SUMS and, last of all, its signature where there is a key.
    ///
    /// # Errors
    /// The platform refused, or no signature could be made.
    pub fn finish(mut self, created: &str, key: Option<&SigningKey>) -> Result<(), BundleError> {
        let bytes =
            render_manifest(&self.files, created, CREATED_BY).map_err(|e| BundleError::Io {
                path: self.root.join(MANIFEST),
                source: e.into(),
            })?;
        self.write(MANIFEST, &bytes)?;
        let sums = render_sums(&self.files);
        self.store(SUMS, &|to| to.write_all(sums.as_bytes()))?;
        if let Some(key) = key {
            sign_sums(&self.root, sums.as_bytes(), key, created)?;
        }
        Ok(())
    }
}

/// Program and version, as the manifest has them.
pub const CREATED_BY: &str = concat!("mssql-posture ", env!("CARGO_PKG_VERSION"));

fn render_manifest(
    files: &BTreeMap<String, Entry>,
    created: &str,
    created_by: &str,
) -> serde_json::Result<Vec<u8>> {
    let files = files.iter().map(|(path, entry)| Listed { path, entry });
    let mut bytes = serde_json::to_vec_pretty(&Manifest {
        schema: MANIFEST_SCHEMA,
        created,
        created_by,
        files: files.collect(),
    })?;
    bytes.push(b'\n');
    Ok(bytes)
}

fn render_sums(files: &BTreeMap<String, Entry>) -> String {
    let lines = files.iter();
    lines
        .flat_map(|(path, entry)| [entry.sha256.as_str(), "  ", path, "\n"])
        .collect()
}

/// Signs a finished folder, whose list of hashes stands for all of it.
///
/// # Errors
/// It is altered or was not finished, or the platform refused.
pub fn sign(root: &Path, key: &SigningKey, now: &str) -> Result<(), BundleError> {
    let path = root.join(SUMS);
    let sums = fs::read(&path).map_err(|source| BundleError::Io { path, source })?;
    sign_sums(root, &sums, key, now)
}

fn sign_sums(root: &Path, sums: &[u8], key: &SigningKey, now: &str) -> Result<(), BundleError> {
    let signature = key.sign(sums, &format!("{SUMS}, signed {now} by {CREATED_BY}"))?;
    let path = root.join(SIGNATURE);
    private_file(&path)
        .and_then(|mut file| {
            file.write_all(signature.as_bytes())
                .and_then(|()| file.sync_all())
        })
        .map_err(|source| BundleError::Io { path, source })
}

/// Bytes as lower-case hex.
pub fn hex(bytes: &[u8]) -> String {
    use std::fmt::Write as _;
    bytes.iter().fold(String::new(), |mut text, byte| {
        let _ = write!(text, "{byte:02x}"); // writing to a String cannot fail
        text
    })
}

#[cfg(unix)]
fn make_folder(path: &Path) -> io::Result<()> {
    use std::os::unix::fs::DirBuilderExt;
    fs::DirBuilder::new()
        .recursive(true)
        .mode(0o700)
        .create(path)
}

/// Closes a folder that was there to all others, so that nobody plants links in it.
#[cfg(unix)]
fn make_private(path: &Path) -> io::Result<()> {
    use std::os::unix::fs::PermissionsExt;
    fs::set_permissions(path, fs::Permissions::from_mode(0o700))
}

#[cfg(not(unix))]
fn make_private(_: &Path) -> io::Result<()> {
    Ok(())
}

#[cfg(not(unix))]
fn make_folder(path: &Path) -> io::Result<()> {
    fs::create_dir_all(path)
}

fn private_file(path: &Path) -> io::Result<fs::File> {
    let mut options = fs::OpenOptions::new();
    options.write(true).create_new(true);
    #[cfg(unix)]
    {
        use std::os::unix::fs::OpenOptionsExt;
        options.mode(0o600);
    }
    options.open(path)
}

#[cfg(test)]
#[allow(clippy::unwrap_used)]
mod tests {
    use super::*;

    #[test]
    fn a_folder_with_content_is_refused() {
        let folder = tempfile::tempdir().unwrap();
        fs::write(folder.path().join("x"), "x").unwrap();
        assert!(matches!(
            Bundle::create(folder.path()),
            Err(BundleError::NotEmpty(_))
        ));
    }

    #[test]
    fn sums_list_every_file_and_come_last() {
        let folder = tempfile::tempdir().unwrap();
        let mut bundle = Bundle::create(folder.path()).unwrap();
        bundle
            .write_sensitive("snapshots/a.modules.jsonl", &|to| to.write_all(b"{}\n"))
            .unwrap();
        bundle.write("assessment.json", b"{}\n").unwrap();
        assert!(!folder.path().join(SUMS).exists());
        bundle.finish("2026-01-01T00:00:00Z", None).unwrap();
        let sums = fs::read_to_string(folder.path().join(SUMS)).unwrap();
        let paths: Vec<_> = sums
            .lines()
            .map(|l| l.split("  ").nth(1).unwrap())
            .collect();
        assert_eq!(
            paths,
            [
                "assessment.json",
                "manifest.json",
                "snapshots/a.modules.jsonl"
            ]
        );
        let manifest = fs::read_to_string(folder.path().join(MANIFEST)).unwrap();
        assert!(manifest.contains("\"sensitive\": true"));
    }

    #[cfg(unix)]
    #[test]
    fn a_planted_link_is_not_written_through() {
        let folder = tempfile::tempdir().unwrap();
        let root = folder.path().join("out");
        let mut bundle = Bundle::create(&root).unwrap();
        let elsewhere = folder.path().join("elsewhere");
        std::os::unix::fs::symlink(&elsewhere, root.join("x.partial")).unwrap();
        assert!(bundle.write("x.json", b"{}").is_err());
        assert!(!elsewhere.exists());
    }

    #[cfg(unix)]
    #[test]
    fn a_folder_that_was_there_becomes_private() {
        use std::os::unix::fs::PermissionsExt;
        let folder = tempfile::tempdir().unwrap();
        fs::set_permissions(folder.path(), fs::Permissions::from_mode(0o755)).unwrap();
        Bundle::create(folder.path()).unwrap();
        let mode = fs::metadata(folder.path()).unwrap().permissions().mode();
        assert_eq!(mode & 0o777, 0o700);
    }

    #[cfg(unix)]
    #[test]
    fn only_the_owner_can_read_it() {
        use std::os::unix::fs::PermissionsExt;
        let folder = tempfile::tempdir().unwrap();
        let root = folder.path().join("out");
        let mut bundle = Bundle::create(&root).unwrap();
        bundle.write("a/b", b"x").unwrap();
        let mode = |path: &Path| fs::metadata(path).unwrap().permissions().mode() & 0o777;
        assert_eq!(
            (mode(&root), mode(&root.join("a")), mode(&root.join("a/b"))),
            (0o700, 0o700, 0o600)
        );
    }
}
