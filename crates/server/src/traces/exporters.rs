//! Every exporter that is at work, also those of configurations that are gone: the server's end waits for all of them.
use super::exporter::{Exporter, Queue, Way};
use crate::config::traces::TracesSection;
use crate::metrics::spans::Spans;
use crate::upstream::Post;
use countersign::base64::encode_hex;
use countersign_guard::clock::{Entropy, draw};
use countersign_store::fault::Fault;
use countersign_traces::export::Teller;
use countersign_traces::span::Attribute;
use http::{HeaderMap, Uri};
use std::sync::{Mutex, PoisonError};
use std::time::Duration;
use tokio::sync::watch;
use tokio::task::JoinSet;
use tokio::time::Instant;

/// The server's end waits for collectors this long at most.
pub(crate) const FLUSH: Duration = Duration::from_secs(5);

/// The exporters of one process.
pub(crate) struct Exporters {
    /// Tells processes of one service apart.
    instance: String,
    counts: Spans,
    end: watch::Sender<Option<Instant>>,
    tasks: Mutex<JoinSet<()>>,
}

impl Exporters {
    /// None is at work yet.
    pub(crate) fn new(entropy: &dyn Entropy, counts: Spans) -> Self {
        let instance = encode_hex(&draw::<16>(entropy));
        Self { instance, counts, end: watch::Sender::new(None), tasks: Mutex::default() }
    }

    /// Starts another one; it works until its queue is dropped and all that was put there is sent.
    ///
    /// # Errors
    /// [`Fault`] when the certificates cannot be read.
    pub(super) fn start(
        &self,
        endpoint: &Uri,
        section: &TracesSection,
        headers: HeaderMap,
    ) -> Result<Queue, Fault> {
        let way = Way {
            post: Post::new(endpoint, section.ca_file.as_deref())?,
            headers,
            teller: self.teller(section),
            patience: section.timeout,
        };
        let (queue, work) = Exporter::open(way, section.queue, self.counts.clone(), self.end.subscribe());
        let mut tasks = self.tasks.lock().unwrap_or_else(PoisonError::into_inner);
        // Those of configurations that are gone have ended meanwhile.
        while tasks.try_join_next().is_some() {}
        tasks.spawn(work);
        Ok(queue)
    }

    /// Sends what waits anywhere, but not longer than so; counts the rest. What comes from now on is counted only.
    pub(crate) async fn end(&self, patience: Duration) {
        self.end.send_replace(Some(Instant::now() + patience));
        let mut tasks = std::mem::take(&mut *self.tasks.lock().unwrap_or_else(PoisonError::into_inner));
        while tasks.join_next().await.is_some() {}
    }

    fn teller(&self, section: &TracesSection) -> Teller {
        let version = env!("CARGO_PKG_VERSION");
        let own = [
            ("service.name", section.service.clone()),
            ("service.version", version.to_owned()),
            ("service.instance.id", self.instance.clone()),
            ("telemetry.sdk.name", "countersign".to_owned()),
            ("telemetry.sdk.language", "rust".to_owned()),
            ("telemetry.sdk.version", version.to_owned()),
        ];
        let named = |(name, value): &(String, String)| Attribute::named(name.clone(), value.clone());
        let resource = own.into_iter().map(|(name, value)| Attribute::new(name, value));
        let resource = resource.chain(section.resource.iter().map(named)).collect();
        Teller { resource, name: "countersign", version }
    }
}

#[cfg(test)]
mod tests;
