//! What a key may be used for, narrowed by its owner: never wider than it was, whoever set that.
use super::holder::Holder;
use super::reach::changeable;
use super::state::Console;
use crate::surface::manage::access::keep_an_owner;
use crate::surface::manage::input::Input;
use crate::surface::manage::moment::Moment;
use crate::surface::manage::problem::{Changing, Problem};
use crate::surface::manage::views::KeyView;
use axum::Json;
use axum::extract::{Path, State};
use countersign::ask::Network;
use countersign::permission::is_under;
use countersign_keys::Algorithm;
use countersign_store::denied::{Denial, Denied};
use countersign_store::draft::Narrowing;
use countersign_store::model::KeyRecord;
use serde::Deserialize;
use std::sync::Arc;
use utoipa::ToSchema;
use utoipa_axum::router::OpenApiRouter;
use utoipa_axum::routes;

/// The call that narrows.
pub(super) fn routes() -> OpenApiRouter<Arc<Console>> {
    OpenApiRouter::new().routes(routes!(narrow_own_key))
}

/// What a key is narrowed to; members that are left out stay as they are.
#[derive(Clone, Deserialize, ToSchema)]
#[serde(deny_unknown_fields)]
struct OwnNarrowing {
    /// Methods, such as `GET`.
    methods: Option<Vec<String>>,
    /// Path prefixes on segment borders, such as `/reports`.
    paths: Option<Vec<String>>,
    /// Client networks, such as `10.0.0.0/8`.
    networks: Option<Vec<String>>,
    /// Dialects it is for. That is about this key alone: its holder may register another one for others.
    dialects: Option<Vec<String>>,
    /// Algorithms that it signs with.
    algorithms: Option<Vec<String>>,
    /// Not accepted from then on.
    expires: Option<Moment>,
}

/// Narrow what a key may be used for. Nothing becomes wider than it is: that is an operator's to do, or a new key's.
#[utoipa::path(put, path = "/console/api/v1/keys/{key}/limits", tag = "keys",
    params(("key" = String, Path, description = "The key's id.")), request_body = OwnNarrowing,
    responses((status = 200, body = KeyView), Changing))]
async fn narrow_own_key(
    State(console): State<Arc<Console>>,
    holder: Holder,
    Path(key): Path<String>,
    Input(wanted): Input<OwnNarrowing>,
) -> Result<Json<KeyView>, Problem> {
    changeable(&console, &holder, &key)?;
    let actor = holder.actor();
    let row = actor.change(&console.manage, |draft| {
        let before = draft.key(&key)?;
        let OwnNarrowing { methods, paths, networks, dialects, algorithms, expires } = wanted.clone();
        let limits = Narrowing {
            algorithms: algorithms.unwrap_or_else(|| before.algorithms.clone()),
            methods: methods.unwrap_or_else(|| before.methods.clone()),
            paths: paths.unwrap_or_else(|| before.paths.clone()),
            networks: networks.unwrap_or_else(|| before.networks.clone()),
        };
        if limits != narrowing(&before) {
            draft.set_key_limits(&key, &limits)?;
        }
        if let Some(names) = dialects.filter(|names| *names != before.dialects) {
            draft.set_key_dialects(&key, &names)?;
        }
        if let Some(Moment(end)) = expires.filter(|end| before.life.expires != Some(end.0)) {
            draft.set_key_expiry(&key, Some(end))?;
        }
        let after = draft.key(&key)?;
        narrower(&before, &after)?;
        keep_an_owner(&console.manage.directory, draft)?;
        Ok(after)
    });
    Ok(Json(KeyView::of(row.await?, holder.now)?))
}

fn narrowing(row: &KeyRecord) -> Narrowing {
    Narrowing {
        algorithms: row.algorithms.clone(),
        methods: row.methods.clone(),
        paths: row.paths.clone(),
        networks: row.networks.clone(),
    }
}

/// Whether a key may do afterwards what it might before, and nothing else.
fn narrower(before: &KeyRecord, after: &KeyRecord) -> Result<(), Denied> {
    let equal = |old: &str, new: &str| old == new;
    let network = |old: &str, new: &str| {
        Network::parse(old).zip(Network::parse(new)).is_some_and(|(old, new)| old.holds(&new))
    };
    // What is not narrowed takes every algorithm of its kind that is not weak.
    let weak = |name: &String| Algorithm::from_name(name).is_none_or(Algorithm::is_weak);
    let stronger = !before.algorithms.is_empty() || !after.algorithms.iter().any(weak);
    let sooner = match (before.life.expires, after.life.expires) {
        (None, _) => true,
        (Some(_), None) => false,
        (Some(old), Some(new)) => new <= old,
    };
    let parts = [
        ("methods", inside(&before.methods, &after.methods, equal)),
        ("path prefixes", inside(&before.paths, &after.paths, is_under)),
        ("networks", inside(&before.networks, &after.networks, network)),
        ("dialects", inside(&before.dialects, &after.dialects, equal)),
        ("algorithms", stronger && inside(&before.algorithms, &after.algorithms, equal)),
        ("end", sooner),
    ];
    match parts.iter().find(|(_, holds)| !holds) {
        None => Ok(()),
        Some((part, _)) => Err(Denied::new(
            Denial::Forbidden,
            "wider-than-before",
            format!(
                "wanted {part} within those that the key has; found wider ones; ask an operator, or register another key"
            ),
        )),
    }
}

/// Whether each new part lies inside an old one; an empty list is all there is.
fn inside(old: &[String], new: &[String], holds: impl Fn(&str, &str) -> bool) -> bool {
    old.is_empty() || (!new.is_empty() && new.iter().all(|new| old.iter().any(|old| holds(old, new))))
}

#[cfg(test)]
mod tests;
