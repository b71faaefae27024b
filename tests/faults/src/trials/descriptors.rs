//! A process that may open few files, and callers who take all of them.
use super::Trial;
use crate::installation::{Installation, settings, until};
use crate::load::Load;
use crate::node::Setting;
use crate::tally::Found;
use crate::upstream;
use crate::wire::{Word, ask};
use std::net::TcpStream;
use std::sync::Arc;
use std::time::Duration;

pub(crate) const TRIAL: Trial = Trial {
    name: "descriptors",
    what: "64 open files at most, and 200 callers who connect and say nothing",
    needs: &[],
    run,
};

const BOUND: Duration = Duration::from_secs(20);

fn run(_soak: bool) -> Found {
    let short = "[limits]\nheader_time = \"5s\"\nidle_time = \"5s\"\n";
    // Each request needs a descriptor for its way on as well, and gets 503 where there is none: it is our fault.
    let more = settings(&upstream::start_closing("127.0.0.1"), "").replace("[limits]\n", short);
    let setting =
        Setting { before: ["prlimit", "--nofile=64:64"].map(str::to_owned).to_vec(), ..Setting::with(more) };
    let all = Arc::new(Installation::start(vec![setting]));
    let node = &all.nodes[0];
    let load = Load::begin(&all, true);
    load.wait_for(&Word::Accepted, 50);
    let idle: Vec<TcpStream> = (0..200)
        .filter_map(|_| TcpStream::connect_timeout(&node.public(), Duration::from_secs(1)).ok())
        .collect();
    println!("  {} connections that say nothing", idle.len());
    std::thread::sleep(Duration::from_secs(4));
    let mut found = Found::default();
    found.check(node.lives(), "the process to live without a free file");
    drop(idle);
    println!("  well again by itself {} ms after they left", all.is_well().as_millis());
    load.wait_for(&Word::Accepted, 50);
    let mut seen = load.end(&all);
    seen.answered_within(BOUND);
    // Those who stay and say nothing are sent away, so that others get in although nobody leaves by himself.
    let idle: Vec<TcpStream> = (0..60)
        .filter_map(|_| TcpStream::connect_timeout(&node.public(), Duration::from_secs(1)).ok())
        .collect();
    until("room in spite of callers who say nothing", || {
        match ask(node.public(), "/once/x", &all.signer.once(0)).word() {
            Word::Accepted => Ok(()),
            other => Err(format!("{other:?}")),
        }
    });
    drop(idle);
    node.kill();
    node.begin();
    seen.once_more(&all);
    found.add(seen.found);
    found
}
