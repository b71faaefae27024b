//! The dialects that this server's routes take, for whoever wants to sign.
use super::holder::Holder;
use super::state::Console;
use crate::app::App;
use crate::config::listener::Surface;
use crate::config::route::Route;
use crate::surface::manage::problem::Reading;
use axum::Json;
use axum::extract::State;
use countersign_dialects::language::Language;
use countersign_dialects::snippet::Snippet;
use countersign_store::model::Account;
use serde::Serialize;
use std::collections::BTreeMap;
use std::sync::Arc;
use utoipa::ToSchema;
use utoipa_axum::router::OpenApiRouter;
use utoipa_axum::routes;

/// Sessions are opened in this dialect, and their tokens are of the other.
pub(super) const OPENS: &str = "spacetime";
pub(super) const OPENED: &str = "own-session";

/// The call about dialects.
pub(super) fn routes() -> OpenApiRouter<Arc<Console>> {
    OpenApiRouter::new().routes(routes!(list_taken_dialects))
}

/// The dialects that routes take.
#[derive(Serialize, ToSchema)]
struct TakenDialects {
    /// By name.
    items: Vec<TakenDialect>,
}

/// A dialect that routes take.
#[derive(Serialize, ToSchema)]
struct TakenDialect {
    /// Its name.
    name: String,
    /// One sentence about it.
    summary: String,
    /// The algorithms it takes.
    algorithms: Vec<&'static str>,
    /// The namespace its callers are registered in; missing when they are known by key or session.
    namespace: Option<String>,
    /// Its settings: what a caller must know to sign, and no secret.
    settings: BTreeMap<String, String>,
    /// The languages that there is a snippet of it in, by the names that snippets are asked for with.
    languages: Vec<&'static str>,
    /// The routes that take it.
    routes: Vec<TakenAt>,
}

/// A route.
#[derive(Serialize, ToSchema)]
struct TakenAt {
    /// Its name.
    name: String,
    /// Where it is: an address where the host is known, else a path.
    url: String,
}

/// The address of a route: whole where the host is known, else its path.
pub(super) fn address(app: &App, route: &Route) -> String {
    match (&route.host, app.config.server.public()) {
        (Some(host), Some((scheme, _))) => format!("{scheme}://{host}{}", route.path),
        (Some(host), None) => format!("https://{host}{}", route.path),
        (None, Some((scheme, authority))) => format!("{scheme}://{authority}{}", route.path),
        (None, None) => route.path.clone(),
    }
}

/// The routes that this account is let into: what is not for it is not told to it.
pub(super) fn open_to<'a>(app: &'a App, account: &'a Account) -> impl Iterator<Item = &'a Route> {
    let organisation = account.organisation.as_ref().and_then(|id| app.directory.organisation(id));
    app.config.routes.iter().filter(move |route| {
        let named = |name: &String| *name == account.name || *name == account.id;
        let inside = |name: &String| organisation.as_ref().is_some_and(|own| own.name == *name);
        route.admit.as_ref().is_none_or(|admit| admit.iter().any(named))
            && route.organisations.as_ref().is_none_or(|names| names.iter().any(inside))
    })
}

/// Whether requests in this dialect reach a route: by proofs of its own, or by the tokens that they open.
pub(super) fn takes(app: &App, route: &Route, dialect: &str) -> bool {
    let has = |name: &str| route.dialects.iter().any(|own| own == name);
    has(dialect) || (dialect == OPENS && has(OPENED) && has_sessions(app))
}

fn has_sessions(app: &App) -> bool {
    app.config.listeners.iter().any(|listener| listener.has(Surface::Session))
}

/// The address where a challenge is answered.
fn opening(app: &App) -> String {
    let path = format!("{}/auth/token", app.config.session.prefix);
    app.config
        .server
        .public()
        .map_or_else(|| path.clone(), |(scheme, authority)| format!("{scheme}://{authority}{path}"))
}

/// The languages that a dialect's snippets are in.
fn written(dialect: &str) -> Vec<&'static str> {
    let there = |language: &Language| Snippet::find(dialect, *language).is_some();
    Language::ALL.into_iter().filter(there).map(Language::name).collect()
}

/// List the dialects that routes take.
#[utoipa::path(get, path = "/console/api/v1/dialects", tag = "dialects",
    responses((status = 200, body = TakenDialects), Reading))]
async fn list_taken_dialects(State(console): State<Arc<Console>>, holder: Holder) -> Json<TakenDialects> {
    let app = &console.app;
    let mut items = BTreeMap::new();
    for route in open_to(app, &holder.account) {
        let url = address(app, route);
        let opens = takes(app, route, OPENS).then(|| OPENS.to_owned());
        for name in route
            .dialects
            .iter()
            .chain(opens.iter().filter(|_| !route.dialects.iter().any(|own| own == OPENS)))
        {
            let Some(dialect) = app.dialects.get(name) else { continue };
            let taken = items.entry(name.clone()).or_insert_with(|| TakenDialect {
                name: name.clone(),
                summary: dialect.summary().to_owned(),
                algorithms: dialect.algorithms().iter().map(|algorithm| algorithm.name()).collect(),
                namespace: dialect.namespace().map(str::to_owned),
                settings: dialect.settings().clone().into_iter().collect(),
                languages: written(if name == OPENED { OPENS } else { name }),
                routes: Vec::new(),
            });
            let url = if name == OPENS { opening(app) } else { url.clone() };
            taken.routes.push(TakenAt { name: route.name.clone(), url });
        }
    }
    Json(TakenDialects { items: items.into_values().collect() })
}
