//! The suites that every store passes: `registry`, `once`, `sessions`, `accord`, each over a store that the caller opens.
pub mod accord;
mod marks;
pub mod once;
pub mod registry;
pub mod sessions;
mod uses;

/// What a store gave, or the end of the test.
#[track_caller]
pub(crate) fn must<T, E: std::fmt::Debug>(outcome: Result<T, E>) -> T {
    match outcome {
        Ok(value) => value,
        Err(error) => panic!("wanted an answer of the store, found {error:?}"),
    }
}

/// The same for what must be there.
#[track_caller]
pub(crate) fn there<T>(found: Option<T>, what: &str) -> T {
    match found {
        Some(value) => value,
        None => panic!("wanted {what}, found nothing"),
    }
}
