//! One certificate with its chain and private key, read from PEM, with the time between which it counts.
use crate::config::listener::Files;
use countersign::time::Time;
use der::asn1::{AnyRef, GeneralizedTime, UtcTime};
use der::{Decode, Reader, SliceReader, Tag, Tagged};
use rustls::crypto::CryptoProvider;
use rustls::sign::CertifiedKey;
use rustls_pki_types::pem::PemObject;
use rustls_pki_types::{CertificateDer, PrivateKeyDer};
use std::path::{Path, PathBuf};
use std::sync::Arc;
use std::time::SystemTime;

/// A certificate that can be presented.
#[derive(Debug)]
pub(crate) struct Certificate {
    /// The file it came from.
    pub(crate) file: PathBuf,
    /// The chain, with what signs for it.
    pub(crate) key: Arc<CertifiedKey>,
    /// From when it counts.
    pub(crate) begins: Time,
    /// Until when it counts.
    pub(crate) ends: Time,
}

/// How two files looked: when they look otherwise, they are read again.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(crate) struct Stamp([Option<(SystemTime, u64)>; 2]);

impl Stamp {
    pub(crate) fn of(files: &Files) -> Self {
        let look = |path: &Path| {
            let seen = std::fs::metadata(path).ok()?;
            Some((seen.modified().ok()?, seen.len()))
        };
        Self([look(&files.certificate), look(&files.key)])
    }
}

/// The one crypto library of the program.
pub(crate) fn provider() -> Arc<CryptoProvider> {
    Arc::new(rustls::crypto::aws_lc_rs::default_provider())
}

impl Certificate {
    /// Reads two files and checks that they belong together.
    ///
    /// # Errors
    /// Says which file is wrong and how.
    pub(crate) fn read(files: &Files) -> Result<Self, String> {
        let told = |path: &Path, error: &dyn std::fmt::Display| format!("{}: {error}", path.display());
        let read = |path: &Path| std::fs::read(path).map_err(|error| told(path, &error));
        let chain = read(&files.certificate)?;
        let key = zeroize::Zeroizing::new(read(&files.key)?);
        Self::parse(&files.certificate, &chain, &key)
            .map_err(|(in_key, error)| told(if in_key { &files.key } else { &files.certificate }, &error))
    }

    /// Reads PEM texts. The error says whether it lies with the key.
    pub(crate) fn parse(file: &Path, chain: &[u8], key: &[u8]) -> Result<Self, (bool, String)> {
        let chain: Vec<_> = CertificateDer::pem_slice_iter(chain)
            .collect::<Result<_, _>>()
            .map_err(|error| (false, format!("wanted PEM certificates: {error}")))?;
        let leaf = chain.first().ok_or((false, "wanted PEM certificates, found none".to_owned()))?;
        let (begins, ends) = validity(leaf)
            .map_err(|error| (false, format!("wanted an X.509 certificate, its first is none: {error}")))?;
        let key = PrivateKeyDer::from_pem_slice(key)
            .map_err(|error| (true, format!("wanted a PEM private key without passphrase: {error}")))?;
        let key = CertifiedKey::from_der(chain, key, &provider())
            .map_err(|error| (true, format!("the key does not fit the certificate: {error}")))?;
        Ok(Self { file: file.to_owned(), key: Arc::new(key), begins, ends })
    }
}

/// Between which times a certificate counts ([RFC 5280, section 4.1](https://www.rfc-editor.org/rfc/rfc5280#section-4.1)).
fn validity(certificate: &[u8]) -> Result<(Time, Time), der::Error> {
    let mut outer = SliceReader::new(certificate)?;
    outer.sequence(|certificate: &mut SliceReader<'_>| {
        let times = certificate.sequence(|body: &mut SliceReader<'_>| {
            // The version stands in a tag of its own and may be left out.
            if Tag::peek(body)? != Tag::Integer {
                body.tlv_bytes()?;
            }
            // Serial number, algorithm, issuer.
            for _ in 0..3 {
                body.tlv_bytes()?;
            }
            let times = body
                .sequence(|times: &mut SliceReader<'_>| Ok::<_, der::Error>((time(times)?, time(times)?)))?;
            // Subject, key and extensions are the TLS library's business.
            while !body.is_finished() {
                body.tlv_bytes()?;
            }
            Ok::<_, der::Error>(times)
        })?;
        while !certificate.is_finished() {
            certificate.tlv_bytes()?;
        }
        Ok(times)
    })
}

fn time(reader: &mut SliceReader<'_>) -> Result<Time, der::Error> {
    let value = AnyRef::decode(reader)?;
    let since = match value.tag() {
        Tag::UtcTime => value.decode_as::<UtcTime>()?.to_unix_duration(),
        _ => value.decode_as::<GeneralizedTime>()?.to_unix_duration(),
    };
    Ok(Time::from_seconds(i64::try_from(since.as_secs()).unwrap_or(i64::MAX)))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_time_between_which_a_certificate_counts_is_read() {
        let mut wanted = rcgen::CertificateParams::new(vec!["a.test".to_owned()]).unwrap();
        wanted.not_before = rcgen::date_time_ymd(2026, 1, 2);
        wanted.not_after = rcgen::date_time_ymd(2051, 3, 4);
        let key = rcgen::KeyPair::generate().unwrap();
        let made = wanted.self_signed(&key).unwrap();
        let (begins, ends) = validity(made.der()).unwrap();
        assert_eq!((begins.seconds(), ends.seconds()), (1_767_312_000, 2_561_500_800));
        let parse =
            |chain: &str, key: &str| Certificate::parse(Path::new("f"), chain.as_bytes(), key.as_bytes());
        assert!(parse(&made.pem(), &key.serialize_pem()).is_ok());
        let other = rcgen::KeyPair::generate().unwrap();
        assert!(parse(&made.pem(), &other.serialize_pem()).unwrap_err().1.contains("does not fit"));
        assert!(parse("", &key.serialize_pem()).unwrap_err().1.contains("found none"));
        assert!(parse(&made.pem(), "").unwrap_err().0);
        // Cut anywhere, it is refused and nothing panics.
        for length in 0..made.der().len() {
            assert!(validity(&made.der()[..length]).is_err(), "{length}");
        }
    }
}
