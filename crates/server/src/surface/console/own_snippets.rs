//! Programs that send a first request, filled with the values of whoever is signed in.
use super::holder::Holder;
use super::own_dialects::{OPENED, OPENS, address, open_to, takes};
use super::state::Console;
use crate::surface::manage::page::Ask;
use crate::surface::manage::problem::{Problem, ReadingOne};
use axum::Json;
use axum::extract::State;
use countersign::base64::{Alphabet, encode};
use countersign_dialects::fill::Filling;
use countersign_dialects::language::Language;
use countersign_dialects::snippet::Snippet;
use countersign_keys::CompactKey;
use serde::{Deserialize, Serialize};
use std::sync::Arc;
use utoipa::ToSchema;
use utoipa_axum::router::OpenApiRouter;
use utoipa_axum::routes;

/// Stands for the provider's host where the configuration does not name it.
const HOST: &str = "https://api.example.com";

/// The call about snippets.
pub(super) fn routes() -> OpenApiRouter<Arc<Console>> {
    OpenApiRouter::new().routes(routes!(get_snippet))
}

/// Which snippet.
#[derive(Deserialize, utoipa::IntoParams)]
#[serde(deny_unknown_fields)]
#[into_params(parameter_in = Query)]
struct Wanted {
    /// The dialect.
    dialect: String,
    /// `countersign`, `shell`, `python`, `php`, `node`, `go`, `java` or `rust`.
    language: String,
    /// The id of the key of the account that is to sign.
    key: Option<String>,
}

/// A program to copy.
#[derive(Serialize, ToSchema)]
struct SnippetView {
    /// The language.
    language: &'static str,
    /// Its name as people write it.
    title: &'static str,
    /// What such a file is usually called.
    file_name: &'static str,
    /// The program.
    text: String,
}

/// Show a program that sends a first request. It reads the private key from a file and never has it in it.
#[utoipa::path(get, path = "/console/api/v1/snippets", tag = "dialects", params(Wanted),
    responses((status = 200, body = SnippetView), ReadingOne))]
async fn get_snippet(
    State(console): State<Arc<Console>>,
    holder: Holder,
    Ask(wanted): Ask<Wanted>,
) -> Result<Json<SnippetView>, Problem> {
    let (app, account) = (&console.app, &holder.account);
    let route = open_to(app, account).find(|route| takes(app, route, &wanted.dialect));
    let route = route.ok_or_else(|| Problem::missing("dialect"))?;
    let name = if wanted.dialect == OPENED { OPENS } else { &wanted.dialect };
    let dialect = app.dialects.get(name).ok_or_else(|| Problem::missing("dialect"))?;
    let language = Language::named(&wanted.language).ok_or_else(|| Problem::missing("language"))?;
    let snippet = Snippet::find(name, language).ok_or_else(|| Problem::missing("snippet"))?;
    let key = match &wanted.key {
        Some(id) => Some(
            app.directory
                .key(id)
                .filter(|key| key.account == account.id)
                .ok_or_else(|| Problem::missing("key"))?,
        ),
        None => None,
    };
    let raw = key
        .and_then(|key| CompactKey::from_spki_der(&key.spki).ok()?.parse().ed25519_bytes())
        .map(|bytes| encode(Alphabet::Standard, &bytes));
    let namespace = dialect.namespace().unwrap_or_default();
    let own = account.identifiers.iter().find(|identifier| identifier.namespace == namespace);
    let url = match address(app, route) {
        path if path.starts_with('/') => format!("{HOST}{path}"),
        whole => whole,
    };
    let public = app.config.server.public().map(|(scheme, authority)| format!("{scheme}://{authority}"));
    let values = Filling {
        url: &url,
        identifier: own.map_or("YOUR-IDENTIFIER", |identifier| &identifier.value),
        acting_as: Some(account.acts_as.first().map_or("USER", String::as_str)),
        key_file: "key.pem",
        key_base64: Some(raw.as_deref().unwrap_or("YOUR-PUBLIC-KEY")),
        companion_file: "api-key.txt",
        session: (public.as_deref().unwrap_or(HOST), &app.config.session.prefix),
        settings: dialect.settings(),
    };
    let text = snippet.filled(&values).map_err(|_| Problem::missing("snippet"))?;
    let (name, title, file_name) = (language.name(), language.title(), language.file_name());
    Ok(Json(SnippetView { language: name, title, file_name, text }))
}
