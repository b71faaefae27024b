//! One thing that was changed on the way: what went out, what arrived, and the setting that mends it.
use super::probe::Sent;
use serde::Serialize;

/// A change.
#[derive(Clone, Debug, PartialEq, Eq, Serialize)]
pub(crate) struct Finding {
    /// What was changed: `scheme`, `host`, `method`, `path`, `query`, `header`, `credential`, `body`, `proxy`, `clock`, `verdict`, `route`.
    pub(crate) what: &'static str,
    /// The probes that showed it.
    pub(crate) probes: Vec<&'static str>,
    /// Whether proofs in the dialect fail by it.
    pub(crate) breaks: bool,
    /// How it was changed.
    pub(crate) how: String,
    /// What went out.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub(crate) sent: Option<String>,
    /// What arrived.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub(crate) seen: Option<String>,
    /// The first byte that differs, counted from 0.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub(crate) differs_at: Option<usize>,
    /// What to set.
    pub(crate) fix: String,
}

impl Finding {
    /// A finding without texts to compare.
    pub(crate) fn new(what: &'static str, sent: &Sent, breaks: bool, how: &str, fix: &str) -> Self {
        Self {
            what,
            probes: vec![sent.probe.name],
            breaks,
            how: how.to_owned(),
            sent: None,
            seen: None,
            differs_at: None,
            fix: fix.to_owned(),
        }
    }

    /// The same with what went out and what arrived.
    pub(crate) fn between(mut self, sent: &str, seen: &str) -> Self {
        self.differs_at = differs_at(sent, seen);
        (self.sent, self.seen) = (Some(sent.to_owned()), Some(seen.to_owned()));
        self
    }

    /// For people.
    pub(crate) fn text(&self) -> String {
        let mark = if self.breaks { "BREAKS" } else { "note" };
        let mut out = format!("{mark:<6}  {} ({}): {}\n", self.what, self.probes.join(", "), self.how);
        if let (Some(sent), Some(seen)) = (&self.sent, &self.seen) {
            // Escaped, so that a line break or a letter that looks like another can be told.
            out.push_str(&format!("        sent  {}\n        seen  {}\n", shown(sent), shown(seen)));
            if let Some(place) = self.differs_at {
                let bytes = |text: &str| {
                    let rest = text.as_bytes().get(place..).unwrap_or_default();
                    let hex: Vec<String> = rest.iter().take(8).map(|byte| format!("{byte:02x}")).collect();
                    if hex.is_empty() { "end".to_owned() } else { hex.join(" ") }
                };
                out.push_str(&format!("        from byte {place}: {} | {}\n", bytes(sent), bytes(seen)));
            }
        }
        out.push_str(&format!("        fix   {}\n", self.fix));
        out
    }
}

fn shown(text: &str) -> String {
    text.escape_debug().to_string().replace("\\\"", "\"").replace("\\'", "'")
}

fn differs_at(sent: &str, seen: &str) -> Option<usize> {
    let same = sent.bytes().zip(seen.bytes()).take_while(|(left, right)| left == right).count();
    (same < sent.len().max(seen.len())).then_some(same)
}

/// A probe that countersign did not see.
pub(crate) fn not_seen(sent: &Sent) -> Finding {
    let how = format!("this request did not reach countersign; the answer was {}", sent.status);
    if sent.probe.signed {
        let fix = "look whether --url leads to this installation, whether the proxy asks countersign at this address \
                   (auth_request, forward_auth …) or passes to it, and whether it takes the header Countersign-Doctor away";
        return Finding::new("route", sent, true, &how, fix);
    }
    let fix = match sent.probe.name {
        "slash" => {
            "nothing, unless your paths have encoded slashes; then let the proxy pass them on (Apache: AllowEncodedSlashes NoDecode)"
        }
        "body" => "look why the proxy answers a POST by itself: limit_except, a WAF, a limit on bodies",
        _ => "look why the proxy answers such a request by itself: a WAF, a rule on addresses",
    };
    Finding::new("route", sent, false, &how, fix)
}

/// Clocks that differ.
pub(crate) fn clock(ahead: i64, breaks: bool) -> Finding {
    Finding {
        what: "clock",
        probes: Vec::new(),
        breaks,
        how: format!(
            "the server's clock is {} ms {} this machine's",
            ahead.abs(),
            if ahead > 0 { "ahead of" } else { "behind" }
        ),
        sent: None,
        seen: None,
        differs_at: None,
        fix: "let both machines take their time from NTP (timedatectl set-ntp true); tolerances are settings of the dialect"
            .to_owned(),
    }
}

/// The same change in several probes is told once, by the first one.
pub(crate) fn once_each(findings: &mut Vec<Finding>) {
    let mut kept: Vec<Finding> = Vec::new();
    for finding in findings.drain(..) {
        match kept.iter_mut().find(|one| one.what == finding.what && one.how == finding.how) {
            Some(one) => one.probes.extend(finding.probes),
            None => kept.push(finding),
        }
    }
    *findings = kept;
}
