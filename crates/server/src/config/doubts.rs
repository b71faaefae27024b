//! What a route allows and may not be meant so: callers let pass as nobody, and bodies that the judging surface does not see.
use super::Config;
use super::check::{Checked, DialectFacts};
use super::listener::Surface;
use super::mode::Mode;
use super::route::Route;

impl Config {
    pub(super) fn check_modes(&self, route: &Route, index: usize, checked: &mut Checked) {
        if route.modes.usual == Mode::Enforce && route.modes.is_lenient() {
            let message = "a route that enforces lets those pass, as nobody's, who name one of these accounts: anybody \
                           can write a name"
                .to_owned();
            let fix =
                "go by the identity headers at the upstream, or give these accounts a route of their own";
            checked.lints.push(self.finding(format!("route[{index}].modes"), message, fix));
        }
        if route.modes.own.values().any(|mode| *mode != route.modes.usual) {
            let message = "requests that name one of these accounts are answered otherwise than those that name another, \
                           proved or not: strangers can learn that it is there"
                .to_owned();
            let fix = "give these accounts a route of their own when that must not be known";
            checked.lints.push(self.finding(format!("route[{index}].modes"), message, fix));
        }
        let asked = self.listeners.iter().any(|listener| listener.has(Surface::ForwardAuth));
        if route.modes.is_lenient() && asked && !self.server.trusted_proxies.is_empty() {
            let message = format!(
                "requests that pass route {:?} as nobody's have no identity headers in forward-auth's answer: a proxy that \
                 does not remove the caller's own lets it name whom it likes",
                route.name
            );
            let fix = "let the proxy remove X-Countersign-* of the caller's before it asks, as the files in examples/ do";
            checked.lints.push(self.finding(format!("route[{index}].mode"), message, fix));
        }
    }

    pub(super) fn check_bodies(
        &self,
        on_route: &[&DialectFacts],
        route: &str,
        path: &str,
        checked: &mut Checked,
    ) {
        let has = |surface| self.listeners.iter().any(|listener| listener.has(surface));
        if self.server.trusted_proxies.is_empty() {
            return;
        }
        if has(Surface::ExtAuthz) {
            for dialect in on_route.iter().filter(|dialect| dialect.signs_body) {
                let message = format!(
                    "body-unseen: {} signs the body, and ext-authz on route {route:?} sees one only where Envoy sends it",
                    dialect.name
                );
                let fix = "in Envoy set with_request_body without partial messages, and promise it by countersign-body: \
                           whole (gRPC) or the prefix /ext-authz/whole (HTTP)";
                checked.lints.push(self.finding(path.to_owned(), message, fix));
            }
        }
        if !has(Surface::ForwardAuth) || self.forward_auth.bodies {
            return;
        }
        for dialect in on_route.iter().filter(|dialect| dialect.signs_body) {
            let message = format!(
                "body-unseen: {} signs the body, and forward-auth on route {route:?} sees none: requests with a body \
                 are refused there",
                dialect.name
            );
            let fix = "send this route through the gateway, or set [forward_auth] bodies = true when the proxy sends bodies along";
            checked.lints.push(self.finding(path.to_owned(), message, fix));
        }
    }
}
