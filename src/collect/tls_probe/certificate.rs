//! What an auditor wants to know of a certificate, read by `x509-parser`; hostile until proven otherwise.

use std::net::IpAddr;

use x509_parser::certificate::X509Certificate;
use x509_parser::error::X509Error;
use x509_parser::extensions::GeneralName;
use x509_parser::objects::{oid_registry, oid2sn};
use x509_parser::oid_registry::{
    OID_EC_P256, OID_NIST_EC_P384, OID_NIST_EC_P521, OID_SIG_ED25519, Oid,
};
use x509_parser::prelude::FromDer;
use x509_parser::public_key::PublicKey;
use x509_parser::time::ASN1Time;
use x509_parser::x509::{SubjectPublicKeyInfo, X509Name};

use crate::snapshot::ServerCertificate;
use crate::snapshot::{sha256_hex, short};

/// A signature by a smaller RSA key is not checked by the cryptographic library.
const FEWEST_RSA_BITS: u32 = 2048;

/// Reads a certificate in DER.
///
/// # Errors
/// What makes it unreadable.
pub(super) fn read(der: &[u8]) -> Result<ServerCertificate, String> {
    let (rest, certificate) =
        X509Certificate::from_der(der).map_err(|error| short(&error.to_string()))?;
    if !rest.is_empty() {
        return Err("bytes follow its end".to_owned());
    }
    let (key_algorithm, key_bits) = key(certificate.public_key());
    let (dns_names, ip_addresses) = alternative_names(&certificate)?;
    Ok(ServerCertificate {
        subject: name(certificate.subject()),
        issuer: name(certificate.issuer()),
        serial: hex(certificate.raw_serial()),
        not_before: utc(certificate.validity().not_before)?,
        not_after: utc(certificate.validity().not_after)?,
        sha256: sha256_hex(der),
        dns_names,
        ip_addresses,
        self_signed: self_signed(&certificate, &key_algorithm, key_bits),
        key_algorithm,
        key_bits,
        signature_algorithm: object(&certificate.signature_algorithm.algorithm),
    })
}

fn name(name: &X509Name<'_>) -> String {
    short(&name.to_string())
}

fn hex(bytes: &[u8]) -> String {
    short(&crate::collect::spool::hex(bytes))
}

fn utc(time: ASN1Time) -> Result<String, String> {
    jiff::Timestamp::from_second(time.timestamp())
        .map(|time| time.to_string())
        .map_err(|_| "its validity is out of range".to_owned())
}

/// The name that an object identifier is known by, or its numbers.
fn object(id: &Oid<'_>) -> String {
    oid2sn(id, oid_registry()).map_or_else(|_| short(&id.to_id_string()), str::to_owned)
}

fn alternative_names(
    certificate: &X509Certificate<'_>,
) -> Result<(Vec<String>, Vec<String>), String> {
    let (mut dns, mut ip) = (Vec::new(), Vec::new());
    let names = certificate
        .subject_alternative_name()
        .map_err(|error| short(&error.to_string()))?;
    for name in names.iter().flat_map(|names| &names.value.general_names) {
        match name {
            GeneralName::DNSName(name) => dns.push(short(name)),
            GeneralName::IPAddress(bytes) => ip.push(address(bytes)),
            _ => {} // no client compares a server's name with these
        }
    }
    for list in [&mut dns, &mut ip] {
        list.sort();
        list.dedup();
    }
    Ok((dns, ip))
}

fn address(bytes: &[u8]) -> String {
    if let Ok(v4) = <[u8; 4]>::try_from(bytes) {
        IpAddr::from(v4).to_string()
    } else if let Ok(v6) = <[u8; 16]>::try_from(bytes) {
        IpAddr::from(v6).to_string()
    } else {
        hex(bytes)
    }
}

/// Algorithm and size in bits.
fn key(info: &SubjectPublicKeyInfo<'_>) -> (String, Option<u32>) {
    let id = &info.algorithm.algorithm;
    match info.parsed() {
        Ok(PublicKey::RSA(key)) => ("RSA".to_owned(), integer_bits(key.modulus)),
        Ok(PublicKey::EC(point)) => {
            let curve = info
                .algorithm
                .parameters
                .as_ref()
                .and_then(|any| any.as_oid().ok());
            let known = [
                (OID_EC_P256, "P-256", 256),
                (OID_NIST_EC_P384, "P-384", 384),
                (OID_NIST_EC_P521, "P-521", 521),
            ];
            let named = curve
                .as_ref()
                .and_then(|curve| known.iter().find(|(id, ..)| id == curve));
            match (named, curve) {
                (Some((_, name, bits)), _) => (format!("EC {name}"), Some(*bits)),
                (None, Some(curve)) => (
                    format!("EC {}", object(&curve)),
                    u32::try_from(point.key_size()).ok(),
                ),
                (None, None) => ("EC".to_owned(), None),
            }
        }
        _ if *id == OID_SIG_ED25519 => ("Ed25519".to_owned(), Some(256)),
        _ => (object(id), None),
    }
}

/// The length of a positive integer in bits, however many zeroes lead it.
fn integer_bits(bytes: &[u8]) -> Option<u32> {
    let start = bytes.iter().position(|byte| *byte != 0)?;
    let (first, rest) = bytes.get(start..)?.split_first()?;
    u32::try_from(rest.len())
        .ok()?
        .checked_mul(8)?
        .checked_add(8 - first.leading_zeros())
}

/// Issuer and subject are the same, and the certificate's own key does not refute its signature. Where that
/// cannot be checked, the names decide.
fn self_signed(certificate: &X509Certificate<'_>, algorithm: &str, bits: Option<u32>) -> bool {
    if certificate.issuer().as_raw() != certificate.subject().as_raw() {
        return false;
    }
    match certificate.verify_signature(None) {
        Ok(()) | Err(X509Error::SignatureUnsupportedAlgorithm) => true,
        Err(_) => algorithm == "RSA" && bits.is_some_and(|bits| bits < FEWEST_RSA_BITS),
    }
}

#[cfg(test)]
#[allow(clippy::unwrap_used)]
mod tests {
    use rcgen::{
        CertificateParams, CertifiedIssuer, DnType, KeyPair, PKCS_ECDSA_P384_SHA384, PKCS_ED25519,
        PKCS_RSA_SHA256, RsaKeySize, SanType,
    };

    use super::*;

    fn params() -> CertificateParams {
        let names = ["b.example".to_owned(), "a.example".to_owned()];
        let mut params = CertificateParams::new(names).unwrap();
        params.distinguished_name.push(DnType::CommonName, "same");
        params
    }

    #[test]
    fn keys_and_signatures_are_named_and_measured() {
        for (key, algorithm, bits, signature) in [
            (
                KeyPair::generate_rsa_for(&PKCS_RSA_SHA256, RsaKeySize::_2048),
                "RSA",
                2048,
                "sha256WithRSAEncryption",
            ),
            (
                KeyPair::generate_for(&PKCS_ECDSA_P384_SHA384),
                "EC P-384",
                384,
                "ecdsa-with-SHA384",
            ),
            (
                KeyPair::generate_for(&PKCS_ED25519),
                "Ed25519",
                256,
                "ed25519",
            ),
        ] {
            let certificate = params().self_signed(&key.unwrap()).unwrap();
            let told = read(certificate.der()).unwrap();
            assert_eq!(told.key_algorithm, algorithm);
            assert_eq!(told.key_bits, Some(bits));
            assert_eq!(told.signature_algorithm, signature);
            assert!(told.self_signed, "{algorithm}");
            assert_eq!(told.dns_names, ["a.example", "b.example"]);
        }
    }

    #[test]
    fn a_certificate_is_not_self_signed_because_its_names_are_alike() {
        let authority =
            CertifiedIssuer::self_signed(params(), KeyPair::generate().unwrap()).unwrap();
        let own = KeyPair::generate().unwrap();
        let told = read(params().signed_by(&own, &authority).unwrap().der()).unwrap();
        assert_eq!(told.issuer, told.subject);
        assert!(!told.self_signed);
    }

    #[test]
    fn long_names_are_cut_and_addresses_told() {
        let mut params = params();
        params
            .distinguished_name
            .push(DnType::OrganizationName, "o".repeat(10_000));
        params.subject_alt_names = ["2001:db8::1", "10.0.0.1"]
            .map(|ip| SanType::IpAddress(ip.parse().unwrap()))
            .to_vec();
        let certificate = params.self_signed(&KeyPair::generate().unwrap()).unwrap();
        let told = read(certificate.der()).unwrap();
        assert_eq!(told.subject.chars().count(), 501);
        assert_eq!(told.ip_addresses, ["10.0.0.1", "2001:db8::1"]);
    }

    #[test]
    fn a_damaged_certificate_is_an_error_or_another_one_and_never_a_panic() {
        let serial = [0x11, 0x22, 0x33, 0x44];
        let mut params = params();
        params.serial_number = Some(serial.to_vec().into());
        let certificate = params.self_signed(&KeyPair::generate().unwrap()).unwrap();
        let der = certificate.der().as_ref();
        for length in 0..der.len() {
            assert!(read(&der[..length]).is_err(), "{length}");
        }
        assert!(read(&[der, &[0]].concat()).is_err());
        let good = read(der).unwrap();
        for at in 0..der.len() {
            for bit in 0..8 {
                let mut damaged = der.to_vec();
                damaged[at] ^= 1 << bit;
                if let Ok(told) = read(&damaged) {
                    assert_ne!(told.sha256, good.sha256);
                }
            }
        }
        let mut forged = der.to_vec();
        let at = der.windows(4).position(|bytes| bytes == serial).unwrap();
        forged[at] = 0x12;
        assert!(good.self_signed && !read(&forged).unwrap().self_signed);
    }

    #[test]
    fn a_key_is_as_long_as_its_modulus_without_leading_zeroes() {
        assert_eq!(integer_bits(&[0, 0x80, 0]), Some(16));
        assert_eq!(integer_bits(&[0x7f, 0]), Some(15));
        assert_eq!(integer_bits(&[0, 0]), None);
    }
}
