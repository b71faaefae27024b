//! The one way to wait for a disk: on a thread that may wait, never on the reactor.
use countersign_store::fault::Fault;

/// Runs work that waits for a disk on a thread that may wait.
///
/// # Errors
/// The work's own, or that its thread was lost.
pub(crate) async fn off_reactor<T: Send + 'static>(
    work: impl FnOnce() -> Result<T, Fault> + Send + 'static,
) -> Result<T, Fault> {
    match tokio::task::spawn_blocking(work).await {
        Ok(done) => done,
        Err(lost) => Err(Fault::caused("a thread that worked on the disk was lost", lost)),
    }
}
