//! The replay memory in the process: what a claim costs, and how much room a remembered use takes.
use crate::judging::NOW;
use crate::measure::{Table, count, cpu, median};
use countersign::ask::{Claim, Use};
use countersign::time::{Span, Time};
use countersign_store::window::Window;

/// Uses that live at one time: a window of 40 seconds at 25,000 a second.
const LIVE: u64 = 1_000_000;
/// Seconds in which so many come.
const WINDOW: u64 = 40;
/// Claims timed together.
const BLOCK: u64 = 10_000;

/// Measures all of it.
pub(crate) fn run(table: &mut Table) -> Result<(), String> {
    let window = Window::new([7; 16], Time::MIN, 4_000_000);
    let (mut growing, mut going) = (Vec::new(), Vec::new());
    // Filled for the first time, then on and on while the clock goes and what is over makes room.
    for block in 0..3 * LIVE / BLOCK {
        let second = i64::try_from(block * BLOCK * WINDOW / LIVE).unwrap_or(0);
        let claims: Vec<Claim> =
            (block * BLOCK..(block + 1) * BLOCK).map(|number| claim(number, second)).collect();
        let clock = Time::from_seconds(NOW + second);
        let from = cpu();
        for claim in &claims {
            match window.claim(claim, clock) {
                Ok(Use::First) => {}
                other => return Err(format!("a first use was answered {other:?}")),
            }
        }
        let took = (cpu() - from) * 1e9 / count(claims.len());
        if block < LIVE / BLOCK { growing.push(took) } else { going.push(took) }
    }
    let mean = |times: &[f64]| times.iter().sum::<f64>() / count(times.len());
    let (first, on) = (mean(&growing), mean(&going));
    let figure = format!("{:.0} ns (mean {on:.0} ns)", median(going));
    table.add("claim in memory, a million live, old ones running out", figure, "at most 100 ns");
    let figure = format!("{:.0} ns (mean {first:.0} ns, all growing included)", median(growing));
    table.add("claim in memory while the memory fills", figure, "at most 100 ns");
    let bytes = count(window.bytes()) / count(window.len());
    let figure = format!("{bytes:.1} bytes");
    table.add(format!("room for a live use, {} live", window.len()), figure, "at most 20 bytes");
    Ok(())
}

/// Claims numbered on, dated over a window of 40 seconds around the clock.
fn claim(number: u64, second: i64) -> Claim {
    let mark = countersign_keys::sha256(&[&number.to_be_bytes()]);
    let dated = Time::from_seconds(NOW + second - 20 + i64::try_from(number % 40).unwrap_or(0));
    Claim { mark, since: dated, until: dated + Span::from_seconds(20) }
}
