//! The trace of one request while it is answered.
use super::{PARENT, STATE, Tracer, told};
use crate::call::{Call, Outcome};
use crate::telemetry::Told;
use bytes::Bytes;
use countersign_guard::watch::{Part, Watch};
use countersign_traces::context::{Context, SpanId, TraceId};
use countersign_traces::span::{Attribute, Kind, Parent, Span};
use http::{HeaderMap, HeaderValue};
use std::sync::{Arc, Mutex, PoisonError};
use tokio::time::Instant;

/// Parts of one judgement that are told at most: more keys than that are seldom tried.
const PARTS: usize = 32;

/// The trace of one request.
#[derive(Debug)]
pub(crate) struct Active {
    own: Context,
    parent: Option<Context>,
    /// What somebody says who is not believed.
    link: Option<Context>,
    state: Option<String>,
    recording: Option<Recording>,
}

/// What is kept of a request that is told.
struct Recording {
    tracer: Arc<Tracer>,
    /// When it arrived, in nanoseconds since 1970, and by the clock that does not step.
    wall: u64,
    since: Instant,
    parts: Mutex<Parts>,
}

#[derive(Default)]
struct Parts {
    /// Each with its begin and end in nanoseconds since 1970.
    over: Vec<(Part, u64, u64)>,
    open: Option<(Part, u64)>,
    /// The call of the upstream.
    out: Option<Out>,
}

/// The call of the upstream.
struct Out {
    id: SpanId,
    start: u64,
    /// `http` or `https`.
    scheme: &'static str,
}

impl Active {
    pub(super) fn new(
        own: Context,
        parent: Option<Context>,
        link: Option<Context>,
        state: Option<String>,
        told: Option<(Arc<Tracer>, u64)>,
    ) -> Self {
        let recording = told.map(|(tracer, wall)| Recording {
            tracer,
            wall,
            since: Instant::now(),
            parts: Mutex::default(),
        });
        Self { own, parent, link, state, recording }
    }

    /// The trace's id, for the log.
    pub(crate) fn id(&self) -> TraceId {
        self.own.trace
    }

    /// Whoever watches the parts of its judgement; nobody where it is not told.
    pub(crate) fn watch(&self) -> Option<&dyn Watch> {
        self.recording.as_ref().map(|recording| {
            let watch: &dyn Watch = recording;
            watch
        })
    }

    /// Tells the upstream which trace it is called in, in place of what the caller says.
    pub(crate) fn go_out(&self, headers: &mut HeaderMap, scheme: &'static str) {
        let mut context = self.own;
        if let Some(recording) = &self.recording
            && let Some(span) = recording.tracer.span()
        {
            context.span = span;
            recording.parts().out = Some(Out { id: span, start: recording.now(), scheme });
        }
        headers.remove(STATE);
        if let Ok(value) = HeaderValue::try_from(context.to_string()) {
            headers.insert(PARENT, value);
        }
        if let Some(state) = self.state.as_deref().and_then(|state| HeaderValue::try_from(state).ok()) {
            headers.insert(STATE, state);
        }
    }

    /// Hands the spans of a request that is over to whoever sends them.
    pub(crate) fn finish(&self, call: &Call, outcome: &Outcome, told: &Told, route: Option<&str>) {
        let Some(recording) = &self.recording else { return };
        let end = recording.now();
        let Parts { over, open, out } = std::mem::take(&mut *recording.parts());
        let query = recording.tracer.section.query;
        let mut spans = Vec::with_capacity(over.len() + 2);
        // A part that is still open was given up with its request.
        let open = open.map(|(part, start)| (part, start, end));
        for (part, start, end) in over.into_iter().chain(open) {
            let Some(id) = recording.tracer.span() else { continue };
            spans.push(self.below(id, Kind::Internal, name(part), start, end));
        }
        if let Some(Out { id, start, scheme }) = out {
            let span = self.below(id, Kind::Client, told::method(&told.method).into(), start, end);
            spans.push(told::upstream(span, scheme, outcome, told, query));
        }
        let parent = self.parent.map(|parent| Parent { id: parent.span, remote: true });
        let server = Span {
            parent,
            link: self.link,
            id: self.own.span,
            ..self.below(
                self.own.span,
                Kind::Server,
                told::name(&told.method, route).into(),
                recording.wall,
                end,
            )
        };
        spans.push(told::server(server, call, outcome, told, route, query));
        recording.tracer.queue.put(spans);
    }

    fn below(&self, id: SpanId, kind: Kind, name: Bytes, start: u64, end: u64) -> Span {
        Span {
            trace: self.own.trace,
            id,
            parent: Some(Parent { id: self.own.span, remote: false }),
            flags: self.own.flags(),
            state: self.state.clone(),
            name,
            kind,
            start,
            end,
            attributes: Vec::<Attribute>::new(),
            link: None,
            failed: false,
        }
    }
}

impl Recording {
    fn parts(&self) -> std::sync::MutexGuard<'_, Parts> {
        self.parts.lock().unwrap_or_else(PoisonError::into_inner)
    }

    /// Now, as nanoseconds since 1970, whatever the machine's clock did meanwhile.
    fn now(&self) -> u64 {
        self.wall.saturating_add(u64::try_from(self.since.elapsed().as_nanos()).unwrap_or(u64::MAX))
    }
}

impl Watch for Recording {
    fn began(&self, part: Part) {
        self.parts().open = Some((part, self.now()));
    }

    fn ended(&self) {
        let now = self.now();
        let mut parts = self.parts();
        if let Some((part, start)) = parts.open.take()
            && parts.over.len() < PARTS
        {
            parts.over.push((part, start, now));
        }
    }
}

impl std::fmt::Debug for Recording {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        f.debug_struct("Recording").field("wall", &self.wall).finish_non_exhaustive()
    }
}

fn name(part: Part) -> Bytes {
    Bytes::from_static(match part {
        Part::Keys => b"countersign.keys",
        Part::Signature => b"countersign.signature",
        Part::Claim => b"countersign.claim",
    })
}
