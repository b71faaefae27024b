//! Every shipped vector, every mutation of the passing ones, and sign-then-verify.
use super::*;

fn shipped(name: &str) -> VectorFile {
    let path = format!("{}/../dialects/{name}/vectors/seed.json", env!("CARGO_MANIFEST_DIR"));
    VectorFile::read(&std::fs::read_to_string(path).unwrap()).unwrap()
}

const FILES: [&str; 9] = [
    "skykit",
    "skillhive",
    "asymmetric-jwt",
    "partner-key",
    "http-signature",
    "web-bot-auth",
    "visa-tap",
    "adcp",
    "fapi-2",
];

#[tokio::test]
async fn every_vector_is_judged_as_known() {
    for name in FILES {
        let file = shipped(name);
        let reports = file.run().await.unwrap();
        let failed: Vec<_> = reports.iter().filter(|report| report.failed.is_some()).collect();
        assert!(failed.is_empty(), "{name}: {failed:#?}");
        println!("{name}: {} passed", reports.len());
    }
}

/// A header that carries signed bytes, with every bit flipped once.
async fn mutate(name: &str, header: &str) -> (usize, usize) {
    let file = shipped(name);
    let (mut refused, mut same) = (0, 0);
    for case in file.cases.iter().filter(|case| case.steps.iter().all(|step| step.expect.result == "accept"))
    {
        let Some(step) = case.steps.first() else { continue };
        let Some(at) = step.request.headers.iter().position(|(name, _)| name.eq_ignore_ascii_case(header))
        else {
            continue;
        };
        let bench = file.bench(case).unwrap();
        bench.clock.set(Time::from_seconds(step.now));
        let original = step.request.headers[at].1.clone();
        // The scheme word is not signed and may be spelt in any case.
        let start = original.rfind(' ').map_or(0, |space| space + 1);
        // Of each byte the bits in turn: every place is hit, and every bit over a few places.
        for place in start..original.len() {
            let mut bytes = original.clone().into_bytes();
            bytes[place] ^= 1 << (place % 7);
            let Ok(text) = String::from_utf8(bytes) else { continue };
            if text.trim_matches([' ', '\t']) == original {
                same += 1;
                continue;
            }
            let mut request = step.request.clone();
            request.headers[at].1 = text.clone();
            let found = bench.judge(&request).await.unwrap();
            assert!(!found.accepted(), "{name} {}: accepted with byte {place} changed: {text}", case.id);
            refused += 1;
        }
    }
    (refused, same)
}

#[tokio::test]
async fn every_mutation_of_a_passing_vector_is_refused() {
    for (name, header) in [
        ("skykit", "authorization"),
        ("asymmetric-jwt", "authorization"),
        ("partner-key", "authorization"),
        ("skillhive", "api-signature"),
        ("skillhive", "api-user"),
        ("skillhive", "api-id"),
        ("http-signature", "signature-input"),
        ("http-signature", "signature"),
        ("http-signature", "content-digest"),
        ("web-bot-auth", "signature-input"),
        ("web-bot-auth", "signature"),
        ("web-bot-auth", "signature-agent"),
        ("visa-tap", "signature-input"),
        ("adcp", "signature-input"),
        ("adcp", "content-digest"),
        ("fapi-2", "signature-input"),
        ("fapi-2", "authorization"),
    ] {
        let (refused, same) = mutate(name, header).await;
        assert!(refused > 0);
        println!("{name} {header}: {refused} mutations refused, {same} spelt the same bytes");
    }
}

#[tokio::test]
async fn a_changed_url_or_body_is_refused_where_it_is_signed() {
    let file = shipped("skillhive");
    let mut refused = 0;
    for case in &file.cases {
        let Some(step) = case.steps.first().filter(|step| step.expect.result == "accept") else { continue };
        let bench = file.bench(case).unwrap();
        let mut changed =
            vec![CapturedRequest { url: step.request.url.clone() + "x", ..step.request.clone() }];
        if let Some(body) = &step.request.body {
            changed.push(CapturedRequest { body: Some(body.clone() + " "), ..step.request.clone() });
            changed.push(CapturedRequest { body: Some(String::new()), ..step.request.clone() });
        } else if step.request.body_b64.is_none() {
            changed.push(CapturedRequest { body: Some("x".into()), ..step.request.clone() });
        }
        for request in changed {
            if request.body == step.request.body && request.url == step.request.url {
                continue;
            }
            if request.body.as_deref() == Some("") && step.request.body.as_deref() == Some("") {
                continue;
            }
            assert!(!bench.judge(&request).await.unwrap().accepted(), "{}", case.id);
            refused += 1;
        }
    }
    assert!(refused > 50, "{refused}");
}

/// Every file in the plain format, below every dialect's folder.
fn plain() -> Vec<(String, VectorFile)> {
    let folders = std::fs::read_dir(format!("{}/../dialects", env!("CARGO_MANIFEST_DIR"))).unwrap();
    let mut files = Vec::new();
    for folder in folders {
        for path in std::fs::read_dir(folder.unwrap().path().join("vectors")).into_iter().flatten() {
            let path = path.unwrap().path();
            let text = std::fs::read_to_string(&path).unwrap();
            if text.contains(PLAIN) {
                files.push((path.display().to_string(), VectorFile::read(&text).unwrap()));
            }
        }
    }
    assert!(!files.is_empty());
    files
}

#[tokio::test]
async fn every_plain_vector_is_judged_as_known_and_has_both_answers() {
    for (path, file) in plain() {
        let reports = file.run().await.unwrap();
        let failed: Vec<_> = reports.iter().filter(|report| report.failed.is_some()).collect();
        assert!(failed.is_empty(), "{path}: {failed:#?}");
        for wanted in ["accept", "reject"] {
            let has = |case: &Case| case.steps.iter().any(|step| step.expect.result == wanted);
            assert!(file.cases.iter().any(has), "{path}: no case to {wanted}");
        }
    }
}

/// Headers that must be there and that the vendor's scheme does not sign: nobody is known by them.
const UNSIGNED: &[&str] = &["orderly-account-id"];

#[tokio::test]
async fn every_changed_byte_of_a_plain_vectors_token_is_refused() {
    for (path, file) in plain() {
        let accepted = |case: &&Case| case.steps.iter().all(|step| step.expect.result == "accept");
        let Some(case) = file.cases.iter().find(accepted) else { continue };
        let step = &case.steps[0];
        let bench = file.bench(case).unwrap();
        bench.clock.set(Time::from_seconds(step.now));
        let carriers: Vec<_> =
            bench.dialect().unwrap().carriers().into_iter().map(ToString::to_string).collect();
        let (mut refused, mut listed) = (0, false);
        for (at, (name, value)) in step.request.headers.iter().enumerate() {
            // Lists of parameters have unsigned ones among them; the tests of texts change their bytes.
            if !carriers.contains(name) || value.contains("=\"") || UNSIGNED.contains(&name.as_str()) {
                listed |= carriers.contains(name);
                continue;
            }
            // The scheme word is not signed and may be spelt in any case.
            for place in value.rfind(' ').map_or(0, |space| space + 1)..value.len() {
                let mut bytes = value.clone().into_bytes();
                bytes[place] ^= 1 << (place % 5);
                let Ok(text) = String::from_utf8(bytes) else { continue };
                let mut request = step.request.clone();
                request.headers[at].1 = text;
                assert!(!bench.judge(&request).await.unwrap().accepted(), "{path}: byte {place}");
                refused += 1;
            }
        }
        assert!(refused > 0 || listed || carriers.is_empty(), "{path}");
    }
}
