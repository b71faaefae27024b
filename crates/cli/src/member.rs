//! Members of JSON values: one that is missing reads as null, and nothing panics.
use serde_json::Value;

/// A member of an object; null where there is none.
pub(crate) fn at<'v>(value: &'v Value, name: &str) -> &'v Value {
    value.get(name).unwrap_or(&Value::Null)
}

/// Sets a member of an object; any other value stays as it is.
pub(crate) fn put(value: &mut Value, name: &str, new: impl Into<Value>) {
    if let Some(members) = value.as_object_mut() {
        members.insert(name.to_owned(), new.into());
    }
}
