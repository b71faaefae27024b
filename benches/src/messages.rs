//! Judging an HTTP message signature beside the bare signature check of the crypto library on the same base.
use crate::judging::{Case, NOW, cases, judged, raw_key, world};
use crate::measure::{Table, turns};
use aws_lc_rs::signature::ParsedPublicKey;
use countersign::base64::{Alphabet, decode};
use countersign::incoming::{Body, Incoming, Limits, Target};
use countersign::read::Scratch;
use countersign::time::Time;
use countersign::write::Signer;
use countersign_guard::guard::Verdict;
use http::HeaderMap;
use std::hint::black_box;

/// Measures it for Ed25519, whose check is the shortest beside what there is to do around it.
pub(crate) fn run(table: &mut Table) -> Result<(), String> {
    let case = cases()?.into_iter().find(|case| case.name == "Ed25519").ok_or("no case")?;
    reusable(&case, table)?;
    single_use(&case, table)
}

/// One that can be sent again: read, base, look-up, signature, rules.
fn reusable(case: &Case, table: &mut Table) -> Result<(), String> {
    let (guard, policy) = world("web-bot-auth", &[("also_covers", "@method,@path,@query")], case)?;
    let headers = signed(case, &policy.dialects, 0)?;
    let (base, signature) = checked(&policy.dialects, &headers)?;
    let raw = ParsedPublicKey::new(case.raw, raw_key(case)).map_err(|error| error.to_string())?;
    raw.verify_sig(&base, &signature).map_err(|_| "the bare check refuses the signature".to_owned())?;
    if !matches!(judged(&guard, &policy, &headers)?, Verdict::Verified(_)) {
        return Err("a message signature is refused".to_owned());
    }
    let mut bare = || {
        let _ = black_box(raw.verify_sig(black_box(&base), black_box(&signature)));
    };
    let mut whole = || {
        let _ = black_box(judged(&guard, &policy, black_box(&headers)));
    };
    let times = turns(20, &mut [&mut bare, &mut whole]);
    tell(table, "judging a reusable Ed25519 message signature, key known", &times)
}

/// One that works once: the same and the claim in memory.
fn single_use(case: &Case, table: &mut Table) -> Result<(), String> {
    let (guard, policy) = world("http-signature", &[], case)?;
    // More than all blocks use up.
    let requests: Vec<HeaderMap> =
        (0..6300).map(|number| signed(case, &policy.dialects, number)).collect::<Result<_, String>>()?;
    let first = requests.first().ok_or("no request")?;
    let (base, signature) = checked(&policy.dialects, first)?;
    let raw = ParsedPublicKey::new(case.raw, raw_key(case)).map_err(|error| error.to_string())?;
    let mut left = requests.iter();
    let mut refused = 0_usize;
    let mut bare = || {
        let _ = black_box(raw.verify_sig(black_box(&base), black_box(&signature)));
    };
    let mut whole = || {
        let verdict = left.next().map(|headers| judged(&guard, &policy, headers));
        refused += usize::from(!matches!(black_box(verdict), Some(Ok(Verdict::Verified(_)))));
    };
    let times = turns(20, &mut [&mut bare, &mut whole]);
    if refused > 0 {
        return Err(format!("{refused} message signatures were refused"));
    }
    tell(table, "judging a single-use Ed25519 message signature, claim in memory", &times)
}

fn tell(table: &mut Table, name: &str, times: &[f64]) -> Result<(), String> {
    let [bare, whole] = times else { return Err("two times were wanted".to_owned()) };
    let figure = format!("{:.3} x raw ({bare:.0} ns, + {:.0} ns)", whole / bare, whole - bare);
    table.add(name.to_owned(), figure, "at most 1.10");
    Ok(())
}

type Dialects = [std::sync::Arc<countersign::dialect::Dialect>];

/// The request that `judged` sends, signed; the number becomes the nonce.
fn signed(case: &Case, dialects: &Dialects, number: u128) -> Result<HeaderMap, String> {
    let dialect = dialects.first().ok_or("no dialect")?;
    let mut headers = HeaderMap::new();
    let made = {
        let incoming = request(&headers);
        let signer = Signer {
            key: case.key(),
            identifier: "",
            acting_as: None,
            companion: None,
            algorithm: None,
            challenge: None,
        };
        dialect
            .write(&incoming, &signer, Time::from_seconds(NOW), number.to_be_bytes())
            .map_err(|error| error.to_string())?
    };
    headers.extend(made.headers);
    Ok(headers)
}

/// What is checked of a signed request: the base and the signature.
fn checked(dialects: &Dialects, headers: &HeaderMap) -> Result<(Vec<u8>, Vec<u8>), String> {
    let dialect = dialects.first().ok_or("no dialect")?;
    let incoming = request(headers);
    let mut scratch = Scratch::default();
    let proof = dialect
        .read(&incoming, &Limits::default(), &mut scratch, &mut ())
        .map_err(|refusal| refusal.to_string())?
        .ok_or("no signature")?;
    let text = headers.get("signature").and_then(|value| value.to_str().ok()).unwrap_or_default();
    let mut bytes = Vec::new();
    let inside = text.split(':').nth(1).unwrap_or_default();
    decode(Alphabet::Standard, inside.as_bytes(), &mut bytes).map_err(|_| "not base64")?;
    Ok((proof.texts().first().map(|base| base.to_vec()).unwrap_or_default(), bytes))
}

fn request(headers: &HeaderMap) -> Incoming<'_> {
    let target = Target::new("https", "api.example.test", "/v1/widgets?limit=10");
    Incoming { method: "GET", target, headers, body: Body::Empty, client: None, challenge: None }
}
