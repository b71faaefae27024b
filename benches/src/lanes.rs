//! RSA signatures checked in vector lanes, alone and side by side, beside the same checks one by one in the scalar library.
use crate::measure::{Table, turns};
use countersign_keys::{Algorithm, Job, KeyKind, Lanes, PrivateKey, verify};
use std::hint::black_box;
use std::num::NonZeroU32;

/// Sampling as the server has it.
const EVERY: NonZeroU32 = NonZeroU32::new(1024).unwrap();

/// Each size at each number of waiting jobs, and the bound of the cost of one, as a ratio.
#[rustfmt::skip]
const CASES: [(u32, usize, &str); 12] = [
    (2048, 8, "at most 0.30"), (2048, 4, "below 0.60"), (2048, 3, "below 0.60"), (2048, 1, "below 0.60"),
    (3072, 8, "at most 0.30"), (3072, 4, "below 0.60"), (3072, 3, "below 0.60"), (3072, 1, "below 0.60"),
    (4096, 8, "at most 0.30"), (4096, 4, "below 0.60"), (4096, 3, "below 0.60"), (4096, 1, "below 0.60"),
];

/// Whether this CPU has lanes.
pub(crate) fn available() -> bool {
    Lanes::new(EVERY, 1).is_some()
}

/// Measures all of it.
pub(crate) fn run(table: &mut Table) -> Result<(), String> {
    let Some(lanes) = Lanes::new(EVERY, 1) else {
        table.add("RSA in lanes", "not measured: this CPU has no AVX-512 IFMA", "");
        return Ok(());
    };
    for (bits, count, bound) in CASES {
        // A key of its own for each lane, as requests of many callers have.
        let made = (0..count).map(|number| {
            let key = PrivateKey::generate(KeyKind::Rsa, bits).map_err(|error| error.to_string())?;
            // As long as the signed part of a token.
            let message = vec![u8::try_from(number).unwrap_or(0); 250];
            let signature = key.sign(Algorithm::RsaSha256, &message).map_err(|error| error.to_string())?;
            Ok((key, message, signature))
        });
        let made: Vec<_> = made.collect::<Result<_, String>>()?;
        let jobs: Vec<Job<'_>> = made
            .iter()
            .map(|(key, message, signature)| {
                Job::new(key.public_key(), Algorithm::RsaSha256, message, signature)
            })
            .collect();
        let mut outcomes: Vec<countersign_keys::Outcome> = Vec::with_capacity(count);
        let mut good = |run: &mut dyn FnMut(&mut Vec<_>)| {
            outcomes.clear();
            run(&mut outcomes);
            let accepted =
                jobs.iter().zip(&outcomes).filter(|(job, outcome)| outcome.accepted(job.signature).is_ok());
            (accepted.count() == count).then_some(()).ok_or("a good signature is refused".to_owned())
        };
        good(&mut |out| lanes.verify_many(&jobs, out))?;
        good(&mut |out| out.extend(jobs.iter().map(verify)))?;
        let (mut one, mut other) = (Vec::with_capacity(count), Vec::with_capacity(count));
        let mut together = || {
            one.clear();
            lanes.verify_many(black_box(&jobs), &mut one);
            black_box(&one);
        };
        let mut alone = || {
            other.clear();
            other.extend(black_box(&jobs).iter().map(verify));
            black_box(&other);
        };
        let times = turns(5, &mut [&mut alone, &mut together]);
        if let [alone, together] = times.as_slice() {
            let each = |time: &f64| time / crate::measure::count(count);
            let (alone, together) = (each(alone), each(together));
            let figure = format!("{:.3} x scalar ({together:.0} ns of {alone:.0} ns)", together / alone);
            table.add(format!("RSA-{bits} in lanes, {count} waiting, one of them"), figure, bound);
        }
    }
    let counts = lanes.counts();
    if counts.differences != 0 {
        return Err(format!("the lanes differ from the scalar library: {counts:?}"));
    }
    Ok(())
}
