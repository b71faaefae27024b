//! What can go wrong, as exceptions: what is opened wrong, what cannot be signed, and what cannot be decided.
use countersign_embedded::Fault as EmbeddedFault;
use pyo3::create_exception;
use pyo3::exceptions::{PyException, PyRuntimeError, PyValueError};
use pyo3::prelude::*;
use std::error::Error;

create_exception!(
    countersign,
    Unusable,
    PyValueError,
    "A signer or verifier cannot be opened; the text says what to change."
);
create_exception!(
    countersign,
    NotSigned,
    PyValueError,
    "A request cannot be signed; the text says what is missing."
);
create_exception!(
    countersign,
    ClockTooFar,
    PyRuntimeError,
    "This machine's clock is more than a day off the server's; set it."
);
create_exception!(
    countersign,
    Fault,
    PyRuntimeError,
    "A request cannot be decided, and nobody is let in: our side failed. Its cause is what a function of yours raised, where one did."
);

/// A fault as an exception. What ends a program (`KeyboardInterrupt`, `SystemExit`) goes on as it is.
pub(crate) fn raised(py: Python<'_>, fault: &EmbeddedFault) -> PyErr {
    let cause = fault.source().and_then(|cause| cause.downcast_ref::<PyErr>());
    let Some(cause) = cause.map(|cause| cause.clone_ref(py)) else {
        return Fault::new_err(fault.to_string());
    };
    if !cause.is_instance_of::<PyException>(py) {
        return cause;
    }
    let error = Fault::new_err(fault.to_string());
    error.set_cause(py, Some(cause));
    error
}
