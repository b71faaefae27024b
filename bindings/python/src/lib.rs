//! The native half of the Python package `countersign`: signing and judging over the Rust core, with the interpreter's lock released.
use pyo3::prelude::*;

mod asking;
mod errors;
mod judgement;
mod signing;
mod verifying;

/// Signs and judges requests; use the package `countersign`, which stands on this.
#[pymodule]
mod _countersign {
    #[pymodule_export]
    use crate::errors::{ClockTooFar, Fault, NotSigned, Unusable};
    #[pymodule_export]
    use crate::judgement::{Recognised, Refused};
    #[pymodule_export]
    use crate::signing::Signing;
    #[pymodule_export]
    use crate::verifying::Verifying;

    use super::{Bound, PyModule, PyModuleMethods, PyResult};

    #[pymodule_init]
    fn init(module: &Bound<'_, PyModule>) -> PyResult<()> {
        module.add("__version__", env!("CARGO_PKG_VERSION"))
    }
}
