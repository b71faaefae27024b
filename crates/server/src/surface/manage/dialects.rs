//! The dialects this installation speaks, and how much their proofs bind.
use super::problem::Reading;
use super::state::Manage;
use axum::Json;
use axum::extract::State;
use countersign::dialect::Dialect;
use countersign::verified::Covered;
use serde::Serialize;
use std::collections::BTreeMap;
use std::sync::Arc;
use utoipa::ToSchema;
use utoipa_axum::router::OpenApiRouter;
use utoipa_axum::routes;

/// The call about dialects.
pub(crate) fn routes() -> OpenApiRouter<Arc<Manage>> {
    OpenApiRouter::new().routes(routes!(list_dialects))
}

/// The dialects of this installation.
#[derive(Serialize, ToSchema)]
struct Dialects {
    /// In the order of the configuration.
    items: Vec<DialectView>,
}

/// A way of carrying a proof.
#[derive(Serialize, ToSchema)]
struct DialectView {
    /// Its name.
    name: String,
    /// One sentence about it.
    summary: String,
    /// The algorithms it takes.
    algorithms: Vec<&'static str>,
    /// Those of them that are weak.
    weak: Vec<&'static str>,
    /// The namespace its callers are registered in; missing when they are known by key or session.
    namespace: Option<String>,
    /// Whether it names a user to act for.
    acts_for_users: bool,
    /// What a proof binds.
    covered: CoveredView,
    /// How much that is.
    binding: Binding,
    /// Its settings in force.
    settings: BTreeMap<String, String>,
    /// What is worth knowing before it is used.
    warnings: Vec<String>,
}

/// What a proof binds.
#[derive(Serialize, ToSchema)]
#[expect(clippy::struct_excessive_bools, reason = "each is a part of a request that a proof binds or not")]
struct CoveredView {
    /// The method.
    method: bool,
    /// Scheme, host and port.
    authority: bool,
    /// The path.
    path: bool,
    /// The query.
    query: bool,
    /// The body.
    body: bool,
    /// A proof works once.
    once: bool,
    /// Seconds a proof works at most; missing: for ever.
    window_seconds: Option<i64>,
}

/// How much a proof binds, from strong to weak.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize, ToSchema)]
#[serde(rename_all = "kebab-case")]
enum Binding {
    /// This very request, once: method, address, body, and no second use.
    Request,
    /// Part of the request: who catches a proof can use it for other requests like it, or again.
    Part,
    /// One use of whatever request: who catches a proof first can spend it elsewhere.
    OneUse,
    /// Nothing but the caller, for a while: who catches a proof is the caller until it expires.
    Bearer,
    /// Nothing but the caller, for ever.
    Endless,
}

impl From<&Dialect> for DialectView {
    fn from(dialect: &Dialect) -> Self {
        let covered = dialect.covered();
        let algorithms = dialect.algorithms();
        Self {
            name: dialect.name().to_string(),
            summary: dialect.summary().to_owned(),
            algorithms: algorithms.iter().map(|algorithm| algorithm.name()).collect(),
            weak: algorithms.iter().filter(|a| a.is_weak()).map(|algorithm| algorithm.name()).collect(),
            namespace: dialect.namespace().map(str::to_owned),
            acts_for_users: dialect.acts_for_users(),
            binding: Binding::of(covered),
            covered: CoveredView {
                method: covered.method,
                authority: covered.authority,
                path: covered.path,
                query: covered.query,
                body: covered.body,
                once: covered.once,
                window_seconds: covered.window.map(|window| window.seconds()),
            },
            settings: dialect.settings().clone().into_iter().collect(),
            warnings: dialect.warnings().to_vec(),
        }
    }
}

impl Binding {
    fn of(covered: Covered) -> Self {
        let Covered { method, authority, path, query, body, once, window } = covered;
        match (method && authority && path && query && body, method || authority || path || query || body) {
            (true, _) if once => Self::Request,
            (_, true) => Self::Part,
            _ if once => Self::OneUse,
            _ if window.is_some() => Self::Bearer,
            _ => Self::Endless,
        }
    }
}

/// List the dialects with what their proofs bind.
#[utoipa::path(get, path = "/api/v1/dialects", tag = "dialects", responses((status = 200, body = Dialects), Reading))]
async fn list_dialects(State(manage): State<Arc<Manage>>) -> Json<Dialects> {
    Json(Dialects { items: manage.dialects.iter().map(|dialect| DialectView::from(&**dialect)).collect() })
}

#[cfg(test)]
mod tests {
    use super::*;
    use countersign::time::Span;

    #[test]
    fn bindings_are_told_apart() {
        let all = Covered {
            method: true,
            authority: true,
            path: true,
            query: true,
            body: true,
            once: true,
            window: None,
        };
        assert_eq!(Binding::of(all), Binding::Request);
        assert_eq!(Binding::of(Covered { once: false, ..all }), Binding::Part);
        assert_eq!(Binding::of(Covered { method: false, ..all }), Binding::Part);
        let none = Covered::default();
        assert_eq!(Binding::of(Covered { once: true, ..none }), Binding::OneUse);
        assert_eq!(Binding::of(Covered { window: Some(Span::from_seconds(60)), ..none }), Binding::Bearer);
        assert_eq!(Binding::of(none), Binding::Endless);
    }
}
