//! Ed25519 signatures in minisign's format, which the stock `minisign` makes and verifies too.

use minisign::{KeyPair, PublicKey, PublicKeyBox, SecretKey, SecretKeyBox, SignatureBox};
use secrecy::{ExposeSecret, SecretString};

/// What the first line of a signature says. minisign does not sign that line, so only known ones are taken.
const UNTRUSTED: [&str; 2] = [
    "signature of an mssql-posture bundle",
    "signature from minisign secret key",
];
const SECRET_COMMENT: &str = "mssql-posture signing key";

/// Why something is not signed, or a signature is not good.
#[derive(Debug, thiserror::Error)]
pub enum SignatureError {
    /// The key file is no secret key, or another password protects it.
    #[error("the signing key cannot be used: {0}")]
    SigningKey(String),
    /// No public key of minisign's.
    #[error("no minisign public key: {0}")]
    PublicKey(String),
    /// The signature is not of this key over these bytes.
    #[error("the signature is not good: {0}")]
    Bad(String),
    /// The platform gave no random numbers, or the key could not be made.
    #[error("cannot sign: {0}")]
    Signing(String),
}

/// A new pair of keys, as its two files hold them.
pub struct NewKeys {
    /// The secret half.
    pub secret: SecretString,
    /// The public half.
    pub public: String,
    /// The number by which signatures name it.
    pub id: String,
}

/// Makes a pair of keys; without a password the secret half is readable to whoever has its file.
///
/// # Errors
/// The platform gave no random numbers.
pub fn generate(password: Option<&SecretString>) -> Result<NewKeys, SignatureError> {
    let pair = match password {
        Some(password) => {
            KeyPair::generate_encrypted_keypair(Some(password.expose_secret().to_owned()))
        }
        None => KeyPair::generate_unencrypted_keypair(),
    };
    let made = |error: minisign::PError| SignatureError::Signing(error.to_string());
    let pair = pair.map_err(made)?;
    let secret = pair.sk.to_box(Some(SECRET_COMMENT)).map_err(made)?;
    Ok(NewKeys {
        secret: SecretString::from(secret.into_string()),
        public: pair.pk.to_box().map_err(made)?.into_string(),
        id: id(pair.pk.keynum()),
    })
}

/// A secret key that is ready to sign.
pub struct SigningKey(SecretKey);

impl std::fmt::Debug for SigningKey {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        write!(f, "SigningKey({})", self.id())
    }
}

impl SigningKey {
    /// Reads a secret key as minisign writes it, with its password if it has one.
    ///
    /// # Errors
    /// It is no such key, or the password is wrong or missing.
    pub fn read(
        text: &SecretString,
        password: Option<&SecretString>,
    ) -> Result<Self, SignatureError> {
        let refused = |error: minisign::PError| SignatureError::SigningKey(error.to_string());
        let key = SecretKeyBox::from_string(text.expose_secret()).map_err(refused)?;
        let key = match password {
            Some(password) => key.into_secret_key(Some(password.expose_secret().to_owned())),
            None => key.into_unencrypted_secret_key(),
        };
        key.map(Self).map_err(refused)
    }

    /// The number by which signatures name it.
    pub fn id(&self) -> String {
        id(self.0.keynum())
    }

    /// Signs bytes and, with them, a comment of one line.
    ///
    /// # Errors
    /// The platform gave no random numbers.
    pub fn sign(&self, bytes: &[u8], comment: &str) -> Result<String, SignatureError> {
        let comment: String = comment.chars().filter(|c| !c.is_control()).collect();
        minisign::sign(None, &self.0, bytes, Some(&comment), Some(UNTRUSTED[0]))
            .map(SignatureBox::into_string)
            .map_err(|error| SignatureError::Signing(error.to_string()))
    }
}

/// A public key.
#[derive(Debug)]
pub struct VerifyingKey(PublicKey);

impl VerifyingKey {
    /// Reads a public key: the file that minisign writes, or its second line alone.
    ///
    /// # Errors
    /// It is no such key.
    pub fn read(text: &str) -> Result<Self, SignatureError> {
        let text = text.trim();
        let key = if text.contains('\n') {
            PublicKeyBox::from_string(text).and_then(PublicKeyBox::into_public_key)
        } else {
            PublicKey::from_base64(text)
        };
        key.map(Self)
            .map_err(|error| SignatureError::PublicKey(error.to_string()))
    }

    /// The number by which signatures name it.
    pub fn id(&self) -> String {
        id(self.0.keynum())
    }

    /// The comment that was signed with the bytes, if the signature is this key's.
    ///
    /// # Errors
    /// It is not, or stands there in another form than minisign writes.
    pub fn verify(&self, bytes: &[u8], signature: &str) -> Result<String, SignatureError> {
        let bad = |error: minisign::PError| SignatureError::Bad(error.to_string());
        let signature = parse(signature)?;
        let bytes = std::io::Cursor::new(bytes);
        minisign::verify(&self.0, &signature, bytes, true, false, false).map_err(bad)?;
        signature.trusted_comment().map_err(bad)
    }
}

/// Whose signature this says it is; not proven.
///
/// # Errors
/// It is no signature of minisign's.
pub fn claimed_id(signature: &str) -> Result<String, SignatureError> {
    parse(signature).map(|signature| id(signature.keynum()))
}

/// The same signature can be written in several ways, of which one is taken: then no byte can be changed.
fn parse(text: &str) -> Result<SignatureBox, SignatureError> {
    let bad = |error: minisign::PError| SignatureError::Bad(error.to_string());
    let signature = SignatureBox::from_string(text).map_err(bad)?;
    let comment = signature.untrusted_comment().map_err(bad)?;
    if !UNTRUSTED.contains(&comment.as_str()) || signature.to_string() != text {
        let why = "it is not written as minisign writes it";
        return Err(SignatureError::Bad(why.to_owned()));
    }
    Ok(signature)
}

/// As minisign prints it.
fn id(number: &[u8]) -> String {
    number.iter().rev().fold(String::new(), |mut text, byte| {
        use std::fmt::Write as _;
        let _ = write!(text, "{byte:02X}"); // writing to a String cannot fail
        text
    })
}

#[cfg(test)]
#[allow(clippy::unwrap_used)]
mod tests {
    use super::*;

    fn pair() -> (SigningKey, VerifyingKey) {
        let keys = generate(None).unwrap();
        let signer = SigningKey::read(&keys.secret, None).unwrap();
        let public = VerifyingKey::read(&keys.public).unwrap();
        assert_eq!((signer.id(), public.id()), (keys.id.clone(), keys.id));
        (signer, public)
    }

    #[test]
    fn what_was_signed_is_verified_with_its_comment() {
        let (signer, public) = pair();
        let signature = signer.sign(b"sums", "by us\nnow").unwrap();
        assert_eq!(public.verify(b"sums", &signature).unwrap(), "by usnow");
        assert_eq!(claimed_id(&signature).unwrap(), public.id());
        let (_, other) = pair();
        for (key, bytes) in [(&public, &b"sumt"[..]), (&other, b"sums")] {
            assert!(matches!(
                key.verify(bytes, &signature),
                Err(SignatureError::Bad(_))
            ));
        }
    }

    #[test]
    fn no_byte_of_a_signature_can_be_another() {
        let (signer, public) = pair();
        let signature = signer.sign(b"sums", "by us").unwrap();
        for at in 0..signature.len() {
            for flip in [1, 0x20, 0x80] {
                let mut changed = signature.clone().into_bytes();
                changed[at] ^= flip;
                let Ok(changed) = String::from_utf8(changed) else {
                    continue;
                };
                assert!(
                    public.verify(b"sums", &changed).is_err(),
                    "{at} {flip}: {changed}"
                );
            }
            assert!(
                public.verify(b"sums", &signature[..at]).is_err(),
                "cut at {at}"
            );
        }
        assert!(public.verify(b"sums", &(signature + "\n")).is_err());
    }

    #[test]
    fn a_password_protects_the_secret_half() {
        let password = SecretString::from("a long one".to_owned());
        let wrong = SecretString::from("another".to_owned());
        let keys = generate(Some(&password)).unwrap();
        assert!(SigningKey::read(&keys.secret, None).is_err());
        let refused = SigningKey::read(&keys.secret, Some(&wrong)).unwrap_err();
        assert!(refused.to_string().contains("Wrong password"), "{refused}");
        let signer = SigningKey::read(&keys.secret, Some(&password)).unwrap();
        let signature = signer.sign(b"sums", "c").unwrap();
        let second = keys.public.lines().nth(1).unwrap();
        let public = VerifyingKey::read(second).unwrap();
        assert_eq!(public.verify(b"sums", &signature).unwrap(), "c");
        let shown = format!("{signer:?}");
        assert_eq!(shown, format!("SigningKey({})", keys.id));
    }
}
