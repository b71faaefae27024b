//! Functions of the program's: who has which keys, and whether a use is the first.
use countersign_embedded::held_key::HeldKey;
use countersign_embedded::holders::{Asked, Holder, Holders};
use countersign_embedded::memory::SharedMemory;
use countersign_embedded::{Answer, Fault};
use pyo3::exceptions::PyTypeError;
use pyo3::prelude::*;
use pyo3::types::{PyBool, PyBytes, PyString};
use std::future::ready;

/// `find(asked)`: an account, or None.
pub(crate) struct Find(pub(crate) Py<PyAny>);

/// `claim(digest, expires)`: whether it was the first to.
pub(crate) struct Claim(pub(crate) Py<PyAny>);

/// An account as the package has it; anything with these attributes is one.
#[derive(FromPyObject)]
struct Account<'py> {
    name: String,
    id: String,
    enabled: bool,
    organisation: Option<String>,
    keys: Vec<Bound<'py, PyAny>>,
    acts_as: Vec<String>,
    companions: Vec<String>,
    paths: Vec<String>,
}

/// A key as the package has it.
#[derive(FromPyObject)]
struct Key {
    public: String,
    label: String,
    algorithms: Vec<String>,
    expires: Option<i64>,
}

impl Holders for Find {
    fn find<'a>(&'a self, asked: Asked<'a>) -> Answer<'a, Result<Option<Holder>, Fault>> {
        let found = Python::attach(|py| self.ask(py, asked));
        Box::pin(ready(
            found.map_err(|error| Fault::caused("the function that finds accounts failed", error)),
        ))
    }

    fn unusable(&self, account: &str, problem: &str) {
        Python::attach(|py| {
            let told = (|| {
                let log = py.import("logging")?.call_method1("getLogger", ("countersign",))?;
                log.call_method1("error", ("no key of account %s can be used: %s", account, problem))
            })();
            // What a program makes of its log changes no answer.
            if let Err(error) = told {
                error.write_unraisable(py, None);
            }
        });
    }
}

impl Find {
    fn ask(&self, py: Python<'_>, asked: Asked<'_>) -> PyResult<Option<Holder>> {
        let found = self.0.bind(py).call1((asked.dialect, asked.namespace, asked.identifier, asked.kid))?;
        if found.is_none() {
            return Ok(None);
        }
        let account: Account<'_> = found.extract()?;
        Ok(Some(Holder {
            account: account.name,
            id: account.id,
            disabled: !account.enabled,
            organisation: account.organisation,
            keys: account.keys.iter().map(key).collect::<PyResult<_>>()?,
            acts_as: account.acts_as,
            companions: account.companions,
            paths: account.paths,
        }))
    }
}

/// A key, or only its text.
fn key(given: &Bound<'_, PyAny>) -> PyResult<HeldKey> {
    if let Ok(text) = given.cast::<PyString>() {
        return Ok(HeldKey { public: text.to_str()?.to_owned(), ..HeldKey::default() });
    }
    let Key { public, label, algorithms, expires } = given.extract()?;
    Ok(HeldKey { public, label, algorithms, expires })
}

impl SharedMemory for Claim {
    fn claim<'a>(&'a self, digest: &'a [u8; 32], expires: i64) -> Answer<'a, Result<bool, Fault>> {
        let claimed = Python::attach(|py| {
            let answer = self.0.bind(py).call1((PyBytes::new(py, digest), expires))?;
            // Neither None nor an unawaited coroutine may pass for an answer: one would be a refusal, the other let everybody in.
            let answer = answer.cast_exact::<PyBool>().map_err(|_| {
                let found = answer.get_type();
                PyTypeError::new_err(format!("wanted True or False from the replay memory, found {found}"))
            })?;
            Ok(answer.is_true())
        });
        let failed = |error: PyErr| Fault::caused("the replay memory failed", error);
        Box::pin(ready(claimed.map_err(failed)))
    }
}
