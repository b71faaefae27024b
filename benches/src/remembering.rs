//! What it costs to judge a token whose signature check is remembered, and what remembering costs tokens that come once.
use crate::judging::{Case, NOW, bearer, cases, judged, parts, raw_key, token, world};
use crate::measure::{Table, turns};
use aws_lc_rs::signature::ParsedPublicKey;
use countersign_guard::guard::Verdict;
use countersign_keys::Remembered;
use http::HeaderMap;
use std::hint::black_box;
use std::sync::Arc;

/// Places in the memory: as many as the server has unless told otherwise.
const PLACES: usize = 65_536;

/// Measures it.
pub(crate) fn run(table: &mut Table) -> Result<(), String> {
    cases()?.iter().try_for_each(|case| again(case, table))?;
    cases()?.iter().take(2).try_for_each(|case| fresh(case, table))?;
    table.add("memory for each remembered token", format!("{} bytes", Remembered::BYTES_EACH), "");
    Ok(())
}

fn again(case: &Case, table: &mut Table) -> Result<(), String> {
    let memory = Arc::new(Remembered::new([3; 32], PLACES));
    let (guard, policy) = world("skykit", &[("algorithms", case.jose)], case)?;
    let guard = guard.with_remembered(memory.clone());
    let claims = format!(r#"{{"iss":"caller@example.com","iat":{NOW},"exp":{}}}"#, NOW + 600);
    let headers = bearer("Bearer", &token(case, &claims)?)?;
    for _ in 0..3 {
        if !matches!(judged(&guard, &policy, &headers)?, Verdict::Verified(_)) {
            return Err(format!("{}: the token is refused", case.name));
        }
    }
    if memory.count() != 1 {
        return Err(format!("{}: the token is not remembered", case.name));
    }
    let times = turns(
        100,
        &mut [&mut || {
            let _ = black_box(judged(&guard, &policy, black_box(&headers)));
        }],
    );
    for time in times {
        table.add(format!("judging a remembered {} token", case.name), format!("{time:.0} ns"), "");
    }
    Ok(())
}

fn fresh(case: &Case, table: &mut Table) -> Result<(), String> {
    let (guard, policy) = world("skykit", &[("algorithms", case.jose)], case)?;
    let guard = guard.with_remembered(Arc::new(Remembered::new([3; 32], PLACES)));
    // More than all blocks use up.
    let tokens = (0..6300).map(|number| {
        let claims =
            format!(r#"{{"iss":"caller@example.com","iat":{NOW},"exp":{}}}"#, NOW + 600 + number % 3000);
        let claims = claims.replace('}', &format!(r#","jti":"{number}"}}"#));
        token(case, &claims)
    });
    let tokens: Vec<String> = tokens.collect::<Result<_, _>>()?;
    let requests =
        tokens.iter().map(|token| bearer("Bearer", token)).collect::<Result<Vec<HeaderMap>, _>>()?;
    let split = tokens.iter().map(|token| parts(token)).collect::<Result<Vec<_>, _>>()?;
    let raw = ParsedPublicKey::new(case.raw, raw_key(case)).map_err(|error| error.to_string())?;
    let (mut left, mut beside) = (requests.iter(), split.iter());
    let mut refused = 0_usize;
    let mut bare = || {
        if let Some((input, signature)) = beside.next() {
            let _ = black_box(raw.verify_sig(black_box(input), black_box(signature)));
        }
    };
    let mut whole = || {
        let verdict = left.next().map(|headers| judged(&guard, &policy, headers));
        refused += usize::from(!matches!(black_box(verdict), Some(Ok(Verdict::Verified(_)))));
    };
    let times = turns(20, &mut [&mut bare, &mut whole]);
    if refused > 0 {
        return Err(format!("{}: {refused} fresh tokens were refused", case.name));
    }
    if let [bare, whole] = times.as_slice() {
        let figure = format!("{:.3} x raw ({bare:.0} ns, + {:.0} ns)", whole / bare, whole - bare);
        table.add(
            format!("judging fresh {} tokens, remembering on", case.name),
            figure,
            format!("at most {}", case.bound),
        );
    }
    Ok(())
}
