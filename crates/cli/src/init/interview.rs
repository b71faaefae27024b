//! The questions of `countersign init`: each with what is proposed, which Enter takes, and asked again when the answer cannot be used.
use super::plan::{Answers, OWNER, Plan, known_dialects, proposed_url};
use crate::exit::Failure;
use crate::print::Out;
use crate::terminal;
use std::net::SocketAddr;
use std::path::{Path, PathBuf};

/// Asks for the data directory, where no flag and no variable names it.
pub(super) fn data(proposed: &Path) -> Result<PathBuf, Failure> {
    Out::note(
        "Enter takes what stands in brackets; Ctrl-C ends this, and nothing is made before the last question.\n",
    );
    let given = terminal::ask_until("Data directory", &proposed.display().to_string(), |text| {
        if Path::new(text).is_file() { Err("this is a file; wanted a directory".to_owned()) } else { Ok(()) }
    })?;
    Ok(PathBuf::from(given))
}

/// Asks for everything that no flag answers.
pub(super) fn plan(given: &Answers) -> Result<Plan, Failure> {
    let mut plan = given.plan();
    if given.listen.is_none() {
        plan.listen = address("Address for callers", plan.listen)?;
    }
    if !plan.listen.ip().is_loopback() && plan.tls.is_none() && !plan.insecure_http {
        plan.tls = certificate()?;
        plan.insecure_http = plan.tls.is_none();
    }
    if given.public_url.is_none() {
        let secure = plan.tls.is_some() || plan.insecure_http;
        let proposed = proposed_url(plan.listen, secure);
        plan.public_url = terminal::ask_until("How callers spell it", &proposed, |text| {
            usable(&Plan { public_url: text.to_owned(), ..plan.clone() })
        })?;
    }
    if given.dialects.is_empty() {
        Out::note(&format!("\nDialects: {}.", known_dialects().join(", ")));
        Out::note(
            "`countersign dialect list` tells what a proof of each binds. More than one: with commas between.",
        );
        let names = terminal::ask_until("Which may callers use", &plan.dialects.join(", "), |text| {
            usable(&Plan { dialects: listed(text), ..plan.clone() })
        })?;
        plan.dialects = listed(&names);
    }
    if given.upstream.is_none() {
        let asked = "Service that gets what holds, such as http://127.0.0.1:9000 (none: a proxy of yours here asks /verify)";
        let upstream = terminal::ask_until(asked, "none", |text| {
            usable(&Plan { upstream: named(text), ..plan.clone() })
        })?;
        plan.upstream = named(&upstream);
    }
    if given.manage.is_none() {
        let asked = terminal::ask_until("\nAddress for operators", &plan.manage.to_string(), |text| {
            let manage = text.parse().map_err(|_| wanted(text))?;
            if manage == plan.listen {
                return Err("callers have this address already; wanted another port".to_owned());
            }
            usable(&Plan { manage, ..plan.clone() })
        })?;
        plan.manage = asked.parse().unwrap_or(plan.manage);
    }
    if !given.no_console {
        plan.console = terminal::confirm("Web console there", true)?;
    }
    if given.operator.is_none() {
        plan.operator = operator()?;
    }
    Ok(plan)
}

/// Asks who the first operator is.
pub(super) fn operator() -> Result<String, Failure> {
    terminal::ask_until("Name of the first operator, who may do everything", OWNER, |text| {
        if text.trim().is_empty() { Err("wanted a name, found nothing".to_owned()) } else { Ok(()) }
    })
}

/// The files of a certificate; `None` where a proxy speaks TLS.
fn certificate() -> Result<Option<(PathBuf, PathBuf)>, Failure> {
    let file = |text: &str| match text {
        "none" => Ok(()),
        text if Path::new(text).is_file() => Ok(()),
        text => Err(format!("there is no file {text}; wanted one, or none")),
    };
    let asked = "This can be reached from other machines. Certificate chain in PEM (none: a proxy speaks TLS before it)";
    let chain = terminal::ask_until(asked, "none", file)?;
    if chain == "none" {
        return Ok(None);
    }
    let key = terminal::ask_until("Its private key", &chain.replace(".pem", ".key"), |text| {
        if text == "none" { Err("a certificate wants its key".to_owned()) } else { file(text) }
    })?;
    Ok(Some((PathBuf::from(chain), PathBuf::from(key))))
}

fn address(question: &str, proposed: SocketAddr) -> Result<SocketAddr, Failure> {
    let text = terminal::ask_until(question, &proposed.to_string(), |text| {
        text.parse::<SocketAddr>().map(|_| ()).map_err(|_| wanted(text))
    })?;
    Ok(text.parse().unwrap_or(proposed))
}

/// Where the rest is not decided yet, only what the answer itself breaks counts.
fn usable(plan: &Plan) -> Result<(), String> {
    plan.check()
}

fn wanted(found: &str) -> String {
    format!("wanted an address and port such as 127.0.0.1:8700 or [::]:8700, found {found:?}")
}

fn named(text: &str) -> Option<String> {
    Some(text.trim().to_owned()).filter(|text| !text.is_empty() && text != "none")
}

fn listed(text: &str) -> Vec<String> {
    text.split([',', ' ']).filter(|name| !name.is_empty()).map(str::to_owned).collect()
}
