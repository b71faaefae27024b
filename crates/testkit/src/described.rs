//! Holds answers against an OpenAPI document: each status must be described, and each body what is said of it, with no member more.
use serde_json::Value;

/// An OpenAPI document.
pub struct Described(Value);

impl Described {
    /// The document.
    #[must_use]
    pub fn new(document: Value) -> Self {
        Self(document)
    }

    /// The document as JSON.
    #[must_use]
    pub fn document(&self) -> &Value {
        &self.0
    }

    /// The operation that a path of a request belongs to, with what the document calls that path; a path without names in it wins.
    #[must_use]
    pub fn operation(&self, method: &str, path: &str) -> Option<(&str, &Value)> {
        let fitting = self.at(path).into_iter().filter_map(|(name, calls)| {
            let call = calls.get(method.to_lowercase())?;
            Some((name, call))
        });
        fitting.min_by_key(|(name, _)| name.matches('{').count())
    }

    /// Whether an answer is one that the document describes; of paths that it does not have it says nothing.
    ///
    /// # Errors
    /// What of the answer is not described.
    pub fn answers(
        &self,
        (method, path): (&str, &str),
        status: u16,
        media: Option<&str>,
        body: &str,
    ) -> Result<(), String> {
        let path = path.split('?').next().unwrap_or_default();
        let Some((name, operation)) = self.operation(method, path) else {
            let refused = self.at(path).is_empty() || status >= 400;
            let wrong = || format!("{method} {path} is not described, and answered with {status}");
            return if refused { Ok(()) } else { Err(wrong()) };
        };
        let what = format!("{method} {name}: {status}");
        let answer = operation.pointer(&format!("/responses/{status}"));
        let answer = answer.ok_or_else(|| format!("{what} is not described: {body}"))?;
        let told = answer.get("description").and_then(Value::as_str).unwrap_or_default();
        if told.is_empty() {
            return Err(format!("{what} is described without a word"));
        }
        let Some(media) = media.and_then(|media| media.split(';').next()) else {
            let none = body.is_empty() && answer.get("content").is_none();
            return if none {
                Ok(())
            } else {
                Err(format!("{what} has no body, or one without a type: {body}"))
            };
        };
        let schema = answer.get("content").and_then(|content| content.get(media)?.get("schema"));
        let schema = schema.ok_or_else(|| format!("{what} with {media} is not described: {body}"))?;
        let body = serde_json::from_str(body).unwrap_or_else(|_| Value::String(body.to_owned()));
        self.fits(&body, schema).map_err(|wrong| format!("{what}: {wrong} in {body}"))
    }

    /// Whether a value is what a schema says: no member missing, none that is not described.
    ///
    /// # Errors
    /// What does not fit, and where.
    pub fn fits(&self, value: &Value, schema: &Value) -> Result<(), String> {
        if let Some(reference) = schema.get("$ref").and_then(Value::as_str) {
            let named = self.named(reference)?;
            return self.fits(value, named).map_err(|wrong| format!("{reference}: {wrong}"));
        }
        if let Some(parts) = list(schema, "oneOf") {
            let fitting = parts.iter().filter(|part| self.fits(value, part).is_ok()).count();
            return if fitting == 1 { Ok(()) } else { Err(format!("{value} fits {fitting} of {schema}")) };
        }
        if let Some(values) = list(schema, "enum") {
            let one = values.contains(value);
            return if one { Ok(()) } else { Err(format!("{value} is none of {values:?}")) };
        }
        if list(schema, "allOf").is_some() {
            return self.members(value, schema);
        }
        let kind = match value {
            Value::Null => "null",
            Value::Bool(_) => "boolean",
            Value::Number(_) => "integer",
            Value::String(_) => "string",
            Value::Array(_) => "array",
            Value::Object(_) => "object",
        };
        let is = |wanted: &Value| *wanted == kind || (*wanted == "number" && kind == "integer");
        let fits = match schema.get("type") {
            Some(Value::Array(kinds)) => kinds.iter().any(is),
            Some(one) => is(one),
            None => false,
        };
        if !fits {
            return Err(format!("{value} is no {schema}"));
        }
        match value {
            Value::Array(items) => {
                let of = schema.get("items").unwrap_or(&Value::Null);
                items.iter().try_for_each(|item| self.fits(item, of))
            }
            Value::Object(_) => self.members(value, schema),
            _ => Ok(()),
        }
    }

    fn members(&self, value: &Value, schema: &Value) -> Result<(), String> {
        let members = value.as_object().ok_or_else(|| format!("{value} is no object"))?;
        let parts = self.parts(schema)?;
        for name in parts.iter().filter_map(|part| list(part, "required")).flatten().filter_map(Value::as_str)
        {
            members.get(name).ok_or_else(|| format!("{name} is missing"))?;
        }
        for (name, member) in members {
            let property = parts.iter().find_map(|part| part.get("properties")?.get(name));
            let described =
                property.or_else(|| parts.iter().find_map(|part| part.get("additionalProperties")));
            let described = described.ok_or_else(|| format!("{name} is not described"))?;
            self.fits(member, described).map_err(|wrong| format!("{name}: {wrong}"))?;
        }
        Ok(())
    }

    /// The objects that one is put together out of.
    fn parts<'s>(&'s self, schema: &'s Value) -> Result<Vec<&'s Value>, String> {
        if let Some(reference) = schema.get("$ref").and_then(Value::as_str) {
            return self.parts(self.named(reference)?);
        }
        match list(schema, "allOf") {
            Some(parts) => Ok(parts
                .iter()
                .map(|part| self.parts(part))
                .collect::<Result<Vec<_>, _>>()?
                .into_iter()
                .flatten()
                .collect()),
            None => Ok(vec![schema]),
        }
    }

    fn named(&self, reference: &str) -> Result<&Value, String> {
        let found = self.0.pointer(reference.trim_start_matches('#'));
        found.ok_or_else(|| format!("{reference} leads nowhere"))
    }

    /// The paths of the document that a request's path is one of.
    fn at(&self, path: &str) -> Vec<(&str, &Value)> {
        let paths = self.0.get("paths").and_then(Value::as_object);
        let paths = paths.into_iter().flatten().map(|(name, calls)| (name.as_str(), calls));
        paths.filter(|(name, _)| is_at(name, path)).collect()
    }
}

fn list<'v>(schema: &'v Value, member: &str) -> Option<&'v Vec<Value>> {
    schema.get(member).and_then(Value::as_array)
}

/// Whether a path is one of those that a name with braces means.
fn is_at(name: &str, path: &str) -> bool {
    let (mut names, mut parts) = (name.split('/'), path.split('/'));
    loop {
        match (names.next(), parts.next()) {
            (None, None) => return true,
            (Some(name), Some(part)) if name == part || (name.starts_with('{') && !part.is_empty()) => {}
            _ => return false,
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use serde_json::json;

    #[test]
    fn what_is_not_described_is_found() {
        let base = json!({"type": "object", "required": ["id"], "properties": {"id": {"type": "string"}}});
        let more = json!({"type": "object", "properties": {"n": {"type": ["integer", "null"]}}});
        let whole = json!({"allOf": [{"$ref": "#/components/schemas/Base"}, more]});
        let good = json!({"description": "A.", "content": {"application/json": {"schema": whole}}});
        let bare = json!({"description": ""});
        let call = json!({"responses": {"200": good, "204": {"description": "Done."}, "409": bare}});
        let document = Described::new(json!({
            "paths": {"/a/{id}": {"get": call}},
            "components": {"schemas": {"Base": base}},
        }));
        let told = |path: &str, status, media: Option<&str>, body: &str| {
            document.answers(("GET", path), status, media, body)
        };
        let of = |body: &str| told("/a/1?b", 200, Some("application/json; charset=utf-8"), body);
        for body in [r#"{"id":"x"}"#, r#"{"id":"x","n":1}"#, r#"{"id":"x","n":null}"#] {
            of(body).unwrap();
        }
        for body in ["{}", r#"{"id":1}"#, r#"{"id":"x","n":"1"}"#, r#"{"id":"x","more":1}"#, "[]", "x"] {
            assert!(of(body).is_err(), "{body}");
        }
        told("/a/1", 204, None, "").unwrap();
        told("/b", 404, Some("text/plain"), "elsewhere").unwrap();
        assert!(told("/a/1", 204, None, "x").is_err() && told("/a/1", 500, None, "").is_err());
        assert!(told("/a/1", 409, None, "").unwrap_err().contains("without a word"));
        assert!(told("/a/1", 200, Some("text/html"), "").is_err());
        assert!(document.answers(("PUT", "/a/1"), 200, None, "").is_err());
        document.answers(("PUT", "/a/1"), 405, None, "").unwrap();
    }
}
