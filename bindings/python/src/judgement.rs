//! What a judgement finds, as Python sees it. Neither has a constructor: both only come out of a judgement.
use countersign_embedded::judgement as embedded;
use pyo3::prelude::*;
use pyo3::types::PyBytes;

/// Who sent a request: its proof holds in every respect.
#[pyclass(frozen, module = "countersign")]
pub(crate) struct Recognised(embedded::Recognised);

/// A refusal, with the whole answer to it.
#[pyclass(frozen, module = "countersign")]
pub(crate) struct Refused(embedded::Refused);

/// As an object.
pub(crate) fn found(py: Python<'_>, judgement: embedded::Judgement) -> PyResult<Py<PyAny>> {
    match judgement {
        embedded::Judgement::Recognised(who) => Ok(Py::new(py, Recognised(who))?.into_any()),
        embedded::Judgement::Refused(refused) => Ok(Py::new(py, Refused(refused))?.into_any()),
    }
}

#[pymethods]
impl Recognised {
    /// The account's name.
    #[getter]
    fn account(&self) -> &str {
        self.0.account()
    }
    /// The account's id.
    #[getter]
    fn account_id(&self) -> &str {
        self.0.account_id()
    }
    /// Name of the account's organisation.
    #[getter]
    fn organisation(&self) -> Option<&str> {
        self.0.organisation()
    }
    /// The name that the proof gave, as registered.
    #[getter]
    fn identifier(&self) -> &str {
        self.0.identifier()
    }
    /// The user it may act for, when the proof names one.
    #[getter]
    fn acting_as(&self) -> Option<&str> {
        self.0.acting_as()
    }
    /// The id of the key that signed.
    #[getter]
    fn key_id(&self) -> &str {
        self.0.key_id()
    }
    /// What the key's owner calls it.
    #[getter]
    fn key_label(&self) -> &str {
        self.0.key_label()
    }
    /// Fingerprint of the key that signed.
    #[getter]
    fn fingerprint(&self) -> String {
        self.0.fingerprint()
    }
    /// The dialect's name.
    #[getter]
    fn dialect(&self) -> &str {
        self.0.dialect()
    }
    /// The algorithm's name.
    #[getter]
    fn algorithm(&self) -> &'static str {
        self.0.algorithm()
    }
    /// What the proof covered, of `method`, `authority`, `path`, `query`, `body` and `once`.
    #[getter]
    fn covered(&self) -> Vec<&'static str> {
        self.0.covered()
    }
    /// When it was judged, Unix milliseconds.
    #[getter]
    fn at(&self) -> i64 {
        self.0.at()
    }
    fn __repr__(&self) -> String {
        format!("<Recognised account={:?} dialect={:?}>", self.0.account(), self.0.dialect())
    }
}

#[pymethods]
impl Refused {
    /// The reason's code, for logs: it may say more than strangers may know.
    #[getter]
    fn reason(&self) -> &'static str {
        self.0.reason()
    }
    /// The reason's class, such as `identity` or `time`.
    #[getter]
    fn kind(&self) -> &'static str {
        self.0.class()
    }
    /// Whether no proof came at all.
    #[getter]
    fn is_absent(&self) -> bool {
        self.0.is_absent()
    }
    /// The code that strangers see.
    #[getter]
    fn outward(&self) -> &'static str {
        self.0.outward()
    }
    /// What happened, in one sentence; for logs.
    #[getter]
    fn text(&self) -> &'static str {
        self.0.text()
    }
    /// What the caller can do; for logs.
    #[getter]
    fn hint(&self) -> &'static str {
        self.0.hint()
    }
    /// The stage of judging, such as `signature`.
    #[getter]
    fn stage(&self) -> &'static str {
        self.0.stage()
    }
    /// The dialect that was judged, when it was one.
    #[getter]
    fn dialect(&self) -> Option<&str> {
        self.0.dialect()
    }
    /// The id that the answer carries and the log should.
    #[getter]
    fn reject(&self) -> &str {
        self.0.reject()
    }
    /// This machine's time when it was refused, Unix milliseconds.
    #[getter]
    fn at(&self) -> i64 {
        self.0.at()
    }
    /// Status of the answer.
    #[getter]
    fn status(&self) -> u16 {
        self.0.answer().status
    }
    /// Headers of the answer, names in lower case.
    #[getter]
    fn headers(&self) -> Vec<(String, String)> {
        self.0.answer().headers.clone()
    }
    /// Body of the answer, a problem document.
    #[getter]
    fn body<'py>(&self, py: Python<'py>) -> Bound<'py, PyBytes> {
        PyBytes::new(py, &self.0.answer().body)
    }
    fn __repr__(&self) -> String {
        format!("<Refused reason={:?} reject={:?}>", self.0.reason(), self.0.reject())
    }
}
