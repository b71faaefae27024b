//! Has explain judge every broken request, and counts how often the right cause came first.
use crate::dialect::Dialect;
use crate::fault::{Challenge, Fault, Route};
use crate::leak;
use crate::sent::Sent;
use crate::world::{ALICE, BOB, NOW, World};
use countersign::incoming::{Answered, Body, Incoming, Target};
use countersign::time::Time;
use countersign::verified::Covered;
use countersign_guard::allowance::Unlimited;
use countersign_guard::clock::FrozenClock;
use countersign_guard::explain::{Asking, Explanation, Sight};
use countersign_guard::guard::Guard;
use countersign_guard::policy::Policy;
use countersign_store::directory::Directory;
use countersign_store::memory::MemoryStore;
use countersign_store::model::Record;
use countersign_store::registry::Loaded;
use http::{HeaderMap, HeaderName, HeaderValue};
use std::sync::Arc;

/// Seconds by which a skew that is told may be wrong.
const SKEW: i64 = 1;

/// How one broken request went.
#[derive(Clone, Debug)]
pub struct Case {
    /// What was broken.
    pub fault: &'static str,
    /// The kind of mistake.
    pub class: &'static str,
    /// Whose client.
    pub dialect: Dialect,
    /// The cause that must be named first.
    pub wanted: &'static str,
    /// The cause that was.
    pub found: String,
    /// What else was wrong.
    pub wrong: Option<String>,
}

impl Case {
    /// Whether the right cause was named first, and nothing else was wrong.
    #[must_use]
    pub fn is_right(&self) -> bool {
        self.found == self.wanted && self.wrong.is_none()
    }
}

/// Judges every fault in every dialect where it makes sense.
///
/// # Errors
/// When a request cannot be made or judged at all.
pub async fn run() -> Result<Vec<Case>, String> {
    let world = World::new()?;
    let mut cases = Vec::new();
    for fault in crate::faults::all() {
        for dialect in fault.dialects {
            let sent = fault
                .make(*dialect, &world, NOW)
                .map_err(|why| format!("{} of {}: {why}", fault.id, dialect.label()))?;
            cases.push(judge(fault, *dialect, &sent, &world).await?);
        }
    }
    Ok(cases)
}

/// Judges what nobody broke, so that the corpus is known to break things.
///
/// # Errors
/// As [`run`], and when one is refused.
pub async fn check_drafts() -> Result<(), String> {
    const NONE: &Fault = &Fault::new("nothing", "nothing", "nothing", Dialect::ALL);
    let world = World::new()?;
    for dialect in Dialect::ALL {
        let sent = NONE.make(*dialect, &world, NOW)?;
        let explained = explain(NONE, *dialect, &sent, &world, Sight::All).await?;
        if explained.verdict != "verified" {
            return Err(format!("what nobody broke is refused in {}: {explained:?}", dialect.label()));
        }
    }
    Ok(())
}

async fn judge(fault: &Fault, dialect: Dialect, sent: &Sent, world: &World) -> Result<Case, String> {
    let explained = explain(fault, dialect, sent, world, Sight::All).await?;
    let found = explained.diagnosis.causes.first().map_or("nothing", |cause| cause.code).to_owned();
    let skew = explained.diagnosis.skew_seconds;
    let near = |found: i64| (found - fault.clock).abs() <= SKEW;
    let mut wrong = (fault.tells_skew && !skew.is_some_and(near))
        .then(|| format!("wanted a skew of {} s, found {skew:?}", fault.clock));
    for sight in [Sight::All, Sight::Account(ALICE), Sight::Account(BOB), Sight::Stranger] {
        let told = explain(fault, dialect, sent, world, sight).await?;
        wrong = wrong.or(leak::of(&told, sight, sent, world)?);
    }
    Ok(Case { fault: fault.id, class: fault.class, dialect, wanted: fault.cause, found, wrong })
}

async fn explain(
    fault: &Fault,
    dialect: Dialect,
    sent: &Sent,
    world: &World,
    sight: Sight<'_>,
) -> Result<Explanation, String> {
    let mut records = world.records()?;
    (fault.rows)(&mut records);
    explain_over(records, fault, dialect, sent, sight).await
}

/// Explains a broken request over these rows.
///
/// # Errors
/// When it cannot be judged at all.
pub async fn explain_over(
    records: Vec<Record>,
    fault: &Fault,
    dialect: Dialect,
    sent: &Sent,
    sight: Sight<'_>,
) -> Result<Explanation, String> {
    let directory = Directory::load(Loaded { version: 1, records }).map_err(|fault| fault.to_string())?;
    let store = Arc::new(MemoryStore::default());
    let clock = Arc::new(FrozenClock::at(Time::from_seconds(NOW)));
    let guard = Guard::new(Arc::new(directory), store.clone(), store, clock);
    let read =
        countersign_dialects::load(dialect.name(), &Default::default()).map_err(|error| error.to_string())?;
    let mut policy = Policy::of(vec![Arc::new(read)]);
    match fault.route {
        Route::Open => {}
        Route::Others => policy.admit = Some(vec!["bob".to_owned()]),
        Route::WholeRequest => policy.require = Covered { body: true, ..Covered::default() },
    }
    let headers = headers(sent);
    let challenge = match fault.challenge {
        _ if dialect != Dialect::Spacetime => None,
        Challenge::Unknown => None,
        Challenge::Fresh => Some((NOW - 5, NOW + 295)),
        Challenge::Old => Some((NOW - 400, NOW - 100)),
    };
    let challenge = challenge.map(|(issued, until)| Answered {
        prefix: None,
        issued: Time::from_seconds(issued),
        until: Time::from_seconds(until),
    });
    let incoming = Incoming {
        method: &sent.method,
        target: Target::from_url(&sent.url).ok_or("the corpus has an address that is none")?,
        headers: &headers,
        body: if sent.body.is_empty() { Body::Empty } else { Body::Seen(&sent.body) },
        client: std::net::IpAddr::from([10, 0, 0, 7]).into(),
        challenge,
    };
    if fault.twice {
        guard.judge(&policy, &incoming).await.map_err(|fault| fault.to_string())?;
    }
    let signed = fault.says.then_some(sent.signed.as_slice());
    let asking = Asking { sight, at: None, signed, allowance: &Unlimited };
    guard.explain_to(&policy, &incoming, &asking).await.map_err(|fault| fault.to_string())
}

/// The headers as a server has them.
fn headers(sent: &Sent) -> HeaderMap {
    let mut headers = HeaderMap::new();
    for (name, value) in &sent.headers {
        let read = HeaderName::try_from(name.as_str()).ok();
        // White space around a value is not part of it (RFC 9110 section 5.5).
        let value = HeaderValue::from_bytes(value.trim_matches([' ', '\t']).as_bytes()).ok();
        if let (Some(name), Some(value)) = (read, value) {
            headers.append(name, value);
        }
    }
    headers
}

/// The whole as lines: each class in each dialect, what was named wrong, and the percentage last.
#[must_use]
pub fn report(cases: &[Case]) -> String {
    let mut out = String::new();
    for dialect in Dialect::ALL {
        let ours: Vec<&Case> = cases.iter().filter(|case| case.dialect == *dialect).collect();
        let mut classes: Vec<&str> = ours.iter().map(|case| case.class).collect();
        classes.dedup();
        classes.sort_unstable();
        classes.dedup();
        for class in classes {
            let in_class: Vec<_> = ours.iter().filter(|case| case.class == class).collect();
            let right = in_class.iter().filter(|case| case.is_right()).count();
            out.push_str(&format!(
                "{:<26} {class:<18} {right:>4} of {:>4}\n",
                dialect.label(),
                in_class.len()
            ));
            for case in in_class.iter().filter(|case| !case.is_right()) {
                let wrong = case.wrong.as_deref().map(|why| format!(" ({why})")).unwrap_or_default();
                out.push_str(&format!(
                    "    {}: wanted {}, found {}{wrong}\n",
                    case.fault, case.wanted, case.found
                ));
            }
        }
    }
    let faults: std::collections::BTreeSet<_> = cases.iter().map(|case| case.fault).collect();
    let right = cases.iter().filter(|case| case.is_right()).count();
    out.push_str(&format!(
        "{} faults, {} cases, {right} with the right cause first\n",
        faults.len(),
        cases.len()
    ));
    out.push_str(&format!("{}\n", percentage(cases)));
    out
}

/// `98.7 %`, never rounded up.
#[must_use]
pub fn percentage(cases: &[Case]) -> String {
    let right = cases.iter().filter(|case| case.is_right()).count();
    let tenths = right.saturating_mul(1000) / cases.len().max(1);
    format!("{}.{} %", tenths / 10, tenths % 10)
}
