//! Which call a method and a path mean.
use countersign::percent;
use std::borrow::Cow;

/// A call of the session API.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(crate) enum Call {
    IdExists(String),
    Code,
    CodeRegister,
    Token,
    Refresh,
    Logout,
    ValidToken,
    ListKeys,
    AddKey,
    KeyCode,
    ApiKey,
    Subscription,
    Rename,
    Invite,
    Join(String),
    Users,
    Leave,
    Remove(String),
    SetRole(String),
}

/// Why there is no such call.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(crate) enum NoCall {
    /// Nothing lives at the path.
    Path,
    /// The path takes other methods.
    Method(String),
}

/// What a row of the table makes of a path.
enum Row {
    /// The path is all there is.
    Whole(Call),
    /// What follows the path is an id or a code.
    Last(fn(String) -> Call),
}

/// Every call: its method, its path below the prefix, and what it is. What stands in braces comes last and is taken whole: clients leave
/// the slashes of an id as they are.
static TABLE: [(&str, &str, Row); 19] = [
    ("GET", "auth/idexists/{userId}", Row::Last(Call::IdExists)),
    ("POST", "auth/code", Row::Whole(Call::Code)),
    ("POST", "auth/code-register", Row::Whole(Call::CodeRegister)),
    ("POST", "auth/token", Row::Whole(Call::Token)),
    ("POST", "auth/refresh", Row::Whole(Call::Refresh)),
    ("POST", "auth/logout", Row::Whole(Call::Logout)),
    ("GET", "auth/validtoken", Row::Whole(Call::ValidToken)),
    ("GET", "auth/keys", Row::Whole(Call::ListKeys)),
    ("POST", "auth/keys", Row::Whole(Call::AddKey)),
    ("POST", "auth/keys/code", Row::Whole(Call::KeyCode)),
    ("POST", "auth/apikey", Row::Whole(Call::ApiKey)),
    ("GET", "subscription", Row::Whole(Call::Subscription)),
    ("PUT", "subscription/name", Row::Whole(Call::Rename)),
    ("POST", "subscription/invite", Row::Whole(Call::Invite)),
    ("POST", "subscription/invite/{code}", Row::Last(Call::Join)),
    ("GET", "subscription/users", Row::Whole(Call::Users)),
    ("POST", "subscription/leave", Row::Whole(Call::Leave)),
    ("POST", "subscription/remove/{userId}", Row::Last(Call::Remove)),
    ("POST", "subscription/setrole/{userId}", Row::Last(Call::SetRole)),
];

/// The method and the path below the prefix of every call, for whoever describes them.
pub fn calls() -> impl Iterator<Item = (&'static str, &'static str)> {
    TABLE.iter().map(|(method, path, _)| (*method, *path))
}

/// Finds the call. `path` is the path as sent, `prefix` what it must start with.
pub(crate) fn find(prefix: &str, method: &str, path: &str) -> Result<Call, NoCall> {
    let path = path.strip_prefix(prefix).and_then(|rest| rest.strip_prefix('/')).ok_or(NoCall::Path)?;
    let mut allow: Vec<&'static str> = Vec::new();
    for (wanted, known, row) in &TABLE {
        let call = match row {
            Row::Whole(call) => (*known == path).then(|| call.clone()),
            Row::Last(made) => {
                let start = known.split('{').next().unwrap_or_default();
                path.strip_prefix(start).filter(|id| !id.is_empty()).map(|id| made(decoded(id)))
            }
        };
        match call {
            Some(call) if *wanted == method => return Ok(call),
            Some(_) => allow.push(wanted),
            None => {}
        }
    }
    if allow.is_empty() { Err(NoCall::Path) } else { Err(NoCall::Method(allow.join(", "))) }
}

/// A parameter of the query; the first one of that name.
pub(crate) fn parameter(query: Option<&str>, name: &str) -> Option<String> {
    let pair = |pair: &str| {
        let (found, value) = pair.split_once('=')?;
        (found == name).then(|| decoded(&value.replace('+', " ")))
    };
    query?.split('&').find_map(pair)
}

/// With the percent signs resolved; a text that they make no text of stays as it is.
fn decoded(text: &str) -> String {
    percent::decode(text.as_bytes()).map_or_else(|| text.to_owned(), Cow::into_owned)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn ids_are_what_follows_with_or_without_escapes() {
        let id = |path: &str| match find("/v1", "GET", path) {
            Ok(Call::IdExists(id)) => id,
            other => panic!("{other:?}"),
        };
        assert_eq!(id("/v1/auth/idexists/alice"), "alice");
        assert_eq!(id("/v1/auth/idexists/team/alice"), "team/alice");
        assert_eq!(id("/v1/auth/idexists/team%2Falice%20b"), "team/alice b");
        assert_eq!(id("/v1/auth/idexists/50%"), "50%");
        assert_eq!(id("/v1/auth/idexists/%ff"), "%ff");
    }

    #[test]
    fn wrong_methods_and_paths_are_told_apart() {
        assert_eq!(find("/v1", "GET", "/v1/auth/token"), Err(NoCall::Method("POST".to_owned())));
        assert_eq!(find("/v1", "PUT", "/v1/auth/keys"), Err(NoCall::Method("GET, POST".to_owned())));
        for path in
            ["/v1", "/v1/", "/v1auth/token", "/v2/auth/token", "/v1/auth/token/", "/v1/auth/idexists/"]
        {
            assert_eq!(find("/v1", "POST", path), Err(NoCall::Path), "{path}");
        }
        assert_eq!(find("", "POST", "/auth/token"), Ok(Call::Token));
    }

    #[test]
    fn parameters_are_found_and_decoded() {
        assert_eq!(parameter(Some("a=1&role=ADMIN&role=OWNER"), "role").as_deref(), Some("ADMIN"));
        assert_eq!(
            parameter(Some("subscriptionName=My%20team+2"), "subscriptionName").as_deref(),
            Some("My team 2")
        );
        assert_eq!(parameter(Some("xrole=A"), "role"), None);
        assert_eq!(parameter(None, "role"), None);
    }
}
