//! Completes an OpenAPI document: an answer that is described nowhere else says what its body says of itself, and pages refer to what they hold.
use std::collections::BTreeMap;
use utoipa::openapi::path::PathItem;
use utoipa::openapi::response::Response;
use utoipa::openapi::schema::ArrayItems;
use utoipa::openapi::{OpenApi, Ref, RefOr, Schema};

/// What is said of an answer without a body.
const DONE: &str = "It is done; the answer has no body.";
/// What is said of a body that is no object of ours.
const FOUND: &str = "What was asked for.";

/// What begins the name of a page of a list; what it is a list of follows.
const PAGE: &str = "Page_";

/// Puts words to all answers that have none, since OpenAPI wants some for each, and references into pages.
pub(crate) fn complete(document: &mut OpenApi) {
    refer(document);
    let schemas = document.components.iter().flat_map(|components| &components.schemas);
    let words: BTreeMap<String, String> =
        schemas.filter_map(|(name, schema)| Some((name.clone(), words(schema)?))).collect();
    let operations = document.paths.paths.values_mut().flat_map(|item| {
        let PathItem { get, put, post, delete, patch, .. } = item;
        [get, put, post, delete, patch].into_iter().flatten()
    });
    for answer in operations.flat_map(|operation| operation.responses.responses.values_mut()) {
        if let RefOr::T(answer) = answer
            && answer.description.is_empty()
        {
            answer.description = of_body(answer, &words);
        }
    }
}

/// Pages come with what they hold written out; it stands among the objects as well.
fn refer(document: &mut OpenApi) {
    let Some(components) = &mut document.components else { return };
    let names: Vec<String> = components.schemas.keys().cloned().collect();
    for (name, page) in &mut components.schemas {
        let held = name.strip_prefix(PAGE).filter(|held| names.iter().any(|name| name == held));
        if let (Some(held), RefOr::T(Schema::Object(page))) = (held, page)
            && let Some(RefOr::T(Schema::Array(list))) = page.properties.get_mut("items")
        {
            let held = Ref::from_schema_name(held);
            list.items = ArrayItems::RefOrSchema(Box::new(RefOr::Ref(held)));
        }
    }
}

fn of_body(answer: &Response, words: &BTreeMap<String, String>) -> String {
    let Some(RefOr::T(content)) = answer.content.values().next() else { return DONE.to_owned() };
    let named = match &content.schema {
        Some(RefOr::Ref(place)) => place.ref_location.rsplit('/').next().and_then(|name| words.get(name)),
        _ => None,
    };
    named.map_or_else(|| FOUND.to_owned(), Clone::clone)
}

/// What a schema says of itself.
fn words(schema: &RefOr<Schema>) -> Option<String> {
    let schema = serde_json::to_value(schema).ok()?;
    schema.get("description")?.as_str().map(str::to_owned)
}
