//! A signer, as Python sees it.
use crate::errors::{ClockTooFar, NotSigned, Unusable};
use countersign_embedded::choice::DialectChoice;
use countersign_embedded::signing::{self as embedded, KeyFrom, SigningOptions};
use pyo3::prelude::*;
use pyo3::types::PyBytes;
use std::collections::BTreeMap;
use std::path::PathBuf;

/// Headers as pairs of bytes.
type Pairs = Vec<(Vec<u8>, Vec<u8>)>;
/// Headers to set, the address, and the body in place of the one that was given.
type Changes<'py> = (Vec<(String, Bound<'py, PyBytes>)>, String, Option<Bound<'py, PyBytes>>);

/// Signs requests.
#[pyclass(frozen, module = "countersign")]
pub(crate) struct Signing(embedded::Signing);

#[pymethods]
impl Signing {
    #[new]
    #[pyo3(signature = (dialect, identifier, *, key=None, key_file=None, passphrase=None, acting_as=None, companion=None, algorithm=None, settings=None))]
    #[expect(clippy::too_many_arguments, reason = "each is an option by name in Python")]
    fn new(
        py: Python<'_>,
        dialect: String,
        identifier: String,
        key: Option<Vec<u8>>,
        key_file: Option<PathBuf>,
        passphrase: Option<String>,
        acting_as: Option<String>,
        companion: Option<String>,
        algorithm: Option<String>,
        settings: Option<BTreeMap<String, String>>,
    ) -> PyResult<Self> {
        let key = match (key, key_file) {
            (Some(bytes), None) => KeyFrom::Bytes(bytes.into()),
            (None, Some(path)) => KeyFrom::File(path),
            _ => return Err(Unusable::new_err("wanted one of key and key_file, found both or neither")),
        };
        let options = SigningOptions {
            dialect: DialectChoice { dialect, settings: settings.unwrap_or_default() },
            key,
            passphrase: passphrase.map(Into::into),
            identifier,
            acting_as,
            companion: companion.map(Into::into),
            algorithm,
        };
        // A key under a passphrase takes a second to open.
        let opened = py.detach(|| embedded::Signing::open(options));
        opened.map(Self).map_err(|error| Unusable::new_err(error.to_string()))
    }

    /// Signs a request that is ready to be sent.
    #[expect(clippy::needless_pass_by_value, reason = "arguments are read from Python's objects")]
    fn sign<'py>(
        &self,
        py: Python<'py>,
        method: &str,
        url: &str,
        headers: Pairs,
        body: &[u8],
    ) -> PyResult<Changes<'py>> {
        let signed = py.detach(|| self.0.sign(method, url, &borrowed(&headers), body));
        let signed = signed.map_err(|error| NotSigned::new_err(error.to_string()))?;
        let headers = signed.headers.into_iter().map(|(name, value)| (name, PyBytes::new(py, &value)));
        Ok((headers.collect(), signed.url, signed.body.map(|body| PyBytes::new(py, &body))))
    }

    /// Reads an answer that may have refused a proof because of this machine's clock: True when signing anew may help.
    #[expect(clippy::needless_pass_by_value, reason = "arguments are read from Python's objects")]
    fn learn(&self, status: u16, headers: Pairs, body: &[u8]) -> PyResult<bool> {
        let learned = self.0.learn(status, &borrowed(&headers), body);
        learned.map_err(|error| ClockTooFar::new_err(error.to_string()))
    }

    /// Whether the dialect signs the body.
    #[getter]
    fn needs_body(&self) -> bool {
        self.0.needs_body()
    }

    /// The dialect's name.
    #[getter]
    fn dialect(&self) -> &str {
        self.0.dialect()
    }

    /// Public half of the key, as PEM.
    #[getter]
    fn public_key(&self) -> String {
        self.0.public_key()
    }

    fn __repr__(&self) -> String {
        format!("<Signing dialect={:?}>", self.0.dialect())
    }
}

pub(crate) fn borrowed(pairs: &Pairs) -> Vec<(&[u8], &[u8])> {
    pairs.iter().map(|(name, value)| (name.as_slice(), value.as_slice())).collect()
}
