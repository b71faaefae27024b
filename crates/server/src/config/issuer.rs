//! What is wrong or doubtful between the token endpoint and the rest of the configuration.
use super::Config;
use super::check::Checked;
use super::listener::Surface;
use super::route::Route;
use super::token::origin;
use std::collections::BTreeSet;

impl Config {
    /// What is wrong between the token endpoint and the rest.
    pub(super) fn check_token(&self, checked: &mut Checked) {
        let mut at = self.listeners.iter().enumerate().filter(|(_, listener)| listener.has(Surface::Token));
        let issuer = self.token.issuer(&self.server);
        if let (Some((index, _)), None) = (at.next(), issuer) {
            let message =
                "the token endpoint has no issuer, so nobody knows whose tokens it gives out".to_owned();
            let fix = "add [token] issuer = \"https://auth.example.com\", or server.public_url";
            checked.errors.push(self.finding(format!("listener[{index}].surfaces"), message, fix));
        }
        if issuer.is_some_and(|issuer| issuer.starts_with("http://") && !is_here(origin(issuer))) {
            let message =
                "the issuer is an address without TLS: whoever sits between sees the tokens".to_owned();
            checked.lints.push(self.finding("token.issuer".to_owned(), message, "write https"));
        }
        let paths = &self.token.paths;
        let mut seen = BTreeSet::new();
        for path in [&paths.token, &paths.introspect, &paths.revoke, &paths.server, &paths.resource] {
            if !seen.insert(path) {
                let message = format!("two endpoints have the path {path}");
                checked.errors.push(self.finding("token.path".to_owned(), message, "give each its own"));
            }
        }
        let takes =
            |route: &&Route| route.host.is_none() && route.dialects.iter().any(|name| name == "access-token");
        if let (None, Some(route)) = (&self.server.public_url, self.routes.iter().find(takes)) {
            let message = format!(
                "route {:?} takes access tokens at any host, so a DPoP proof that a caller made for another server may be used here",
                route.name
            );
            let fix = "set server.public_url, or the route's host";
            checked.lints.push(self.finding("server.public_url".to_owned(), message, fix));
        }
        let resources = self.token.resources(&self.server);
        for (account, client) in &self.token.clients {
            let unknown = client.resources.iter().flatten().find(|one| !resources.contains(one));
            let unknown = unknown
                .or_else(|| client.scopes.iter().flatten().find(|one| !self.token.scopes.contains(one)));
            if let Some(unknown) = unknown {
                let message = format!("client {account:?} has {unknown:?}, which [token] does not list");
                let fix = "add it to `resources` or `scopes`, or remove it here";
                checked.errors.push(self.finding("token.client".to_owned(), message, fix));
            }
            if client.legacy_audience {
                let message = format!(
                    "client {account:?} may name the token endpoint as the audience of its assertions: another server that lies \
                     about its own endpoint could use them here"
                );
                let fix = "have the client name the issuer, and remove legacy_audience";
                checked.lints.push(self.finding("token.client".to_owned(), message, fix));
            }
        }
    }
}

/// Whether an origin is on this machine.
fn is_here(origin: &str) -> bool {
    let host = origin.strip_prefix("http://").unwrap_or(origin);
    ["127.0.0.1", "localhost", "[::1]"]
        .iter()
        .any(|here| host.strip_prefix(here).is_some_and(|rest| rest.is_empty() || rest.starts_with(':')))
}
