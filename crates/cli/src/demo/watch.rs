//! Listens to the server's own request log, so that the demo can say why a request was refused.
use crate::exit::Failure;
use std::collections::HashMap;
use std::fmt::Debug;
use std::sync::{Arc, Mutex, PoisonError};
use tracing::field::{Field, Visit};
use tracing::{Event, Subscriber};
use tracing_subscriber::layer::{Context, Layer, SubscriberExt};
use tracing_subscriber::util::SubscriberInitExt;

/// Reasons by reject id, as the request log tells them.
#[derive(Clone, Debug, Default)]
pub(crate) struct Watch(Arc<Mutex<HashMap<String, String>>>);

/// Refusals remembered; the demo asks for each at once, and later ones are nobody's question.
const MOST: usize = 10_000;

impl Watch {
    /// The reason behind a reject id.
    pub(crate) fn reason(&self, reject: &str) -> Option<String> {
        self.0.lock().unwrap_or_else(PoisonError::into_inner).get(reject).cloned()
    }
}

/// Takes the place of the program's log.
pub(crate) fn install() -> Result<Watch, Failure> {
    let watch = Watch::default();
    tracing_subscriber::registry()
        .with(watch.clone().with_filter(tracing_subscriber::filter::LevelFilter::INFO))
        .try_init()
        .map_err(|error| Failure::ours(format!("the log cannot be listened to: {error}")))?;
    Ok(watch)
}

#[derive(Default)]
struct Line {
    reject: Option<String>,
    reason: Option<String>,
}

impl Visit for Line {
    fn record_str(&mut self, field: &Field, value: &str) {
        match field.name() {
            "reject" => self.reject = Some(value.to_owned()),
            "reason" => self.reason = Some(value.to_owned()),
            _ => {}
        }
    }
    fn record_debug(&mut self, _: &Field, _: &dyn Debug) {}
}

impl<S: Subscriber> Layer<S> for Watch {
    fn on_event(&self, event: &Event<'_>, _: Context<'_, S>) {
        if event.metadata().target() != "countersign::request" {
            return;
        }
        let mut line = Line::default();
        event.record(&mut line);
        if let (Some(reject), Some(reason)) = (line.reject, line.reason) {
            let mut known = self.0.lock().unwrap_or_else(PoisonError::into_inner);
            if known.len() < MOST {
                known.insert(reject, reason);
            }
        }
    }
}
