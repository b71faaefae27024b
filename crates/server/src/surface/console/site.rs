//! From which site a browser calls: the console's own origin, and proof that one of its own pages makes the call.
use super::state::CALLS;
use crate::app::App;
use crate::call::Call;
use crate::surface::manage::authority::{is_called, is_same};
use crate::surface::manage::problem::Problem;
use crate::surface::origin::{Origin, single, told};
use axum::http::request::Parts;
use axum::http::{HeaderMap, StatusCode, header};
use std::net::IpAddr;

/// The header that other sites cannot send without asking first, which nobody ever allows.
const OWN: &str = "countersign-console";

/// Where a browser sees the console.
#[derive(Clone, Debug)]
pub(crate) struct Site {
    /// Scheme, host and port as the browser's address has them, without a scheme's usual port.
    pub(crate) origin: String,
    /// The port where it is not the usual one: cookies do not tell ports apart.
    pub(crate) port: Option<String>,
    /// The caller's address, where it is known.
    pub(crate) client: Option<IpAddr>,
}

impl Site {
    /// The site that a call was made to, if it is one of ours.
    ///
    /// # Errors
    /// `bad-address`, or `wrong-authority`: what a signature names must be chosen by whoever runs the server, never by a `Host`.
    pub(crate) fn of(app: &App, parts: &Parts) -> Result<Self, Problem> {
        let call = parts.extensions.get::<Call>();
        let config = &app.config;
        let peer = call.map_or(IpAddr::from([0, 0, 0, 0]), |call| call.peer.ip());
        let tls = call.is_some_and(|call| call.tls);
        let found = told(&config.server, peer, tls, &parts.headers, parts.uri.authority());
        let Origin { scheme, own, client, .. } = found.map_err(|text| {
            let title = "The request does not say once where it goes.";
            Problem::new(StatusCode::BAD_REQUEST, "bad-address", title).detail(text)
        })?;
        let own = own.to_ascii_lowercase();
        let named =
            config.console.origins.iter().find(|origin| {
                origin.split_once("://").is_some_and(|(_, authority)| is_same(authority, &own))
            });
        let public = config.server.public().filter(|(_, authority)| is_same(authority, &own));
        let ours = config.manage.authorities.iter().any(|authority| is_same(authority, &own))
            || call.is_none_or(|call| is_called(call.local, &own));
        let origin = match (named, public) {
            (Some(origin), _) => origin.clone(),
            (None, Some((scheme, _))) => plain(scheme, &own),
            (None, None) if ours => plain(&scheme, &own),
            (None, None) => return Err(elsewhere()),
        };
        let authority = origin.split_once("://").map_or("", |(_, authority)| authority);
        let port = authority.rsplit_once(':').map(|(_, port)| port.to_owned());
        let port = port.filter(|port| port.bytes().all(|byte| byte.is_ascii_digit()));
        Ok(Self { origin, port, client: client.known().filter(|_| call.is_some()) })
    }

    /// Whether cookies must come over TLS alone.
    pub(crate) fn is_secure(&self) -> bool {
        self.origin.starts_with("https:")
    }

    /// Where the page is that begins.
    pub(crate) fn page(&self) -> String {
        format!("{}/console/", self.origin)
    }
}

/// Lets calls through that one of the console's own pages makes. A cookie alone proves nothing: browsers send it along with what
/// other pages ask for.
///
/// # Errors
/// `other-site`.
pub(crate) fn same_site(site: &Site, headers: &HeaderMap) -> Result<(), Problem> {
    let once = |name: &str| single(headers, name).map_err(|_| other_site());
    let own = once(OWN)? == Some("1");
    let origin = once(header::ORIGIN.as_str())?.is_none_or(|origin| origin == site.origin);
    let fetched = once("sec-fetch-site")?.is_none_or(|from| from == "same-origin" || from == "none");
    if own && origin && fetched { Ok(()) } else { Err(other_site()) }
}

/// As browsers write it: no port that the scheme has anyway.
fn plain(scheme: &str, authority: &str) -> String {
    let usual = if scheme == "https" { ":443" } else { ":80" };
    format!("{scheme}://{}", authority.strip_suffix(usual).unwrap_or(authority))
}

fn other_site() -> Problem {
    let title = "This call is for the console's own pages.";
    Problem::new(StatusCode::FORBIDDEN, "other-site", title).detail(format!(
        "Wanted the header {OWN}: 1, and Origin and Sec-Fetch-Site, where they are sent, of this very address; calls under \
         {CALLS} from another site are not taken."
    ))
}

/// The hosts that count are not told: a stranger may be asking.
fn elsewhere() -> Problem {
    let title = "This console is not called by that host.";
    Problem::new(StatusCode::MISDIRECTED_REQUEST, "wrong-authority", title).detail(
        "Wanted a host among [console] origins or [manage] authorities, or the listener's own address; found another. Call it \
         so, or add the origin to the configuration.",
    )
}
