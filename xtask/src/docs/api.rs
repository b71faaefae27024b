//! The page of one API, made from its OpenAPI document: every call with its parameters, body and answers, then the objects.
use serde_json::Value;
use std::collections::BTreeMap;
use std::fmt::Write;

/// The methods of one path, in the order in which they are shown.
const METHODS: [&str; 5] = ["get", "post", "put", "patch", "delete"];

/// The page.
pub(super) fn page(title: &str, document: &Value, made: &str) -> String {
    let about = document.pointer("/info/description").map_or_else(String::new, line_of);
    let mut out =
        format!("# {title}\n\n{made}\n\n{about}\n\n| what proves a call | where | |\n| --- | --- | --- |\n");
    let proofs = members(document.pointer("/components/securitySchemes"));
    for (name, scheme) in &proofs {
        // What stands in `Authorization` has no name of its own there.
        let (shown, place) = match text(scheme, "type") {
            "http" => {
                (format!("`Authorization: {}` with the {name}", capital(text(scheme, "scheme"))), "header")
            }
            _ => (format!("`{}`", text(scheme, "name")), text(scheme, "in")),
        };
        let _ = writeln!(out, "| {shown} | {place} | {} |", line(text(scheme, "description")));
    }
    out.push_str(
        "\n`countersign help apis --json` prints the OpenAPI document that this page is made from.\n",
    );
    let mut by_tag: BTreeMap<&str, Vec<(&str, &str, &Value)>> = BTreeMap::new();
    for (path, calls) in members(document.get("paths")) {
        for method in METHODS {
            let Some(call) = calls.get(method) else { continue };
            let tag = call.pointer("/tags/0").and_then(Value::as_str).unwrap_or("other");
            by_tag.entry(tag).or_default().push((method, path, call));
        }
    }
    // First in the order of the document, then whatever it does not describe.
    let told = document.get("tags").and_then(Value::as_array).into_iter().flatten();
    let mut order: Vec<(&str, &str)> =
        told.map(|tag| (text(tag, "name"), text(tag, "description"))).collect();
    let unknown: Vec<&str> =
        by_tag.keys().copied().filter(|tag| !order.iter().any(|(name, _)| name == tag)).collect();
    order.extend(unknown.into_iter().map(|tag| (tag, "")));
    for (tag, about) in order {
        let Some(calls) = by_tag.get(tag) else { continue };
        let _ = write!(out, "\n## {}\n\n{}\n", capital(tag), line(about));
        for (method, path, call) in calls {
            one(&mut out, method, path, call);
        }
    }
    out.push_str("\n## Objects\n");
    for (name, schema) in members(document.pointer("/components/schemas")) {
        let _ = write!(out, "\n### Object {name}\n\n{}\n", line(text(schema, "description")));
        if members(schema.get("properties")).is_empty() && schema.get("allOf").is_none() {
            let _ = write!(out, "\nIs {}.\n", kind(schema));
        }
        table(&mut out, schema);
    }
    out
}

fn one(out: &mut String, method: &str, path: &str, call: &Value) {
    let _ = write!(out, "\n### {} `{path}`\n\n{}\n", method.to_uppercase(), line(text(call, "summary")));
    if !text(call, "description").is_empty() {
        let _ = write!(out, "\n{}\n", line(text(call, "description")));
    }
    if let Some(wanted) = call.get("security").and_then(Value::as_array) {
        let _ = write!(out, "\n{}\n", proof(wanted));
    }
    let parameters = call.get("parameters").and_then(Value::as_array).map_or(&[][..], Vec::as_slice);
    if !parameters.is_empty() {
        out.push_str("\n| parameter | in | what it is | |\n| --- | --- | --- | --- |\n");
    }
    for parameter in parameters {
        let kind = parameter.get("schema").map_or_else(String::new, kind);
        let wanted = if parameter.get("required") == Some(&Value::Bool(true)) { ", required" } else { "" };
        let about = line(text(parameter, "description"));
        let _ = writeln!(
            out,
            "| `{}` | {} | {kind}{wanted} | {about} |",
            text(parameter, "name"),
            text(parameter, "in")
        );
    }
    for (media, content) in members(call.pointer("/requestBody/content")) {
        let Some(schema) = content.get("schema") else { continue };
        let _ = write!(out, "\nBody, `{media}`: {}\n", kind(schema));
        table(out, schema);
    }
    out.push_str("\n| answer | when | body |\n| --- | --- | --- |\n");
    for (status, answer) in members(call.get("responses")) {
        let bodies = members(answer.get("content"));
        let bodies = bodies.values().filter_map(|content| content.get("schema")).map(kind);
        let body = bodies.collect::<Vec<_>>().join(" or ");
        let headers = members(answer.get("headers"));
        let headers: Vec<String> = headers.keys().map(|name| format!("`{name}`")).collect();
        let headers =
            if headers.is_empty() { String::new() } else { format!(" Header: {}.", headers.join(", ")) };
        let _ = writeln!(out, "| {status} | {}{headers} | {body} |", line(text(answer, "description")));
    }
}

/// What proves one call, where it says so itself.
fn proof(wanted: &[Value]) -> String {
    let one = |together: &Value| match members(Some(together)).into_keys().collect::<Vec<_>>() {
        names if names.is_empty() => "none".to_owned(),
        names => names.join(" and "),
    };
    format!("Proof in headers: {}.", wanted.iter().map(one).collect::<Vec<_>>().join(", or "))
}

/// The members of an object, a row each.
fn table(out: &mut String, schema: &Value) {
    let mut properties = members(schema.get("properties"));
    let mut required = strings(schema.get("required"));
    // What is put together out of several.
    for part in schema.get("allOf").and_then(Value::as_array).into_iter().flatten() {
        properties.extend(members(part.get("properties")));
        required.extend(strings(part.get("required")));
    }
    if properties.is_empty() {
        return;
    }
    out.push_str("\n| member | what it is | |\n| --- | --- | --- |\n");
    for (name, member) in properties {
        let wanted = if required.contains(&name) { "" } else { "; may be left out" };
        let _ =
            writeln!(out, "| `{name}` | {}{wanted} | {} |", kind(member), line(text(member, "description")));
    }
}

/// A type in a few words, with a link where it is an object of its own.
fn kind(schema: &Value) -> String {
    if let Some(name) = text(schema, "$ref").rsplit('/').next().filter(|name| !name.is_empty()) {
        return format!("[{name}](#object-{})", name.to_lowercase());
    }
    for (all, joint) in [("oneOf", " or "), ("anyOf", " or "), ("allOf", " and ")] {
        if let Some(parts) = schema.get(all).and_then(Value::as_array) {
            return parts.iter().map(kind).collect::<Vec<_>>().join(joint);
        }
    }
    let values = strings(schema.get("enum"));
    if !values.is_empty() {
        return values.iter().map(|value| format!("`{value}`")).collect::<Vec<_>>().join(", ");
    }
    match schema.get("type") {
        Some(Value::String(name)) => word(name, schema),
        Some(Value::Array(names)) => {
            let words = names.iter().filter_map(Value::as_str).map(|name| word(name, schema));
            words.collect::<Vec<_>>().join(" or ")
        }
        _ => "anything".to_owned(),
    }
}

fn word(name: &str, schema: &Value) -> String {
    let inner = |member: &str| schema.get(member).filter(|inner| inner.is_object()).map(kind);
    let format = text(schema, "format");
    let word = match name {
        "array" => return inner("items").map_or("list".to_owned(), |items| format!("list of {items}")),
        "object" => {
            return inner("additionalProperties")
                .map_or("object".to_owned(), |values| format!("object of names with {values}"));
        }
        "string" => "text",
        "integer" => "whole number",
        "boolean" => "true or false",
        other => other,
    };
    let says_more = !format.is_empty() && !format.starts_with("int") && !format.starts_with("uint");
    if says_more && name != "null" { format!("{word} ({format})") } else { word.to_owned() }
}

fn line_of(value: &Value) -> String {
    line(value.as_str().unwrap_or_default())
}

/// A text as it may stand in a cell: on one line, its strokes no borders, its signs no tags.
fn line(text: &str) -> String {
    let joined = text.split_whitespace().collect::<Vec<_>>().join(" ");
    // What stands in backquotes is shown as it is.
    let parts = joined.split('`').enumerate();
    let parts =
        parts.map(|(number, part)| if number % 2 == 0 { part.replace('<', "&lt;") } else { part.to_owned() });
    parts.collect::<Vec<_>>().join("`").replace('|', "\\|")
}

fn text<'v>(value: &'v Value, member: &str) -> &'v str {
    value.get(member).and_then(Value::as_str).unwrap_or_default()
}

fn members(value: Option<&Value>) -> BTreeMap<&str, &Value> {
    let object = value.and_then(Value::as_object);
    object.into_iter().flatten().map(|(name, value)| (name.as_str(), value)).collect()
}

fn strings(value: Option<&Value>) -> Vec<&str> {
    value.and_then(Value::as_array).into_iter().flatten().filter_map(Value::as_str).collect()
}

fn capital(text: &str) -> String {
    let mut letters = text.chars();
    letters.next().map_or_else(String::new, |first| first.to_uppercase().chain(letters).collect())
}

#[cfg(test)]
mod tests {
    use super::*;
    use serde_json::json;

    #[test]
    fn types_are_told_in_words() {
        for (schema, words) in [
            (json!({"type": "string"}), "text"),
            (json!({"type": ["string", "null"]}), "text or null"),
            (json!({"type": ["array", "null"], "items": {"type": "string"}}), "list of text or null"),
            (json!({"type": "array", "items": {"$ref": "#/c/s/Key"}}), "list of [Key](#object-key)"),
            (
                json!({"oneOf": [{"type": "null"}, {"type": "integer", "format": "int64"}]}),
                "null or whole number",
            ),
            (json!({"type": "string", "enum": ["a", "b"]}), "`a`, `b`"),
        ] {
            assert_eq!(kind(&schema), words);
        }
        for (wanted, words) in [
            (json!([{}]), "Proof in headers: none."),
            (json!([{"a": []}, {"b": [], "c": []}]), "Proof in headers: a, or b and c."),
        ] {
            assert_eq!(proof(wanted.as_array().unwrap()), words);
        }
        assert_eq!(line("a | b\n<c> `<d>`"), "a \\| b &lt;c> `<d>`");
    }

    #[test]
    fn a_call_has_its_parameters_body_and_answers() {
        let call = json!({
            "tags": ["t"], "summary": "Does.",
            "parameters": [{"name": "id", "in": "path", "required": true, "schema": {"type": "string"}}],
            "requestBody": {"content": {"application/json": {"schema": {"$ref": "#/components/schemas/A"}}}},
            "responses": {"200": {"description": "Done."}},
        });
        let object = json!({"type": "object", "required": ["m"], "properties": {"m": {"type": "string", "description": "M."}}});
        let document =
            json!({"paths": {"/a/{id}": {"post": call}}, "components": {"schemas": {"A": object}}});
        let page = page("The x", &document, "");
        for words in [
            "# The x",
            "### POST `/a/{id}`",
            "| `id` | path | text, required |",
            "[A](#object-a)",
            "| 200 | Done. |",
            "| `m` | text | M. |",
        ] {
            assert!(page.contains(words), "wanted {words:?} in {page}");
        }
    }
}
