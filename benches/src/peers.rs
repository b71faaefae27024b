//! Side by side with the servers that people use today: the same tokens, one core, turn by turn, medians as ratios.
mod cell;
mod peer;
mod site;

use crate::chart::{Bar, svg};
use crate::measure::{Table, unix_seconds};
use crate::page;
use cell::{Cell, Measured};
use peer::Peer;
use site::{Carried, Signed, Site};

/// Rounds; every server is started afresh in each, and the median round counts.
const ROUNDS: usize = 3;

/// Runs all cells, or those whose server's name has one of the words in it; `--write` keeps the result in the book.
///
/// # Errors
/// When something cannot be measured; a peer that is not installed is told and left out.
pub(crate) fn run(words: &[String]) -> Result<(), String> {
    let (options, wanted): (Vec<String>, Vec<String>) =
        words.iter().cloned().partition(|word| word.starts_with("--"));
    if let Some(other) = options.iter().find(|word| *word != "--write") {
        return Err(format!("wanted --write, or words that stand in the names of servers; found {other}"));
    }
    let mut table = Table::default();
    let cells = measured(&wanted)?;
    tell(&mut table, &cells);
    print!("{table}");
    if options.is_empty() { Ok(()) } else { page::write_peers(&table, &charts(&cells), &versions(&cells)) }
}

fn measured(wanted: &[String]) -> Result<Vec<Cell>, String> {
    let scratch = tempfile::tempdir().map_err(|error| error.to_string())?;
    let site = Site::make(scratch.path(), unix_seconds())?;
    let (_service, service) = peer::service(&site)?;
    let mut cells: Vec<Cell> = cells();
    cells.retain(|cell| wanted.is_empty() || wanted.iter().any(|word| cell.peer.name().contains(word)));
    for cell in &mut cells {
        if let Err(missing) = cell.peer.program() {
            println!("bench: {} is left out: {missing}", cell.peer.name());
            cell.left_out = true;
        }
    }
    for round in 0..ROUNDS {
        for cell in cells.iter_mut().filter(|cell| !cell.left_out) {
            match cell.measure(&site, service) {
                Ok(()) => {}
                Err(error) if round == 0 => {
                    println!("bench: {} is left out: {error}", cell.title());
                    cell.left_out = true;
                }
                Err(error) => return Err(format!("{}: {error}", cell.title())),
            }
        }
    }
    Ok(cells)
}

/// Requests a second with fresh RS256 tokens, and the CPU time that each takes.
fn charts(cells: &[Cell]) -> [(&'static str, String); 2] {
    let fresh =
        |cell: &&Cell| cell.carried == Carried::Fresh(Signed::Rs256) && !cell.paced() && !cell.left_out;
    let bars = |of: fn(&Measured) -> f64| {
        let bar = |cell: &Cell| {
            let name = cell.peer.name().to_owned();
            Some(Bar { ours: name.contains("countersign"), name, value: of(&cell.median()?) })
        };
        cells.iter().filter(fresh).filter_map(bar).collect::<Vec<_>>()
    };
    let mut fastest = bars(|one| one.rate);
    fastest.sort_by(|one, other| other.value.total_cmp(&one.value));
    let mut cheapest = bars(|one| one.cpu);
    cheapest.sort_by(|one, other| one.value.total_cmp(&other.value));
    [
        ("peers-requests.svg", svg("Fresh RS256 tokens on one core: requests a second", &fastest)),
        ("peers-cpu.svg", svg("Fresh RS256 tokens: CPU microseconds a request", &cheapest)),
    ]
}

/// The versions of what was measured, as the programs tell them.
fn versions(cells: &[Cell]) -> Vec<String> {
    let mut versions: Vec<String> =
        cells.iter().filter(|cell| !cell.left_out).filter_map(|cell| cell.peer.version()).collect();
    versions.sort();
    versions.dedup();
    versions
}

fn cells() -> Vec<Cell> {
    let (rs256, es256, eddsa) =
        (Carried::Fresh(Signed::Rs256), Carried::Fresh(Signed::Es256), Carried::Fresh(Signed::EdDsa));
    let fast = |peer, carried| Cell::new(peer, carried, 16_000);
    let slow = |peer, carried| Cell::new(peer, carried, 4_000);
    vec![
        fast(Peer::Bare, Carried::Nothing),
        fast(Peer::BareChecking, rs256),
        fast(Peer::Ours, rs256),
        fast(Peer::OursInLanes, rs256),
        fast(Peer::Haproxy, rs256),
        fast(Peer::Envoy, rs256),
        slow(Peer::Apache, rs256),
        slow(Peer::NodeJose, rs256),
        slow(Peer::Fastify, rs256),
        slow(Peer::NginxNjs, rs256),
        fast(Peer::NginxDoor, rs256),
        fast(Peer::BareChecking, es256),
        fast(Peer::Ours, es256),
        fast(Peer::Haproxy, es256),
        fast(Peer::Envoy, es256),
        fast(Peer::BareChecking, eddsa),
        fast(Peer::Ours, eddsa),
        fast(Peer::Envoy, eddsa),
        fast(Peer::Ours, Carried::Reused),
        fast(Peer::EnvoyCache, Carried::Reused),
        fast(Peer::OurGateway, Carried::Reused),
        fast(Peer::CaddyProxy, Carried::Reused),
        fast(Peer::NginxProxy, Carried::Reused),
        fast(Peer::Ours, Carried::SingleUse).connections(256),
        fast(Peer::OursInLanes, Carried::SingleUse).connections(256),
        fast(Peer::OursWithoutNonce, Carried::SingleUse).connections(256),
        Cell::new(Peer::Django, Carried::SingleUse, 160),
        Cell::new(Peer::Ours, rs256, 8_000).rate(2_000),
        Cell::new(Peer::Haproxy, rs256, 8_000).rate(2_000),
    ]
}

/// A figure to reach: what of one cell over what of another.
struct Figure {
    what: &'static str,
    ours: (Peer, Carried, Of),
    theirs: (Peer, Carried, Of),
    bound: &'static str,
}

/// What of a cell is compared.
#[derive(Clone, Copy, PartialEq, Eq)]
enum Of {
    Rate,
    Cpu,
    Late,
}

fn figures() -> Vec<Figure> {
    let (rs256, es256, eddsa) =
        (Carried::Fresh(Signed::Rs256), Carried::Fresh(Signed::Es256), Carried::Fresh(Signed::EdDsa));
    let row = |what, ours, theirs, of, carried, other, bound| Figure {
        what,
        ours: (ours, carried, of),
        theirs: (theirs, other, of),
        bound,
    };
    use Peer::{
        Apache, Bare, BareChecking, CaddyProxy, Django, Envoy, EnvoyCache, Fastify, Haproxy, NginxDoor,
        NginxNjs, NginxProxy, NodeJose, OurGateway, Ours, OursInLanes, OursWithoutNonce,
    };
    let (reused, single) = (Carried::Reused, Carried::SingleUse);
    vec![
        row(
            "fresh RS256, requests a second, of HAProxy",
            Ours,
            Haproxy,
            Of::Rate,
            rs256,
            rs256,
            "at least 1.2",
        ),
        row("fresh RS256, CPU a request, of HAProxy", Ours, Haproxy, Of::Cpu, rs256, rs256, "at most 0.85"),
        row(
            "fresh RS256, requests a second, of bare hyper",
            Ours,
            BareChecking,
            Of::Rate,
            rs256,
            rs256,
            "at least 0.95",
        ),
        row(
            "fresh RS256 in lanes, requests a second, of HAProxy",
            OursInLanes,
            Haproxy,
            Of::Rate,
            rs256,
            rs256,
            "at least 2.5",
        ),
        row(
            "fresh RS256 in lanes, requests a second, of Envoy",
            OursInLanes,
            Envoy,
            Of::Rate,
            rs256,
            rs256,
            "at least 4",
        ),
        row("fresh RS256, requests a second, of Envoy", Ours, Envoy, Of::Rate, rs256, rs256, ""),
        row("fresh RS256, requests a second, of Apache", Ours, Apache, Of::Rate, rs256, rs256, ""),
        row("fresh RS256, requests a second, of Node + jose", Ours, NodeJose, Of::Rate, rs256, rs256, ""),
        row("fresh RS256, requests a second, of fastify", Ours, Fastify, Of::Rate, rs256, rs256, ""),
        row(
            "fresh RS256, nginx asking us, of nginx + njs",
            NginxDoor,
            NginxNjs,
            Of::Rate,
            rs256,
            rs256,
            "at least 3",
        ),
        row("fresh ES256, requests a second, of Envoy", Ours, Envoy, Of::Rate, es256, es256, "at least 1.8"),
        row(
            "fresh ES256, requests a second, of HAProxy",
            Ours,
            Haproxy,
            Of::Rate,
            es256,
            es256,
            "at least 1.2",
        ),
        row(
            "fresh Ed25519, requests a second, of Envoy",
            Ours,
            Envoy,
            Of::Rate,
            eddsa,
            eddsa,
            "at least 1.8",
        ),
        row(
            "reused token, CPU a request, of bare hyper ok",
            Ours,
            Bare,
            Of::Cpu,
            reused,
            Carried::Nothing,
            "at most 1.35",
        ),
        row(
            "reused token, requests a second, of Envoy's cache",
            Ours,
            EnvoyCache,
            Of::Rate,
            reused,
            reused,
            "at least 3.5",
        ),
        row(
            "gateway, reused token, 1 KiB, of Caddy's plain proxy",
            OurGateway,
            CaddyProxy,
            Of::Rate,
            reused,
            reused,
            "at least 0.9",
        ),
        row(
            "gateway, reused token, 1 KiB, of nginx's plain proxy",
            OurGateway,
            NginxProxy,
            Of::Rate,
            reused,
            reused,
            "at least 0.7",
        ),
        row(
            "asymmetric-jwt whole, of its own library on Django",
            Ours,
            Django,
            Of::Rate,
            single,
            single,
            "at least 250",
        ),
        row(
            "asymmetric-jwt whole in lanes, of its own library on Django",
            OursInLanes,
            Django,
            Of::Rate,
            single,
            single,
            "at least 500",
        ),
        row(
            "asymmetric-jwt whole, of itself without the nonce",
            Ours,
            OursWithoutNonce,
            Of::Rate,
            single,
            single,
            "at least 0.8",
        ),
        row(
            "99th percentile at 2,000 a second, of HAProxy's",
            Ours,
            Haproxy,
            Of::Late,
            rs256,
            rs256,
            "at most 1.25",
        ),
    ]
}

fn tell(table: &mut Table, cells: &[Cell]) {
    for cell in cells.iter().filter(|cell| !cell.left_out) {
        table.add(cell.title(), cell.told(), "");
    }
    let find = |(peer, carried, of): (Peer, Carried, Of)| {
        let paced = of == Of::Late;
        let found = cells.iter().filter(|cell| !cell.left_out);
        let mut found =
            found.filter(|cell| cell.peer == peer && cell.carried == carried && cell.paced() == paced);
        let Measured { rate, cpu, late } = found.next()?.median()?;
        Some(match of {
            Of::Rate => rate,
            Of::Cpu => cpu,
            Of::Late => late,
        })
    };
    for figure in figures() {
        if let (Some(ours), Some(theirs)) = (find(figure.ours), find(figure.theirs)) {
            table.add(figure.what, format!("{:.2} x", ours / theirs), figure.bound);
        }
    }
}
