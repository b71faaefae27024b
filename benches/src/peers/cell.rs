//! One cell of the comparison: a server and what it is sent, started afresh and measured once a round.
use super::peer::Peer;
use super::site::{Carried, Site};
use crate::load::Load;
use crate::measure::{count, median, unix_seconds};
use std::net::SocketAddr;

/// Requests before anything is measured.
const WARM: usize = 1_000;
/// Connections, where a cell names no other number.
const CONNECTIONS: usize = 32;

/// A server, what it is sent, and what was measured so far.
pub(crate) struct Cell {
    pub(crate) peer: Peer,
    pub(crate) carried: Carried,
    pub(crate) left_out: bool,
    requests: usize,
    connections: usize,
    rate: Option<u32>,
    rounds: Vec<Measured>,
}

/// Requests a second, CPU microseconds a request, and the 99th percentile of the delays in microseconds.
#[derive(Clone, Copy)]
pub(crate) struct Measured {
    pub(crate) rate: f64,
    pub(crate) cpu: f64,
    pub(crate) late: f64,
}

impl Cell {
    pub(crate) fn new(peer: Peer, carried: Carried, requests: usize) -> Self {
        let rounds = Vec::new();
        Self { peer, carried, left_out: false, requests, connections: CONNECTIONS, rate: None, rounds }
    }

    /// With so many connections.
    pub(crate) fn connections(self, connections: usize) -> Self {
        Self { connections, ..self }
    }

    /// At a fixed rate, so many requests a second.
    pub(crate) fn rate(self, rate: u32) -> Self {
        Self { rate: Some(rate), ..self }
    }

    /// Whether the rate is fixed.
    pub(crate) fn paced(&self) -> bool {
        self.rate.is_some()
    }

    /// What stands in the table.
    pub(crate) fn title(&self) -> String {
        let what = match self.carried {
            Carried::Nothing => "no token",
            Carried::Fresh(signed) => signed.told(),
            Carried::Reused => "one token reused",
            Carried::SingleUse => "single-use tokens",
        };
        let rate = self.rate.map_or(String::new(), |rate| format!(", {rate} a second"));
        format!("{}: {what}{rate}", self.peer.name())
    }

    /// Starts the server, sees that it refuses what it must, and measures a round.
    ///
    /// # Errors
    /// When the server does not start, takes a bad token or refuses a good one.
    pub(crate) fn measure(&mut self, site: &Site, service: SocketAddr) -> Result<(), String> {
        let started = self.peer.start(site, service)?;
        let (now, head) = (unix_seconds(), self.peer.head());
        let source = std::net::Ipv4Addr::LOCALHOST;
        let load = Load { address: started.address, connections: self.connections, rate: None, source };
        // What has no token, and a token whose signature was changed, must not get in.
        if self.carried != Carried::Nothing && !self.peer.checks_nothing() {
            let bad = site.bad_requests(self.carried, head, now)?;
            load.send(&bad, &[400, 401, 403], 2)?;
        }
        // Its own tokens, so that none of those measured was seen before.
        let warm = WARM.min(self.requests);
        let shift = self.requests;
        load.send(&site.requests("warm", self.carried, head, shift..shift + warm, now)?, &[200], warm)?;
        let file = site.requests("measured", self.carried, head, 0..self.requests, unix_seconds())?;
        let before = cpu(&started.servers)?;
        let load = Load { rate: self.rate, ..load };
        let sent = load.send(&file, &[200], self.requests)?;
        let spent = cpu(&started.servers)? - before;
        let many = count(self.requests);
        self.rounds.push(Measured { rate: many / sent.seconds, cpu: spent * 1e6 / many, late: sent.late });
        Ok(())
    }

    /// The median round.
    pub(crate) fn median(&self) -> Option<Measured> {
        let of = |what: fn(&Measured) -> f64| median(self.rounds.iter().map(what).collect());
        let measured =
            Measured { rate: of(|one| one.rate), cpu: of(|one| one.cpu), late: of(|one| one.late) };
        (!self.rounds.is_empty()).then_some(measured)
    }

    /// The figures for the table, with the spread of the rate over the rounds.
    pub(crate) fn told(&self) -> String {
        let Some(Measured { rate, cpu, late }) = self.median() else { return "not measured".to_owned() };
        let rates = || self.rounds.iter().map(|round| round.rate);
        let (least, most) = (rates().fold(f64::MAX, f64::min), rates().fold(0.0, f64::max));
        let spread = (most - least) / rate * 50.0;
        format!("{rate:.0} a second ±{spread:.0} %, {cpu:.1} us of CPU, 99 % within {late:.0} us")
    }
}

fn cpu(servers: &[crate::process::Running]) -> Result<f64, String> {
    servers.iter().map(crate::process::Running::cpu_of_all).sum()
}
