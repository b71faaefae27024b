//! Every span that is put somewhere reaches a collector or is counted, whatever the collector does and whenever the server ends.
use super::*;
use crate::config::traces::Trust;
use crate::metrics::{Levels, Metrics};
use crate::traces::Tracer;
use axum::Router;
use axum::body::Body;
use axum::extract::Request;
use axum::response::IntoResponse;
use axum::routing::post;
use countersign_guard::clock::SystemEntropy;
use countersign_traces::context::{SpanId, TraceId};
use countersign_traces::span::{Kind, Span};
use http::StatusCode;
use std::path::PathBuf;
use std::sync::Arc;
use std::sync::atomic::{AtomicUsize, Ordering};
use tokio::net::TcpListener;

const NAME: &[u8] = b"one of the spans";

/// How a collector behaves.
#[derive(Clone, Copy, Debug, PartialEq)]
enum Mood {
    Good,
    Slow,
    Bad,
    Hangs,
    Gone,
}

/// Spans that a collector took, and messages that it was sent.
#[derive(Clone, Default)]
struct Took {
    spans: Arc<AtomicUsize>,
    messages: Arc<AtomicUsize>,
}

impl Took {
    fn spans(&self) -> usize {
        self.spans.load(Ordering::SeqCst)
    }
}

async fn collector(mood: Mood) -> (Uri, Took) {
    let took = Took::default();
    let listener = TcpListener::bind("127.0.0.1:0").await.unwrap();
    let address = format!("http://{}/v1/traces", listener.local_addr().unwrap()).parse().unwrap();
    let counted = took.clone();
    let answer = async move |request: Request| {
        counted.messages.fetch_add(1, Ordering::SeqCst);
        match mood {
            Mood::Hangs => std::future::pending().await,
            Mood::Slow => tokio::time::sleep(Duration::from_millis(20)).await,
            Mood::Bad => return StatusCode::BAD_REQUEST.into_response(),
            Mood::Good | Mood::Gone => {}
        }
        let body = axum::body::to_bytes(request.into_body(), 1 << 24).await.unwrap();
        let spans = body.windows(NAME.len()).filter(|part| *part == NAME).count();
        counted.spans.fetch_add(spans, Ordering::SeqCst);
        Body::empty().into_response()
    };
    if mood != Mood::Gone {
        let router = Router::new().route("/v1/traces", post(answer));
        tokio::spawn(async move { axum::serve(listener, router).await });
    }
    (address, took)
}

fn section(endpoint: Uri) -> TracesSection {
    TracesSection {
        endpoint: Some(endpoint),
        headers_file: None,
        ca_file: None,
        trust: Trust::All,
        ratio: 1.0,
        per_second: 2,
        queue: 16,
        timeout: Duration::from_secs(10),
        service: "countersign".to_owned(),
        resource: Vec::new(),
        query: false,
    }
}

fn spans(count: usize) -> Vec<Span> {
    let span = Span {
        trace: TraceId::new([1; 16]).unwrap(),
        id: SpanId::new([2; 8]).unwrap(),
        parent: None,
        flags: 1,
        state: None,
        name: NAME.into(),
        kind: Kind::Internal,
        start: 1,
        end: 2,
        attributes: Vec::new(),
        link: None,
        failed: false,
    };
    vec![span; count]
}

/// What is counted.
struct Counted(Metrics);

impl Counted {
    fn new() -> (Self, Exporters) {
        let metrics = Metrics::default();
        let exporters = Exporters::new(&SystemEntropy, metrics.spans.clone());
        (Self(metrics), exporters)
    }

    fn of(&self, name: &str) -> usize {
        let text = self.0.text(Levels::default());
        let line = text.lines().find_map(|line| line.strip_prefix(&format!("countersign_{name} ")));
        line.unwrap().parse().unwrap()
    }

    fn exported(&self) -> usize {
        self.of("trace_spans_exported_total")
    }

    fn dropped(&self, why: &str) -> usize {
        self.of(&format!("trace_spans_dropped_total{{why=\"{why}\"}}"))
    }

    fn all_dropped(&self) -> usize {
        ["queue", "parts", "failed", "rejected", "stopped"].iter().map(|why| self.dropped(why)).sum()
    }
}

fn start(exporters: &Exporters, section: &TracesSection) -> Queue {
    exporters.start(section.endpoint.as_ref().unwrap(), section, HeaderMap::new()).unwrap()
}

#[tokio::test]
async fn no_span_is_lost_without_a_count() {
    for mood in [Mood::Good, Mood::Slow, Mood::Bad, Mood::Hangs, Mood::Gone] {
        let (endpoint, took) = collector(mood).await;
        let (counted, exporters) = Counted::new();
        let queue = start(&exporters, &section(endpoint));
        let mut put = 0;
        for round in 0..1000 {
            queue.put(spans(1 + round % 4));
            put += 1 + round % 4;
            if round % 8 == 0 {
                tokio::task::yield_now().await;
            }
        }
        exporters.end(Duration::from_secs(2)).await;
        queue.put(spans(3));
        assert_eq!(counted.exported() + counted.all_dropped(), put + 3, "{mood:?}");
        assert_eq!(counted.exported(), took.spans(), "{mood:?}");
        assert_eq!(counted.exported() > 0, [Mood::Good, Mood::Slow].contains(&mood), "{mood:?}");
        assert!(counted.dropped("stopped") >= 3, "{mood:?}");
    }
}

#[tokio::test]
async fn the_end_waits_for_what_every_configuration_has_left() {
    let ((old, took_old), (new, took_new)) = (collector(Mood::Slow).await, collector(Mood::Slow).await);
    let (counted, exporters) = Counted::new();
    let before = start(&exporters, &section(old));
    before.put(spans(3));
    let after = start(&exporters, &section(new));
    after.put(spans(2));
    // A request that began under the older one is over only now.
    before.put(spans(5));
    drop(before);
    exporters.end(FLUSH).await;
    assert_eq!((took_old.spans(), took_new.spans()), (8, 2));
    assert_eq!((counted.exported(), counted.all_dropped()), (10, 0));
    drop(after);
}

#[tokio::test]
async fn what_the_end_leaves_is_counted() {
    let (endpoint, took) = collector(Mood::Hangs).await;
    let (counted, exporters) = Counted::new();
    let queue = start(&exporters, &section(endpoint));
    // More than one message: the first one is on its way when the end comes.
    for _ in 0..4 {
        queue.put(spans(300));
    }
    while took.messages.load(Ordering::SeqCst) == 0 {
        tokio::time::sleep(Duration::from_millis(10)).await;
    }
    queue.put(spans(7));
    exporters.end(Duration::from_millis(200)).await;
    assert_eq!((counted.dropped("stopped"), counted.all_dropped(), counted.exported()), (1207, 1207, 0));
}

#[tokio::test]
async fn a_configuration_that_is_gone_still_sends_what_it_had() {
    let (endpoint, took) = collector(Mood::Good).await;
    let (counted, exporters) = Counted::new();
    let queue = start(&exporters, &section(endpoint.clone()));
    queue.put(spans(4));
    drop(queue);
    while counted.exported() < 4 {
        tokio::time::sleep(Duration::from_millis(10)).await;
    }
    assert_eq!(took.spans(), 4);
    // It has ended: the next one is alone.
    tokio::task::yield_now().await;
    let _queue = start(&exporters, &section(endpoint));
    assert_eq!(exporters.tasks.lock().unwrap().len(), 1);
}

/// Begins with a configuration after `before`.
fn tracer(exporters: &Exporters, section: &TracesSection, before: Option<&Arc<Tracer>>) -> Arc<Tracer> {
    let entropy: Arc<dyn Entropy> = Arc::new(SystemEntropy);
    Tracer::start(section, &entropy, exporters, before).unwrap().unwrap()
}

fn traced(tracer: &Tracer) -> usize {
    (0..100).filter(|_| tracer.begin(&HeaderMap::new(), false, 1).unwrap().watch().is_some()).count()
}

#[tokio::test(start_paused = true)]
async fn a_reload_that_changes_nothing_of_it_keeps_the_tracer_and_what_a_second_has_had() {
    let folder = tempfile::tempdir().unwrap();
    let file = |name: &str, text: &str| -> Option<PathBuf> {
        let path = folder.path().join(name);
        std::fs::write(&path, text).unwrap();
        Some(path)
    };
    let authority = |name: &str| rcgen::generate_simple_self_signed([name.to_owned()]).unwrap().cert.pem();
    let (_, exporters) = Counted::new();
    let section = TracesSection {
        headers_file: file("headers", "authorization: one"),
        ca_file: file("authorities", &authority("one")),
        ..section("https://127.0.0.1:1/v1/traces".parse().unwrap())
    };
    let first = tracer(&exporters, &section, None);
    assert_eq!(traced(&first), 2);
    let same = tracer(&exporters, &section, Some(&first));
    assert!(Arc::ptr_eq(&first, &same));
    assert_eq!(traced(&same), 0);
    // What changes is another one, and yet the second is the same.
    let _ = file("headers", "authorization: another");
    let second = tracer(&exporters, &section, Some(&first));
    assert!(!Arc::ptr_eq(&first, &second));
    assert_eq!(traced(&second), 0);
    let _ = file("authorities", &authority("another"));
    let third = tracer(&exporters, &section, Some(&second));
    assert!(!Arc::ptr_eq(&second, &third));
    // Another bound begins anew.
    let wider = TracesSection { per_second: 5, ..section };
    assert_eq!(traced(&tracer(&exporters, &wider, Some(&third))), 5);
    let off = TracesSection { endpoint: None, ..wider };
    let entropy: Arc<dyn Entropy> = Arc::new(SystemEntropy);
    assert!(Tracer::start(&off, &entropy, &exporters, Some(&third)).unwrap().is_none());
}
