//! What is allowed by the grammar of the configuration and still wrong or doubtful: checked at start and by `config check`.
use super::acme::Challenge;
use super::listener::Surface;
use super::reader::Finding;
use super::replay::ReplaySection;
use super::route::To;
use super::tree::Origin;
use super::{Config, nearest_name};
use crate::surface::path::decoded;
use countersign::ask::Network;
use countersign::verified::Covered;
use countersign_guard::policy::Policy;
use countersign_store_postgres::Settings;
use std::collections::BTreeSet;
use std::net::{IpAddr, Ipv4Addr, Ipv6Addr};

/// Dialects of operators, of sign-ins and of our own tokens.
const OWN: [&str; 4] = ["access-token", "operator", "own-session", "spacetime"];

/// A dialect that signs in: its proofs are for the place where tokens are had, never for a route.
#[derive(Debug)]
pub struct SignsIn {
    /// Its name.
    pub dialect: &'static str,
    what: &'static str,
    instead: &'static str,
}

/// Every dialect that signs in.
pub const SIGNING_IN: [SignsIn; 2] = [
    SignsIn { dialect: "client-assertion", what: "is for the token endpoint", instead: "access-token" },
    // It answers challenges, and the session API alone opens those.
    SignsIn { dialect: "spacetime", what: "signs in", instead: "own-session" },
];

/// What checking found.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct Checked {
    /// The server does not start with these.
    pub errors: Vec<Finding>,
    /// The server starts, and says them once in the log.
    pub lints: Vec<Finding>,
}

/// What the check has to know of a dialect.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct DialectFacts {
    /// Its name.
    pub name: String,
    /// Whether it signs the body.
    pub signs_body: bool,
    /// Where its credential stands: a header name with the scheme word, such as `authorization: bearer`.
    pub carriers: Vec<String>,
    /// What its proofs bind.
    pub covered: Covered,
    /// Whether something in the credential tells it from another dialect on the same carrier.
    pub discriminated: bool,
}

impl Config {
    /// Checks what holds between settings. `dialects` says what the dialects named by routes are like.
    #[must_use]
    pub fn check(&self, dialects: &[DialectFacts]) -> Checked {
        let mut checked = Checked::default();
        self.check_listeners(&mut checked);
        self.check_upstreams(&mut checked);
        self.check_routes(dialects, &mut checked);
        self.check_key_sets(dialects, &mut checked);
        self.check_store(&mut checked);
        self.check_token(&mut checked);
        checked
    }

    /// A finding about a setting, with where it was set.
    pub(crate) fn finding(&self, path: String, message: String, fix: &str) -> Finding {
        let origin = self.shown().iter().find(|shown| shown.path == path).map(|shown| shown.origin.clone());
        Finding { path, origin: origin.unwrap_or(Origin::Default), message, fix: fix.to_owned() }
    }

    fn check_listeners(&self, checked: &mut Checked) {
        let mut seen = BTreeSet::new();
        for (index, listener) in self.listeners.iter().enumerate() {
            let path = format!("listener[{index}].address");
            let address = listener.address;
            if address.port() != 0 && !seen.insert(address) {
                let message = format!("{address} is listened on twice");
                checked.errors.push(self.finding(
                    path.clone(),
                    message,
                    "give each listener its own address",
                ));
            }
            let bare = listener.tls.is_none() && !listener.is_open_book();
            if !address.ip().is_loopback() && bare && !self.server.insecure_http {
                let message = format!("{address} can be reached from other machines and speaks no TLS");
                let fix = "add a tls table, listen on 127.0.0.1, or set [server] insecure_http = true when a proxy \
                           speaks TLS before it";
                checked.errors.push(self.finding(path.clone(), message, fix));
            }
            if listener.has(Surface::Manage) && !address.ip().is_loopback() {
                let message = format!("the management API answers on {address}, beyond this machine");
                let fix = "listen on loopback, or limit who reaches the address";
                checked.lints.push(self.finding(path.clone(), message, fix));
            }
            let named = !self.manage.authorities.is_empty() || self.server.public_url.is_some();
            if listener.has(Surface::Manage) && address.ip().is_unspecified() && !named {
                let message = format!(
                    "operators reach the management API on {address} by a name that is not known here, and a request \
                     signed for another installation could be used at this one"
                );
                let fix = "add [manage] authorities = [\"ops.example.com:8701\"], as operators write it, or listen on \
                           one address";
                checked.errors.push(self.finding("manage.authorities".to_owned(), message, fix));
            }
            if listener.has(Surface::Console)
                && address.ip().is_unspecified()
                && !named
                && self.console.origins.is_empty()
            {
                let message =
                    format!("browsers reach the console on {address} by a name that is not known here");
                let fix = "add [console] origins = [\"https://keys.example.com\"], as the browser's address has it, or listen on \
                           one address";
                checked.errors.push(self.finding("console.origins".to_owned(), message, fix));
            }
            if listener.has(Surface::Console) && listener.has(Surface::Gateway) {
                let message = "the console and the gateway share a listener, so that what an upstream answers is of the console's \
                               origin"
                    .to_owned();
                let fix = "give the console a listener of its own";
                checked.lints.push(self.finding(format!("listener[{index}].surfaces"), message, fix));
            }
            if listener.has(Surface::Manage) && listener.has(Surface::Gateway) {
                let message = "the management API and the gateway share a listener".to_owned();
                let fix = "give the management API a listener of its own";
                checked.lints.push(self.finding(format!("listener[{index}].surfaces"), message, fix));
            }
        }
        for network in self.server.trusted_proxies.iter().filter(|network| is_too_wide(network)) {
            let message = format!(
                "{network} is far more than proxies: whoever connects from there says what the original request was and \
                 from where it came"
            );
            let fix = "name the networks of your proxies alone, such as \"10.0.0.0/8\"";
            checked.lints.push(self.finding("server.trusted_proxies".to_owned(), message, fix));
        }
        self.check_acme(checked);
        self.check_ext_authz(checked);
        let forward_auth = self.listeners.iter().any(|listener| listener.has(Surface::ForwardAuth));
        if forward_auth && self.server.trusted_proxies.is_empty() && !self.routes.is_empty() {
            let message = "no proxy is trusted, so forward-auth refuses every question".to_owned();
            let fix = "if a proxy asks it, name the proxy's network; else remove \"forward-auth\" from the surfaces";
            checked.lints.push(self.finding("server.trusted_proxies".to_owned(), message, fix));
        }
    }

    fn check_acme(&self, checked: &mut Checked) {
        let plain =
            self.listeners.iter().any(|listener| listener.has(Surface::Acme) && listener.tls.is_none());
        for (index, listener) in self.listeners.iter().enumerate() {
            let asked = listener.tls.as_ref().and_then(|tls| tls.acme.as_ref());
            if asked.is_some_and(|acme| acme.challenge == Challenge::Http) && !plain {
                let message = "http-01 is answered on a listener without TLS that has the surface \"acme\": there is none"
                    .to_owned();
                let fix = "add a [[listener]] with address = \"0.0.0.0:80\" and surfaces = [\"acme\"]";
                checked.errors.push(self.finding(
                    format!("listener[{index}].tls.acme.challenge"),
                    message,
                    fix,
                ));
            }
        }
    }

    fn check_store(&self, checked: &mut Checked) {
        let clear = |replay: &ReplaySection| replay.settings().is_in_the_clear();
        if self.store.replay.as_ref().is_some_and(clear) {
            let message = "Redis is beyond this machine and is spoken to without TLS".to_owned();
            let fix = "write rediss instead of redis, unless nobody else can be on that network";
            checked.lints.push(self.finding("store.replay.url".to_owned(), message, fix));
        }
        let Some(url) = &self.store.url else { return };
        if self.store.path.is_some() {
            let message = "there is a url as well".to_owned();
            let fix = "keep one: a folder for one node, a url for several";
            checked.errors.push(self.finding("store.path".to_owned(), message, fix));
        }
        if Settings::new(url).is_in_the_clear() {
            let message = "the database is beyond this machine and is spoken to without TLS".to_owned();
            let fix = "leave sslmode out, unless nobody else can be on that network";
            checked.lints.push(self.finding("store.url".to_owned(), message, fix));
        }
    }

    fn check_ext_authz(&self, checked: &mut Checked) {
        let shared =
            |surface: &Surface| matches!(surface, Surface::Gateway | Surface::Session | Surface::Token);
        for (index, listener) in self.listeners.iter().enumerate() {
            if !listener.has(Surface::ExtAuthz) {
                continue;
            }
            if listener.surfaces.iter().any(shared) {
                let message = "ext-authz shares a listener with what callers reach".to_owned();
                let fix = "give it a listener of its own that Envoy alone reaches";
                checked.lints.push(self.finding(format!("listener[{index}].surfaces"), message, fix));
            }
            if self.server.trusted_proxies.is_empty() {
                let message = "no proxy is trusted, so ext-authz refuses every question".to_owned();
                let fix = "name the networks that Envoy asks from";
                checked.lints.push(self.finding("server.trusted_proxies".to_owned(), message, fix));
            }
        }
    }

    fn check_routes(&self, dialects: &[DialectFacts], checked: &mut Checked) {
        let mut names = BTreeSet::new();
        let mut places = BTreeSet::new();
        for (index, route) in self.routes.iter().enumerate() {
            let at = |key: &str| format!("route[{index}].{key}");
            if !names.insert(route.name.as_str()) {
                let message = format!("two routes are named {:?}", route.name);
                checked.errors.push(self.finding(at("name"), message, "give each route its own name"));
            }
            // `/%7Ea` is `/~a`, as routes are found.
            if !places.insert((route.host.as_deref(), decoded(&route.path))) {
                let message = "two routes have the same host and path".to_owned();
                checked.errors.push(self.finding(at("path"), message, "merge them or change one"));
            }
            if route.dialects.is_empty() {
                let message = format!("route {:?} takes no dialect, so it refuses everything", route.name);
                checked.errors.push(self.finding(at("dialects"), message, "add dialects = [\"skykit\"]"));
            }
            let mut on_route = Vec::new();
            for name in &route.dialects {
                match dialects.iter().find(|dialect| dialect.name == *name) {
                    Some(dialect) => match SIGNING_IN.iter().find(|row| row.dialect == dialect.name) {
                        Some(SignsIn { dialect, what, instead }) => {
                            let message = format!(
                                "a route cannot take {dialect}: it {what}, and the token it gets comes after"
                            );
                            let fix = format!("take \"{instead}\", the dialect of those tokens");
                            checked.errors.push(self.finding(at("dialects"), message, &fix));
                        }
                        None => on_route.push(dialect),
                    },
                    None => {
                        let near = nearest_name(name, dialects.iter().map(|dialect| dialect.name.as_str()));
                        let all: Vec<&str> = dialects.iter().map(|dialect| dialect.name.as_str()).collect();
                        let fix = match near {
                            Some(near) => format!("did you mean {near:?}?"),
                            None => {
                                format!("there are {}; others need [dialect.{name}] file", all.join(", "))
                            }
                        };
                        let message = format!("there is no dialect {name:?}");
                        checked.errors.push(self.finding(at("dialects"), message, &fix));
                    }
                }
            }
            self.check_carriers(&on_route, &at("dialects"), checked);
            let lacking = |dialect: &&DialectFacts| Policy::lacking(&route.require, &dialect.covered);
            let lacks: Vec<_> =
                on_route.iter().filter_map(|dialect| Some((&dialect.name, lacking(dialect)?))).collect();
            if !lacks.is_empty() {
                let each: Vec<_> =
                    lacks.iter().map(|(name, part)| format!("{name} does not bind {part}")).collect();
                let all = if lacks.len() == on_route.len() { ": the route refuses everybody" } else { "" };
                let message = format!("not-covered: {}{all}", each.join(", "));
                let fix = "take dialects that bind it, or require less";
                checked.lints.push(self.finding(at("require"), message, fix));
            }
            self.check_modes(route, index, checked);
            self.check_bodies(&on_route, &route.name, &at("dialects"), checked);
        }
    }

    fn check_key_sets(&self, dialects: &[DialectFacts], checked: &mut Checked) {
        for name in &self.jwks.dialects {
            let path = || "jwks.dialects".to_owned();
            if OWN.contains(&name.as_str()) {
                let message =
                    format!("a published key cannot count in {name}, whose keys are registered one by one");
                checked.errors.push(self.finding(path(), message, "remove it"));
            } else if !dialects.is_empty() && !dialects.iter().any(|dialect| dialect.name == *name) {
                let message = format!("there is no dialect {name:?}");
                checked.errors.push(self.finding(path(), message, "remove it, or add its [dialect] table"));
            }
        }
        if self.jwks.allow_http {
            let message = "accounts' key sets are fetched over plain http too: whoever sits between can put keys of its \
                           own into them";
            let fix = "leave it to tests on this machine; have the sets served over https";
            checked.lints.push(self.finding("jwks.allow_http".to_owned(), message.to_owned(), fix));
        }
    }

    fn check_upstreams(&self, checked: &mut Checked) {
        let mut names = BTreeSet::new();
        for (index, upstream) in self.upstreams.iter().enumerate() {
            let at = |key: &str| format!("upstream[{index}].{key}");
            if !names.insert(upstream.name.as_str()) {
                let message = format!("two upstreams are named {:?}", upstream.name);
                checked.errors.push(self.finding(at("name"), message, "give each upstream its own name"));
            }
            let tls = upstream.addresses.iter().any(|address| address.scheme_str() == Some("https"));
            if !tls && (upstream.ca.is_some() || upstream.server_name.is_some()) {
                let message = "its addresses speak no TLS, so the tls table means nothing".to_owned();
                checked.errors.push(self.finding(at("tls"), message, "write the addresses with https"));
            }
            if !self
                .routes
                .iter()
                .any(|route| matches!(&route.upstream, Some(To::Pool(name)) if *name == upstream.name))
            {
                let message = format!("no route goes to {:?}", upstream.name);
                checked.lints.push(self.finding(at("name"), message, "name it in a route, or remove it"));
            }
        }
        for (index, route) in self.routes.iter().enumerate() {
            let Some(To::Pool(name)) = &route.upstream else { continue };
            if names.contains(name.as_str()) {
                continue;
            }
            let fix = match nearest_name(name, names.iter().copied()) {
                Some(near) => format!("did you mean {near:?}?"),
                None => "add an [[upstream]] with this name, or write an address with http:// before it"
                    .to_owned(),
            };
            let message = format!("there is no upstream {name:?}");
            checked.errors.push(self.finding(format!("route[{index}].upstream"), message, &fix));
        }
    }

    fn check_carriers(&self, on_route: &[&DialectFacts], path: &str, checked: &mut Checked) {
        for (index, left) in on_route.iter().enumerate() {
            for right in on_route.iter().skip(index + 1) {
                let shared = left.carriers.iter().find(|carrier| right.carriers.contains(carrier));
                let Some(carrier) = shared.filter(|_| !(left.discriminated && right.discriminated)) else {
                    continue;
                };
                let message = format!(
                    "{} and {} both use {carrier} here and nothing tells them apart: such requests are refused",
                    left.name, right.name
                );
                let fix = "give them routes of their own, or discriminators in their settings";
                checked.errors.push(self.finding(path.to_owned(), message, fix));
            }
        }
    }
}

/// Whether a network holds addresses that no proxy can have: then it was written for "everybody".
fn is_too_wide(network: &Network) -> bool {
    let nobodys: [IpAddr; 6] = [
        Ipv4Addr::UNSPECIFIED.into(),
        Ipv4Addr::new(203, 0, 113, 1).into(),
        Ipv4Addr::BROADCAST.into(),
        Ipv6Addr::UNSPECIFIED.into(),
        Ipv6Addr::new(0x2001, 0xdb8, 0, 0, 0, 0, 0, 1).into(),
        Ipv6Addr::new(0xff02, 0, 0, 0, 0, 0, 0, 1).into(),
    ];
    nobodys.into_iter().any(|address| network.contains(address))
}
