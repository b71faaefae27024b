//! The request line of the log: what it has is what its page says, in both forms.
use crate::fixture::{HOST, World};
use crate::upstreams::pool;
use std::collections::BTreeSet;
use std::io::Write;
use std::sync::{Arc, Mutex};

/// Keeps what is written.
#[derive(Clone, Default)]
struct Kept(Arc<Mutex<Vec<u8>>>);

impl Write for Kept {
    fn write(&mut self, bytes: &[u8]) -> std::io::Result<usize> {
        self.0.lock().unwrap().extend_from_slice(bytes);
        Ok(bytes.len())
    }
    fn flush(&mut self) -> std::io::Result<()> {
        Ok(())
    }
}

impl Kept {
    fn lines(&self) -> Vec<String> {
        let text = String::from_utf8(self.0.lock().unwrap().clone()).unwrap();
        text.lines().filter(|line| line.contains("countersign::request")).map(str::to_owned).collect()
    }
}

/// The names in the first column of the page's table.
fn documented() -> BTreeSet<String> {
    let page = concat!(env!("CARGO_MANIFEST_DIR"), "/../../docs/request-log.md");
    let text = std::fs::read_to_string(page).unwrap();
    text.lines()
        .filter_map(|line| line.strip_prefix("| `")?.split_once('`'))
        .map(|(name, _)| name.to_owned())
        .collect()
}

/// One request of every kind that a line tells of.
async fn requests() {
    let world = World::with(&pool("addresses = [\"UPSTREAM\"]", "mode = \"shadow\"\n[[route]]\nname = \"hive\"\npath = \"/hive\"\ndialects = [\"skillhive\"]\nupstream = \"pool\"\n[traces]\nendpoint = \"http://127.0.0.1:1/v1/traces\"\nratio = \"0\"")).await;
    let hive = world.proof("skillhive", "POST", "/hive", b"{}");
    let posted = format!("POST /hive HTTP/1.1\r\nHost: {HOST}\r\n{hive}Content-Length: 2\r\n\r\n{{}}");
    assert_eq!(world.send(posted).await.status, 200);
    let proof = world.proof("skykit", "GET", "/x", b"");
    let broken = format!("{}AA\r\n", &proof[..proof.trim_end().len() - 2]);
    assert_eq!(world.send(format!("GET /x HTTP/1.1\r\nHost: {HOST}\r\n{broken}\r\n")).await.status, 200);
    assert_eq!(world.send(format!("GET /once HTTP/1.1\r\nHost: {HOST}\r\n\r\n")).await.status, 401);
    world.running.shutdown().await;
}

#[tokio::test]
async fn the_page_and_the_line_have_the_same_fields() {
    let wanted = documented();
    assert!(wanted.len() > 20, "{wanted:?}");
    let kept = Kept::default();
    let writer = kept.clone();
    let json = tracing_subscriber::fmt().json().flatten_event(true).with_current_span(false);
    {
        let _here = tracing::subscriber::set_default(json.with_writer(move || writer.clone()).finish());
        requests().await;
    }
    let lines: Vec<serde_json::Value> =
        kept.lines().iter().map(|line| serde_json::from_str(line).unwrap()).collect();
    let found: BTreeSet<String> =
        lines.iter().flat_map(|line| line.as_object().unwrap().keys().cloned()).collect();
    assert_eq!(found, wanted);
    let posted = lines.iter().find(|line| line["path"] == "/hive").unwrap();
    assert_eq!((posted["bytes_in"].as_u64(), posted["whole"].as_bool()), (Some(2), Some(true)));
    assert!(posted["bytes_out"].as_u64().unwrap() > 100 && posted["upstream"] == "pool", "{posted}");
    let shadowed = lines.iter().find(|line| line["path"] == "/x").unwrap();
    assert_eq!((shadowed["claimed"].as_str(), shadowed["account"].as_str()), (Some("alice"), None));
    let text = kept.lines().concat();
    assert!(!text.contains("Bearer") && !text.contains("eyJ"), "{text}");

    let kept = Kept::default();
    let writer = kept.clone();
    {
        let plain = tracing_subscriber::fmt().with_ansi(false).with_writer(move || writer.clone()).finish();
        let _here = tracing::subscriber::set_default(plain);
        requests().await;
    }
    let text = kept.lines().concat();
    for name in
        wanted.iter().filter(|name| !["timestamp", "level", "target", "message"].contains(&name.as_str()))
    {
        assert!(text.contains(&format!(" {name}=")), "{name}: {text}");
    }
}

#[tokio::test]
async fn join_codes_stand_in_no_line() {
    let kept = Kept::default();
    let writer = kept.clone();
    {
        let plain = tracing_subscriber::fmt().with_ansi(false).with_writer(move || writer.clone()).finish();
        let _here = tracing::subscriber::set_default(plain);
        let world = World::with(&crate::session::routes()).await;
        for path in ["/v1/subscription/invite/join-5ec2e7", "/v1/subscription/invite/join-5ec2e7?x=5ec2e7"] {
            let asked = format!("POST {path} HTTP/1.1\r\nHost: {HOST}\r\nContent-Length: 0\r\n\r\n");
            assert_eq!(world.send(asked).await.status, 401);
        }
        world.running.shutdown().await;
    }
    let text = kept.lines().concat();
    assert_eq!(text.matches("path=/v1/subscription/invite/(code)").count(), 2, "{text}");
    assert!(!text.contains("5ec2e7"), "{text}");
}
