//! The trace of one request while it is answered.
use bytes::Bytes;
use countersign_guard::clock::{Entropy, draw};
use countersign_guard::watch::{Part, Watch};
use countersign_traces::context::{Context, SpanId, TraceId};
use countersign_traces::span::{Attribute, Kind, Parent, Span};
use http::{HeaderMap, HeaderName, HeaderValue};
use std::sync::{Arc, Mutex, MutexGuard, PoisonError};
use tokio::time::Instant;

/// Which trace a request belongs to.
pub(super) const PARENT: HeaderName = HeaderName::from_static("traceparent");
/// What the parties of a trace tell each other.
pub(super) const STATE: HeaderName = HeaderName::from_static("tracestate");

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
    entropy: Arc<dyn Entropy>,
    /// When it arrived, in nanoseconds since 1970, and by the clock that does not step.
    wall: u64,
    since: Instant,
    seen: Mutex<Seen>,
}

/// What was seen of a request until it was over. Times are nanoseconds since 1970.
#[derive(Default)]
pub(super) struct Seen {
    pub(super) start: u64,
    pub(super) end: u64,
    /// Parts of its judgement, each with its begin and end.
    pub(super) parts: Vec<(Part, u64, u64)>,
    /// Parts that are not among them, since there were too many.
    pub(super) more: u64,
    /// The call of the upstream.
    pub(super) out: Option<Out>,
    open: Option<(Part, u64)>,
}

/// The call of the upstream.
pub(super) struct Out {
    pub(super) id: SpanId,
    pub(super) start: u64,
    /// `http` or `https`.
    pub(super) scheme: &'static str,
}

impl Active {
    pub(super) fn new(
        own: Context,
        parent: Option<Context>,
        link: Option<Context>,
        state: Option<String>,
        told: Option<(Arc<dyn Entropy>, u64)>,
    ) -> Self {
        let recording = told.map(|(entropy, wall)| Recording {
            entropy,
            wall,
            since: Instant::now(),
            seen: Mutex::default(),
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
            && let Some(span) = recording.span()
        {
            context.span = span;
            recording.seen().out = Some(Out { id: span, start: recording.now(), scheme });
        }
        headers.remove(STATE);
        if let Ok(value) = HeaderValue::try_from(context.to_string()) {
            headers.insert(PARENT, value);
        }
        if let Some(state) = self.state.as_deref().and_then(|state| HeaderValue::try_from(state).ok()) {
            headers.insert(STATE, state);
        }
    }

    /// What was seen of a request that is over now; nothing where it is not told.
    pub(super) fn over(&self) -> Option<Seen> {
        let recording = self.recording.as_ref()?;
        let end = recording.now();
        let mut seen = std::mem::take(&mut *recording.seen());
        // A part that is still open was given up with its request.
        if let Some((part, start)) = seen.open.take() {
            seen.parts.push((part, start, end));
        }
        Some(Seen { start: recording.wall, end, ..seen })
    }

    /// The span of the request itself.
    pub(super) fn span(&self, name: Bytes, seen: &Seen) -> Span {
        let parent = self.parent.map(|parent| Parent { id: parent.span, remote: true });
        let span = self.bare(self.own.span, Kind::Server, name, seen.start, seen.end);
        Span { parent, link: self.link, ..span }
    }

    /// A span below that one; `None` without chance for an id.
    pub(super) fn below(&self, kind: Kind, name: Bytes, start: u64, end: u64) -> Option<Span> {
        let id = self.recording.as_ref()?.span()?;
        Some(self.bare(id, kind, name, start, end))
    }

    /// The span of the call of the upstream, which was told its id before.
    pub(super) fn call(&self, out: &Out, name: Bytes, end: u64) -> Span {
        self.bare(out.id, Kind::Client, name, out.start, end)
    }

    fn bare(&self, id: SpanId, kind: Kind, name: Bytes, start: u64, end: u64) -> Span {
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
    fn seen(&self) -> MutexGuard<'_, Seen> {
        self.seen.lock().unwrap_or_else(PoisonError::into_inner)
    }

    fn span(&self) -> Option<SpanId> {
        SpanId::new(draw(&*self.entropy))
    }

    /// Now, as nanoseconds since 1970, whatever the machine's clock did meanwhile.
    fn now(&self) -> u64 {
        self.wall.saturating_add(u64::try_from(self.since.elapsed().as_nanos()).unwrap_or(u64::MAX))
    }
}

impl Watch for Recording {
    fn began(&self, part: Part) {
        let now = self.now();
        let mut seen = self.seen();
        // What begins anew goes on.
        if seen.open.is_none_or(|(open, _)| open != part) {
            seen.open = Some((part, now));
        }
    }

    fn ended(&self) {
        let now = self.now();
        let mut seen = self.seen();
        let Some((part, start)) = seen.open.take() else { return };
        if seen.parts.len() < PARTS {
            seen.parts.push((part, start, now));
        } else {
            seen.more += 1;
        }
    }
}

impl std::fmt::Debug for Recording {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        f.debug_struct("Recording").field("wall", &self.wall).finish_non_exhaustive()
    }
}
