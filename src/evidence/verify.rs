//! Whether a folder is what it was when it was finished: every file there, none besides, each with its hash, and a
//! signature where one is asked for. What stands in the files is not judged here.

use std::collections::{BTreeMap, BTreeSet};
use std::fs;
use std::io::{self, Read as _};
use std::path::{Path, PathBuf};

use serde::Deserialize;
use sha2::{Digest, Sha256};

use super::signature::{SignatureError, VerifyingKey, claimed_id};
use super::{
    Entry, MANIFEST, MANIFEST_SCHEMA, SIGNATURE, STAMP, STAMP_REQUEST, SUMS, hex, render_manifest,
    render_sums,
};

/// Why a folder is not vouched for.
#[derive(Debug, thiserror::Error)]
pub enum VerifyError {
    /// It is none of ours, or was not finished.
    #[error("{} is no finished bundle: {why}", path.display())]
    NotABundle {
        /// The folder.
        path: PathBuf,
        /// What is missing.
        why: String,
    },
    /// Something is not as it was.
    #[error("{path}: {what}")]
    Altered {
        /// The first file that is off, relative to the folder.
        path: String,
        /// How.
        what: String,
    },
}

/// What is known of a signature.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum Signed {
    /// There is none.
    No,
    /// There is one that says it is of this key; it was not checked.
    Unchecked {
        /// The key's number.
        key: String,
    },
    /// It is this key's.
    By {
        /// The key's number.
        key: String,
        /// The comment that was signed with it.
        comment: String,
    },
}

/// A folder in which nothing is off.
#[derive(Debug)]
pub struct Intact {
    /// Files that are listed, by path, with the SHA-256 of each.
    pub files: BTreeMap<String, String>,
    /// Their bytes.
    pub bytes: u64,
    /// Program and version that wrote it, as the manifest says.
    pub created_by: String,
    /// When it was finished, as the manifest says.
    pub created: String,
    /// Its signature.
    pub signed: Signed,
    /// Whether a time-stamping authority's answer is there. It names this folder's list of hashes; whether the authority
    /// gave it was not checked.
    pub stamped: bool,
}

#[derive(Deserialize)]
#[serde(deny_unknown_fields)]
struct ReadManifest {
    schema: String,
    created: String,
    created_by: String,
    files: Vec<ReadEntry>,
}

#[derive(Deserialize)]
#[serde(deny_unknown_fields)]
struct ReadEntry {
    path: String,
    sha256: String,
    bytes: u64,
    #[serde(default)]
    sensitive: bool,
}

/// Looks at a folder; a public key is never taken from inside it.
///
/// # Errors
/// See [`VerifyError`]; the first thing that is off, in order of path.
pub fn verify(root: &Path, key: Option<&VerifyingKey>) -> Result<Intact, VerifyError> {
    let sums = read(root, SUMS)?.ok_or_else(|| VerifyError::NotABundle {
        path: root.to_owned(),
        why: format!("it has no {SUMS}, which is written last"),
    })?;
    let mut files = BTreeMap::new();
    walk(root, "", &mut files)?;
    files.remove(SUMS);
    let signature = files.remove(SIGNATURE).is_some();
    let stamps = [STAMP_REQUEST, STAMP].map(|path| files.remove(path).map(|_| path));
    for path in stamps.into_iter().flatten() {
        names(root, path, &sums)?;
    }
    compare(&sums, &files)?;
    let manifest = manifest(root, &files)?;
    let signed = signed(root, signature, &sums, key)?;
    Ok(Intact {
        bytes: files.values().map(|entry| entry.bytes).sum(),
        files: files
            .into_iter()
            .map(|(path, entry)| (path, entry.sha256))
            .collect(),
        created_by: manifest.created_by,
        created: manifest.created,
        signed,
        stamped: stamps[1].is_some(),
    })
}

/// Largest time stamp that is read: one with the authority's certificates takes a few thousand bytes.
const LARGEST_STAMP: u64 = 1 << 20;

/// A time stamp, or what is sent for one, holds the hash of the list as plain bytes.
fn names(root: &Path, path: &str, sums: &[u8]) -> Result<(), VerifyError> {
    let length = fs::metadata(root.join(path)).map_or(u64::MAX, |data| data.len());
    if length > LARGEST_STAMP {
        return Err(altered(path, "it is larger than any time stamp"));
    }
    let bytes = read(root, path)?.unwrap_or_default();
    let hash = Sha256::digest(sums);
    let mut places = bytes.windows(hash.len());
    if places.any(|place| place == hash.as_slice()) {
        return Ok(());
    }
    Err(altered(
        path,
        format!("it is not about this {SUMS}: it does not hold its SHA-256"),
    ))
}

fn altered(path: &str, what: impl Into<String>) -> VerifyError {
    VerifyError::Altered {
        path: path.to_owned(),
        what: what.into(),
    }
}

/// A file of the folder; `None` if it is not there.
fn read(root: &Path, path: &str) -> Result<Option<Vec<u8>>, VerifyError> {
    match fs::symlink_metadata(root.join(path)) {
        Ok(data) if data.is_file() => {}
        Ok(_) => return Err(altered(path, "it is no file")),
        Err(_) => return Ok(None),
    }
    fs::read(root.join(path))
        .map(Some)
        .map_err(|error| altered(path, format!("it cannot be read: {error}")))
}

/// Every file with its hash, by its path from the root.
fn walk(root: &Path, folder: &str, files: &mut BTreeMap<String, Entry>) -> Result<(), VerifyError> {
    let shown = if folder.is_empty() { "." } else { folder };
    let unread = |error: io::Error| altered(shown, format!("it cannot be read: {error}"));
    let mut is_empty = true;
    for entry in fs::read_dir(root.join(folder)).map_err(unread)? {
        let entry = entry.map_err(unread)?;
        is_empty = false;
        let name = entry.file_name();
        let Some(name) = name.to_str() else {
            return Err(altered(shown, format!("{} is not listed", name.display())));
        };
        let path = if folder.is_empty() {
            name.to_owned()
        } else {
            format!("{folder}/{name}")
        };
        let kind = entry.file_type().map_err(unread)?;
        if kind.is_dir() {
            walk(root, &path, files)?;
        } else if kind.is_file() {
            let entry = hashed(&entry.path())
                .map_err(|error| altered(&path, format!("it cannot be read: {error}")))?;
            files.insert(path, entry);
        } else {
            return Err(altered(
                &path,
                "it is a link or no file, and a bundle has none",
            ));
        }
    }
    if is_empty && !folder.is_empty() {
        return Err(altered(folder, "an empty folder, and a bundle has none"));
    }
    Ok(())
}

fn hashed(path: &Path) -> io::Result<Entry> {
    let mut file = fs::File::open(path)?;
    let mut hash = Sha256::new();
    let mut bytes = 0;
    let mut piece = vec![0; 1 << 16];
    loop {
        let read = file.read(&mut piece)?;
        if read == 0 {
            break;
        }
        hash.update(piece.get(..read).unwrap_or_default());
        bytes += read as u64;
    }
    Ok(Entry {
        sha256: hex(&hash.finalize()),
        bytes,
        sensitive: false,
    })
}

/// The list says what is there, to the byte.
fn compare(sums: &[u8], files: &BTreeMap<String, Entry>) -> Result<(), VerifyError> {
    if render_sums(files).as_bytes() == sums {
        return Ok(());
    }
    let text = String::from_utf8_lossy(sums);
    let lines = text.lines().filter_map(|line| line.split_once("  "));
    let listed: BTreeMap<&str, &str> = lines.map(|(hash, path)| (path, hash)).collect();
    let paths: BTreeSet<&str> = files
        .keys()
        .map(String::as_str)
        .chain(listed.keys().copied())
        .collect();
    for path in paths {
        match (files.get(path), listed.get(path)) {
            (Some(entry), Some(hash)) if entry.sha256 == **hash => {}
            (Some(_), Some(_)) => {
                return Err(altered(
                    path,
                    format!("it is not the file that {SUMS} lists"),
                ));
            }
            (Some(_), None) => return Err(altered(path, format!("{SUMS} does not list it"))),
            (None, _) => return Err(altered(path, format!("{SUMS} lists it, and it is gone"))),
        }
    }
    Err(altered(SUMS, "it is not written as this program writes it"))
}

/// The manifest says the same, to the byte.
fn manifest(root: &Path, files: &BTreeMap<String, Entry>) -> Result<ReadManifest, VerifyError> {
    let bytes = read(root, MANIFEST)?.ok_or_else(|| altered(MANIFEST, "it is gone"))?;
    let manifest: ReadManifest = serde_json::from_slice(&bytes)
        .map_err(|error| altered(MANIFEST, format!("it is no manifest: {error}")))?;
    if manifest.schema != MANIFEST_SCHEMA {
        return Err(altered(MANIFEST, format!("it is no {MANIFEST_SCHEMA}")));
    }
    let listed = manifest.files.iter().map(|entry| {
        let own = Entry {
            sha256: entry.sha256.clone(),
            bytes: entry.bytes,
            sensitive: entry.sensitive,
        };
        (entry.path.clone(), own)
    });
    let listed: BTreeMap<String, Entry> = listed.collect();
    for (path, entry) in files.iter().filter(|(path, _)| *path != MANIFEST) {
        let same = listed
            .get(path)
            .is_some_and(|own| (&own.sha256, own.bytes) == (&entry.sha256, entry.bytes));
        if !same {
            return Err(altered(
                path,
                format!("it is not the file that {MANIFEST} lists"),
            ));
        }
    }
    if let Some(path) = listed.keys().find(|path| !files.contains_key(*path)) {
        return Err(altered(
            path,
            format!("{MANIFEST} lists it, and it is gone"),
        ));
    }
    let again = render_manifest(&listed, &manifest.created, &manifest.created_by);
    if again.ok().as_deref() != Some(&bytes) {
        return Err(altered(
            MANIFEST,
            "it is not written as this program writes it",
        ));
    }
    Ok(manifest)
}

fn signed(
    root: &Path,
    is_there: bool,
    sums: &[u8],
    key: Option<&VerifyingKey>,
) -> Result<Signed, VerifyError> {
    if !is_there {
        return match key {
            Some(_) => Err(altered(
                SIGNATURE,
                "a key was given, and there is no signature",
            )),
            None => Ok(Signed::No),
        };
    }
    let bytes = read(root, SIGNATURE)?.unwrap_or_default();
    let bad = |error: SignatureError| altered(SIGNATURE, error.to_string());
    let text = String::from_utf8(bytes).map_err(|_| altered(SIGNATURE, "it is no text"))?;
    match key {
        Some(key) => Ok(Signed::By {
            comment: key.verify(sums, &text).map_err(bad)?,
            key: key.id(),
        }),
        None => Ok(Signed::Unchecked {
            key: claimed_id(&text).map_err(bad)?,
        }),
    }
}

#[cfg(test)]
#[allow(clippy::unwrap_used)]
mod tests {
    use super::super::Bundle;
    use super::super::signature::{SigningKey, generate};
    use super::*;

    struct Folder {
        folder: tempfile::TempDir,
        key: VerifyingKey,
    }

    impl Folder {
        fn new() -> Self {
            let folder = tempfile::tempdir().unwrap();
            let keys = generate(None).unwrap();
            let signer = SigningKey::read(&keys.secret, None).unwrap();
            let mut bundle = Bundle::create(&folder.path().join("out")).unwrap();
            bundle.write("assessment.json", b"{}\n").unwrap();
            let line = |to: &mut dyn io::Write| to.write_all(b"{\"a\":1}\n");
            bundle
                .write_sensitive("snapshots/a.modules.jsonl", &line)
                .unwrap();
            bundle
                .write("snapshots/a.snapshot.json", b"{\"b\":2}\n")
                .unwrap();
            bundle
                .finish("2026-01-01T00:00:00Z", Some(&signer))
                .unwrap();
            let key = VerifyingKey::read(&keys.public).unwrap();
            Self { folder, key }
        }

        fn root(&self) -> PathBuf {
            self.folder.path().join("out")
        }

        fn paths(&self) -> Vec<String> {
            let mut files = BTreeMap::new();
            walk(&self.root(), "", &mut files).unwrap();
            files.into_keys().collect()
        }

        fn said(&self) -> String {
            match verify(&self.root(), Some(&self.key)) {
                Ok(_) => String::new(),
                Err(error) => error.to_string(),
            }
        }

        /// Fails unless this change is noticed; takes it back.
        fn notices(&self, path: &str, about: &str, content: &[u8]) {
            let place = self.root().join(path);
            let whole = fs::read(&place).unwrap();
            fs::write(&place, content).unwrap();
            let said = self.said();
            assert!(!said.is_empty(), "{path}: {about}");
            fs::write(&place, whole).unwrap();
        }
    }

    #[test]
    fn a_folder_is_intact_and_signed() {
        let folder = Folder::new();
        let intact = verify(&folder.root(), Some(&folder.key)).unwrap();
        assert_eq!(
            (intact.files.len(), intact.created.as_str()),
            (4, "2026-01-01T00:00:00Z")
        );
        let Signed::By { key, comment } = intact.signed else {
            unreachable!("{:?}", intact.signed)
        };
        assert_eq!(key, folder.key.id());
        assert!(comment.contains("signed 2026-01-01T00:00:00Z"), "{comment}");
        let unchecked = verify(&folder.root(), None).unwrap().signed;
        assert_eq!(unchecked, Signed::Unchecked { key });
        fs::remove_file(folder.root().join(SIGNATURE)).unwrap();
        assert_eq!(verify(&folder.root(), None).unwrap().signed, Signed::No);
        assert!(folder.said().contains("there is no signature"));
    }

    #[test]
    fn every_change_of_a_byte_and_every_cut_is_noticed() {
        let folder = Folder::new();
        for path in folder.paths() {
            let whole = fs::read(folder.root().join(&path)).unwrap();
            for at in 0..whole.len() {
                for flip in [0x01, 0x20, 0x80] {
                    let mut changed = whole.clone();
                    changed[at] ^= flip;
                    folder.notices(&path, &format!("byte {at} ^ {flip}"), &changed);
                }
                folder.notices(&path, &format!("cut at {at}"), &whole[..at]);
            }
            let longer = [whole.as_slice(), b"\n"].concat();
            folder.notices(&path, "a line end more", &longer);
        }
        assert_eq!(folder.said(), "");
    }

    #[test]
    fn files_that_came_went_or_changed_places_are_named() {
        let named = |change: &dyn Fn(&Path), says: &str| {
            let folder = Folder::new();
            change(&folder.root());
            let said = folder.said();
            assert!(said.starts_with(says), "{said}");
        };
        let (one, other) = ("snapshots/a.snapshot.json", "snapshots/a.modules.jsonl");
        named(
            &|root| fs::write(root.join("x"), "").unwrap(),
            "x: SHA256SUMS does not list it",
        );
        named(
            &|root| fs::remove_file(root.join(one)).unwrap(),
            &format!("{one}: SHA256SUMS lists it, and it is gone"),
        );
        named(
            &|root| fs::rename(root.join(one), root.join("snapshots/b.snapshot.json")).unwrap(),
            &format!("{one}: SHA256SUMS lists it, and it is gone"),
        );
        named(
            &|root| {
                fs::rename(root.join(one), root.join("kept")).unwrap();
                fs::rename(root.join(other), root.join(one)).unwrap();
                fs::rename(root.join("kept"), root.join(other)).unwrap();
            },
            &format!("{other}: it is not the file that SHA256SUMS lists"),
        );
        named(
            &|root| fs::create_dir(root.join("more")).unwrap(),
            "more: an empty folder",
        );
        named(
            &|root| fs::remove_file(root.join(MANIFEST)).unwrap(),
            "manifest.json: SHA256SUMS lists it",
        );
        named(&|root| fs::remove_file(root.join(SUMS)).unwrap(), "");
    }

    #[test]
    fn a_time_stamp_beside_the_list_is_of_this_list() {
        let folder = Folder::new();
        let place = folder.root().join(STAMP);
        let sums = fs::read(folder.root().join(SUMS)).unwrap();
        let stamp = [b"0\x82", Sha256::digest(&sums).as_slice(), b"more"].concat();
        assert!(!verify(&folder.root(), None).unwrap().stamped);
        fs::write(&place, &stamp).unwrap();
        assert!(verify(&folder.root(), Some(&folder.key)).unwrap().stamped);
        fs::write(&place, &stamp[3..]).unwrap();
        assert!(
            folder
                .said()
                .starts_with("SHA256SUMS.tsr: it is not about this")
        );
        fs::rename(&place, folder.root().join(STAMP_REQUEST)).unwrap();
        assert!(
            folder
                .said()
                .starts_with("SHA256SUMS.tsq: it is not about this")
        );
        fs::rename(
            folder.root().join(STAMP_REQUEST),
            folder.root().join("x.tsr"),
        )
        .unwrap();
        assert!(
            folder
                .said()
                .starts_with("x.tsr: SHA256SUMS does not list it")
        );
    }

    #[test]
    fn what_was_never_finished_is_no_bundle() {
        let folder = Folder::new();
        fs::remove_file(folder.root().join(SUMS)).unwrap();
        let refused = verify(&folder.root(), None).unwrap_err();
        assert!(
            matches!(refused, VerifyError::NotABundle { .. }),
            "{refused}"
        );
    }

    #[cfg(unix)]
    #[test]
    fn a_link_is_no_file_even_to_the_same_bytes() {
        let folder = Folder::new();
        let place = folder.root().join("assessment.json");
        let elsewhere = folder.folder.path().join("elsewhere");
        fs::rename(&place, &elsewhere).unwrap();
        std::os::unix::fs::symlink(&elsewhere, &place).unwrap();
        assert!(
            folder.said().starts_with("assessment.json: it is a link"),
            "{}",
            folder.said()
        );
    }
}
