//! The life of a key: activate, retire, disable, revoke; and where it may be used.
use super::access;
use super::found;
use super::input::{Input, present};
use super::keys::known_dialects;
use super::moment::{Length, Moment};
use super::operator::Operator;
use super::problem::{Changing, Problem};
use super::state::Manage;
use super::views::{KeyView, LimitsView};
use axum::Json;
use axum::extract::{Path, State};
use countersign::time::Time;
use countersign_store::draft::Narrowing;
use countersign_store::model::KeyRecord;
use serde::Deserialize;
use std::sync::Arc;
use utoipa::ToSchema;
use utoipa_axum::router::OpenApiRouter;
use utoipa_axum::routes;

/// The calls about the life of a key.
pub(crate) fn routes() -> OpenApiRouter<Arc<Manage>> {
    OpenApiRouter::new()
        .routes(routes!(activate_key))
        .routes(routes!(retire_key))
        .routes(routes!(disable_key))
        .routes(routes!(revoke_key))
        .routes(routes!(limit_key))
        .routes(routes!(change_key))
}

/// When a key retires: exactly one of the two.
#[derive(Deserialize, ToSchema)]
#[serde(deny_unknown_fields)]
struct Retirement {
    /// From when it is no longer accepted.
    until: Option<Moment>,
    /// For how long it is still accepted, such as `7d`.
    overlap: Option<Length>,
}

/// What to change of a key; members that are left out stay as they are.
#[derive(Deserialize, ToSchema)]
#[serde(deny_unknown_fields)]
struct KeyChange {
    /// What its owner calls it.
    label: Option<String>,
    /// Dialects it is for.
    dialects: Option<Vec<String>>,
    /// Algorithms it is narrowed to; empty: all of its kind that are not weak. A weak one must be named.
    algorithms: Option<Vec<String>>,
    /// Where it may be used.
    limits: Option<LimitsChange>,
    /// Not accepted from then on; `null` takes the date away.
    #[serde(default, deserialize_with = "present")]
    #[schema(value_type = Option<Moment>)]
    expires: Option<Option<Moment>>,
}

/// What to change of where a key may be used; lists that are left out stay as they are, and an empty one restricts nothing.
#[derive(Clone, Deserialize, ToSchema)]
#[serde(deny_unknown_fields)]
struct LimitsChange {
    /// Methods, such as `GET`.
    methods: Option<Vec<String>>,
    /// Path prefixes on segment borders, such as `/reports`.
    paths: Option<Vec<String>>,
    /// Client networks, such as `10.0.0.0/8`.
    networks: Option<Vec<String>>,
}

impl KeyChange {
    /// What the key is narrowed to afterwards. It begins with what the key is narrowed to when the change is made, so that two who each
    /// change one list do not undo each other.
    fn narrowing(&self, key: KeyRecord) -> Narrowing {
        let limits = self.limits.as_ref();
        let new =
            |list: fn(&LimitsChange) -> &Option<Vec<String>>| limits.and_then(|limits| list(limits).clone());
        Narrowing {
            algorithms: self.algorithms.clone().unwrap_or(key.algorithms),
            methods: new(|limits| &limits.methods).unwrap_or(key.methods),
            paths: new(|limits| &limits.paths).unwrap_or(key.paths),
            networks: new(|limits| &limits.networks).unwrap_or(key.networks),
        }
    }
}

impl Retirement {
    fn until(&self, now: Time) -> Result<Time, Problem> {
        match (self.until, self.overlap) {
            (Some(Moment(until)), None) => Ok(until),
            (None, Some(Length(overlap))) => Ok(now + overlap),
            (None, None) | (Some(_), Some(_)) => {
                Err(Problem::invalid("until-or-overlap", "Send either `until` or `overlap`.").detail(
                    "Wanted exactly one of `until` (an instant) and `overlap` (a length, such as 7d).",
                ))
            }
        }
    }
}

/// Activate a pending or disabled key.
#[utoipa::path(post, path = "/api/v1/keys/{key}/activate", tag = "keys",
    params(("key" = String, Path, description = "The key's id.")),
    responses((status = 200, body = KeyView), Changing))]
async fn activate_key(
    State(manage): State<Arc<Manage>>,
    operator: Operator,
    Path(key): Path<String>,
) -> Result<Json<KeyView>, Problem> {
    changeable(&manage, &operator, &key)?;
    shown(operator.change(&manage, |draft| draft.activate_key(&key)).await?, &operator)
}

/// Retire a key: it is accepted until a date, then never again.
#[utoipa::path(post, path = "/api/v1/keys/{key}/retire", tag = "keys",
    params(("key" = String, Path, description = "The key's id.")), request_body = Retirement,
    responses((status = 200, body = KeyView), Changing))]
async fn retire_key(
    State(manage): State<Arc<Manage>>,
    operator: Operator,
    Path(key): Path<String>,
    Input(retirement): Input<Retirement>,
) -> Result<Json<KeyView>, Problem> {
    changeable(&manage, &operator, &key)?;
    let until = retirement.until(operator.now)?;
    let row = operator.change(&manage, |draft| {
        let row = draft.retire_key(&key, until)?;
        access::keep_an_owner(&manage.directory, draft)?;
        Ok(row)
    });
    shown(row.await?, &operator)
}

/// Disable a key at once; it may come back.
#[utoipa::path(post, path = "/api/v1/keys/{key}/disable", tag = "keys",
    params(("key" = String, Path, description = "The key's id.")),
    responses((status = 200, body = KeyView), Changing))]
async fn disable_key(
    State(manage): State<Arc<Manage>>,
    operator: Operator,
    Path(key): Path<String>,
) -> Result<Json<KeyView>, Problem> {
    changeable(&manage, &operator, &key)?;
    let row = operator.change(&manage, |draft| {
        let row = draft.disable_key(&key)?;
        access::keep_an_owner(&manage.directory, draft)?;
        Ok(row)
    });
    shown(row.await?, &operator)
}

/// Revoke a key at once and for ever; its sessions end.
#[utoipa::path(post, path = "/api/v1/keys/{key}/revoke", tag = "keys",
    params(("key" = String, Path, description = "The key's id.")),
    responses((status = 200, body = KeyView), Changing))]
async fn revoke_key(
    State(manage): State<Arc<Manage>>,
    operator: Operator,
    Path(key): Path<String>,
) -> Result<Json<KeyView>, Problem> {
    changeable(&manage, &operator, &key)?;
    let row = operator.change(&manage, |draft| {
        let row = draft.revoke_key(&key)?;
        access::keep_an_owner(&manage.directory, draft)?;
        Ok(row)
    });
    shown(row.await?, &operator)
}

/// Replace where a key may be used.
#[utoipa::path(put, path = "/api/v1/keys/{key}/limits", tag = "keys",
    params(("key" = String, Path, description = "The key's id.")), request_body = LimitsView,
    responses((status = 200, body = KeyView), Changing))]
async fn limit_key(
    State(manage): State<Arc<Manage>>,
    operator: Operator,
    Path(key): Path<String>,
    Input(limits): Input<LimitsView>,
) -> Result<Json<KeyView>, Problem> {
    changeable(&manage, &operator, &key)?;
    let row = operator.change(&manage, |draft| {
        let LimitsView { methods, paths, networks } = limits.clone();
        let algorithms = draft.key(&key)?.algorithms;
        let row = draft.set_key_limits(&key, &Narrowing { algorithms, methods, paths, networks })?;
        access::keep_an_owner(&manage.directory, draft)?;
        Ok(row)
    });
    shown(row.await?, &operator)
}

/// Change a key's label, dialects, algorithms, limits or end. The key itself never changes: rotate it.
#[utoipa::path(patch, path = "/api/v1/keys/{key}", tag = "keys",
    params(("key" = String, Path, description = "The key's id.")), request_body = KeyChange,
    responses((status = 200, body = KeyView), Changing))]
async fn change_key(
    State(manage): State<Arc<Manage>>,
    operator: Operator,
    Path(key): Path<String>,
    Input(change): Input<KeyChange>,
) -> Result<Json<KeyView>, Problem> {
    changeable(&manage, &operator, &key)?;
    let dialects = change.dialects.as_deref().unwrap_or_default();
    operator.may_give(&found::key(&manage, &key)?.account, dialects)?;
    known_dialects(&manage, dialects)?;
    let row = operator.change(&manage, |draft| {
        if let Some(label) = &change.label {
            draft.label_key(&key, label)?;
        }
        if let Some(dialects) = &change.dialects {
            draft.set_key_dialects(&key, dialects)?;
        }
        if change.algorithms.is_some() || change.limits.is_some() {
            let narrowing = change.narrowing(draft.key(&key)?);
            draft.set_key_limits(&key, &narrowing)?;
        }
        if let Some(expires) = change.expires {
            draft.set_key_expiry(&key, expires.map(|moment| moment.0))?;
        }
        access::keep_an_owner(&manage.directory, draft)?;
        draft.key(&key)
    });
    shown(row.await?, &operator)
}

fn changeable(manage: &Manage, operator: &Operator, key: &str) -> Result<(), Problem> {
    operator.may_change_keys(&found::owner_of_key(manage, key)?)
}

fn shown(row: KeyRecord, operator: &Operator) -> Result<Json<KeyView>, Problem> {
    Ok(Json(KeyView::of(row, operator.now)?))
}
