//! A verifier, as Python sees it.
use crate::asking::{Claim, Find};
use crate::errors::{Unusable, raised};
use crate::judgement::found;
use crate::signing::borrowed;
use countersign_embedded::arrived::Arrived;
use countersign_embedded::choice::DialectChoice;
use countersign_embedded::memory::ReplayMemory;
use countersign_embedded::verifying::{self as embedded, Accounts, VerifyingOptions};
use pyo3::prelude::*;
use pyo3::types::{PyBytes, PyString};
use std::collections::BTreeMap;
use std::path::PathBuf;
use std::sync::Arc;

/// Judges requests.
#[pyclass(frozen, module = "countersign")]
pub(crate) struct Verifying(embedded::Verifying);

/// Status, headers and body.
type Answer<'py> = (u16, Vec<(String, String)>, Bound<'py, PyBytes>);

#[pymethods]
impl Verifying {
    #[new]
    #[pyo3(signature = (dialects, *, accounts=None, accounts_file=None, find=None, memory=None, public=None, body_limit=None, admit=None, require=Vec::new(), secret=None))]
    #[expect(clippy::too_many_arguments, reason = "each is an option by name in Python")]
    fn new(
        py: Python<'_>,
        dialects: Vec<(String, BTreeMap<String, String>)>,
        accounts: Option<String>,
        accounts_file: Option<PathBuf>,
        find: Option<Py<PyAny>>,
        memory: Option<Bound<'_, PyAny>>,
        public: Option<String>,
        body_limit: Option<usize>,
        admit: Option<Vec<String>>,
        require: Vec<String>,
        secret: Option<Vec<u8>>,
    ) -> PyResult<Self> {
        let accounts = match (accounts, accounts_file, find) {
            (Some(text), None, None) => Accounts::Described(text),
            (None, Some(path), None) => Accounts::File(path),
            (None, None, Some(find)) => Accounts::Asked(Arc::new(Find(find))),
            _ => {
                return Err(Unusable::new_err(
                    "wanted one of accounts, accounts_file and find; found several or none",
                ));
            }
        };
        let dialects = dialects.into_iter().map(|(dialect, settings)| DialectChoice { dialect, settings });
        let options = VerifyingOptions {
            dialects: dialects.collect(),
            accounts,
            memory: remembering(memory)?,
            public,
            body_limit,
            admit,
            require,
            secret: secret.map(Into::into),
        };
        // Keys of a description are looked at closely, which takes its time.
        let opened = py.detach(|| embedded::Verifying::open(options));
        opened.map(Self).map_err(|error| Unusable::new_err(error.to_string()))
    }

    /// Judges a request; a single-use proof is used up by this.
    #[expect(clippy::needless_pass_by_value, reason = "arguments are read from Python's objects")]
    #[pyo3(signature = (method, target, headers, body, client=None))]
    fn judge(
        &self,
        py: Python<'_>,
        method: &[u8],
        target: Option<&[u8]>,
        headers: Vec<(Vec<u8>, Vec<u8>)>,
        body: Option<&[u8]>,
        client: Option<&str>,
    ) -> PyResult<Py<PyAny>> {
        let (Ok(method), Ok(target)) = (str::from_utf8(method), target.map(str::from_utf8).transpose())
        else {
            return found(py, self.0.malformed());
        };
        let client = client.and_then(|address| address.parse().ok());
        let judged = py.detach(|| {
            let headers = borrowed(&headers);
            self.0.judge_now(&Arrived { method, target, headers: &headers, body, client })
        });
        match judged {
            Ok(judgement) => found(py, judgement),
            Err(fault) => Err(raised(py, &fault)),
        }
    }

    /// Takes another description in place of the one before.
    fn describe(&self, py: Python<'_>, accounts: &str) -> PyResult<()> {
        let described = py.detach(|| self.0.describe(accounts));
        described.map_err(|error| Unusable::new_err(error.to_string()))
    }

    /// Reads the accounts' file again.
    fn reload(&self, py: Python<'_>) -> PyResult<()> {
        py.detach(|| self.0.reload()).map_err(|error| Unusable::new_err(error.to_string()))
    }

    /// The refusal of a body that is larger than `body_limit`.
    fn too_large(&self, py: Python<'_>) -> PyResult<Py<PyAny>> {
        found(py, self.0.too_large())
    }

    /// The refusal of what is no HTTP.
    fn malformed(&self, py: Python<'_>) -> PyResult<Py<PyAny>> {
        found(py, self.0.malformed())
    }

    /// The answer to a fault: status, headers and body.
    fn failed<'py>(&self, py: Python<'py>) -> Answer<'py> {
        let answer = self.0.failed();
        (answer.status, answer.headers, PyBytes::new(py, &answer.body))
    }

    /// Whether a dialect signs the body, so that it must be read before judging.
    #[getter]
    fn needs_body(&self) -> bool {
        self.0.needs_body()
    }

    /// Whether a dialect signs the path or query, so that they are wanted as they came.
    #[getter]
    fn needs_target(&self) -> bool {
        self.0.needs_target()
    }

    /// Bytes of a body that is read to be judged.
    #[getter]
    fn body_limit(&self) -> usize {
        self.0.body_limit()
    }

    /// Whether uses are remembered in this process alone, so that only one may serve.
    #[getter]
    fn remembers_here(&self) -> bool {
        self.0.remembers_here()
    }

    /// Names of headers that carry proofs, in lower case.
    #[getter]
    fn carriers(&self) -> Vec<String> {
        self.0.carriers()
    }

    /// Names of the headers that carry a dialect's proofs, in lower case.
    fn carriers_of(&self, dialect: &str) -> Vec<String> {
        self.0.carriers_of(dialect)
    }
}

/// A word, a function or nothing.
fn remembering(given: Option<Bound<'_, PyAny>>) -> PyResult<ReplayMemory> {
    let Some(given) = given else { return Ok(ReplayMemory::None) };
    if given.is_callable() {
        return Ok(ReplayMemory::Shared(Arc::new(Claim(given.unbind()))));
    }
    let word = given.cast::<PyString>().ok().and_then(|word| word.to_str().ok());
    match word {
        Some("process") => Ok(ReplayMemory::Process { takes_earlier: false }),
        Some("new process") => Ok(ReplayMemory::Process { takes_earlier: true }),
        _ => Err(Unusable::new_err(
            "memory: wanted a function, \"process\" or \"new process\"; found something else",
        )),
    }
}
