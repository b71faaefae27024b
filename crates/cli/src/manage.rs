//! The management API from the command line: each call signed with the operator's key, each problem turned into an exit code.
use crate::exit::{Exit, Failure};
use crate::member::at;
use crate::print::{Out, table};
use crate::{keyring, proving, world};
use bytes::Bytes;
use clap::Args;
use countersign_client::http::Client;
use countersign_client::http::no_answer::NoAnswer;
use countersign_client::signer::RequestSigner;
use http::{Method, Request, StatusCode, header};
use serde_json::Value;
use std::path::PathBuf;
use std::sync::Arc;

/// Longest answer that is read: a page of 200 keys has 600 KiB.
const LONGEST_ANSWER: usize = 8 * 1024 * 1024;
/// Most pages that a list walks through: a million entries; more are for a program.
const MOST_PAGES: usize = 5000;

/// Where the management API and the console are as shipped.
const HERE: &str = "http://127.0.0.1:8701";

/// Which server, and as whom.
#[derive(Args, Debug, Clone)]
#[command(next_help_heading = "Server")]
pub(crate) struct ManageArgs {
    /// The address of the management API.
    #[arg(long, env = "COUNTERSIGN_MANAGE", value_name = "URL", default_value = HERE)]
    server: String,
    /// The operator's private key; otherwise operator.key in the data directory.
    #[arg(long, env = "COUNTERSIGN_OPERATOR_KEY", value_name = "FILE")]
    operator_key: Option<PathBuf>,
    /// The data directory.
    #[arg(long, env = "COUNTERSIGN_DATA", value_name = "DIR")]
    data: Option<PathBuf>,
}

/// A signed connection to the management API.
pub(crate) struct Api {
    client: Client,
    base: String,
}

impl ManageArgs {
    /// This server, with this key or the one in the data directory.
    pub(crate) fn of(server: &str, operator_key: Option<&std::path::Path>) -> Self {
        let data = std::env::var_os("COUNTERSIGN_DATA").map(PathBuf::from);
        Self { server: server.to_owned(), operator_key: operator_key.map(PathBuf::from), data }
    }

    /// The address of the console: as given, else as the environment has it, else where the management API is.
    pub(crate) fn console(&self) -> String {
        let manage = world::variable("COUNTERSIGN_MANAGE");
        let given = self.server != HERE && manage.is_none_or(|manage| *manage != *self.server);
        let console = world::variable("COUNTERSIGN_CONSOLE").filter(|_| !given);
        console.and_then(|console| console.into_string().ok()).unwrap_or_else(|| self.server.clone())
    }

    pub(crate) fn api(&self) -> Result<Api, Failure> {
        let path = match &self.operator_key {
            Some(path) => path.clone(),
            None => world::data_dir(self.data.as_deref())?.join("operator.key"),
        };
        let key = keyring::key_pair(&path, None).map_err(|failure| match failure.exit {
            Exit::Missing => Failure::new(Exit::Unauthenticated, failure.message).next(
                "the operator's key is made by `countersign init` (or the first `countersign serve`); name its data directory with --data or \
                 COUNTERSIGN_DATA, or the key itself with --operator-key",
            ),
            _ => failure,
        })?;
        Api::new(&self.server, key)
    }
}

impl Api {
    pub(crate) fn new(server: &str, key: Arc<dyn countersign_keys::KeyPair>) -> Result<Self, Failure> {
        let dialect = proving::load("operator", &Default::default())?;
        let signer = RequestSigner::new(dialect, key, "");
        let client = Client::signing(signer, world::ambient());
        // The management listener is on this machine unless somebody moved it: no proxy stands before it.
        let client = client.and_then(|client| if is_here(server) { client.direct() } else { Ok(client) });
        let client = client.map_err(|error| unreachable_at(server, &error))?;
        Ok(Self { client, base: server.trim_end_matches('/').to_owned() })
    }

    pub(crate) async fn get(&self, path: &str) -> Result<Value, Failure> {
        self.call(Method::GET, path, None).await
    }
    pub(crate) async fn post(&self, path: &str, body: &Value) -> Result<Value, Failure> {
        self.call(Method::POST, path, Some(body)).await
    }
    pub(crate) async fn patch(&self, path: &str, body: &Value) -> Result<Value, Failure> {
        self.call(Method::PATCH, path, Some(body)).await
    }
    pub(crate) async fn put(&self, path: &str, body: &Value) -> Result<Value, Failure> {
        self.call(Method::PUT, path, Some(body)).await
    }
    pub(crate) async fn delete(&self, path: &str) -> Result<Value, Failure> {
        self.call(Method::DELETE, path, None).await
    }

    /// All entries of a list, page after page.
    pub(crate) async fn list(&self, path: &str) -> Result<Vec<Value>, Failure> {
        let mut items = Vec::new();
        let mut after: Option<String> = None;
        let joint = if path.contains('?') { '&' } else { '?' };
        for _ in 0..MOST_PAGES {
            let next = after.as_ref().map_or(String::new(), |after| format!("&after={}", segment(after)));
            let page = self.get(&format!("{path}{joint}limit=200{next}")).await?;
            items.extend(at(&page, "items").as_array().cloned().unwrap_or_default());
            match at(&page, "next").as_str() {
                Some(next) => after = Some(next.to_owned()),
                None => break,
            }
        }
        Ok(items)
    }

    /// The account with this name or id.
    pub(crate) async fn account(&self, name: &str) -> Result<Value, Failure> {
        if name.starts_with("acc_") {
            return self.get(&format!("/accounts/{}", segment(name))).await;
        }
        self.account_named(name).await?.ok_or_else(|| missing("account", name, "countersign account list"))
    }

    pub(crate) async fn account_named(&self, name: &str) -> Result<Option<Value>, Failure> {
        let found = self.list(&format!("/accounts?search={}", segment(name))).await?;
        Ok(found.into_iter().find(|account| *at(account, "name") == name))
    }

    /// The organisation with this name or id.
    pub(crate) async fn organisation(&self, name: &str) -> Result<Value, Failure> {
        let all = self.list("/organisations").await?;
        let found = all
            .into_iter()
            .find(|organisation| *at(organisation, "name") == name || *at(organisation, "id") == name);
        found.ok_or_else(|| missing("organisation", name, "countersign org list"))
    }

    async fn call(&self, method: Method, path: &str, body: Option<&Value>) -> Result<Value, Failure> {
        let url = format!("{}/api/v1{path}", self.base);
        let mut request = Request::builder().method(method).uri(&url);
        let bytes = match body {
            Some(body) => {
                request = request.header(header::CONTENT_TYPE, "application/json");
                Bytes::from(body.to_string())
            }
            None => Bytes::new(),
        };
        let request = request.body(bytes).map_err(|error| {
            Failure::usage(format!(
                "wanted an address such as http://127.0.0.1:8701, found {}: {error}",
                self.base
            ))
        })?;
        let answer = self.client.send(request, LONGEST_ANSWER).await;
        let response = answer.map_err(|error| unreachable_at(&self.base, &error))?.response;
        let (status, body) = (response.status(), response.body());
        if !status.is_success() {
            return Err(problem(path, status, body, response.headers()));
        }
        if body.is_empty() {
            return Ok(Value::Null);
        }
        serde_json::from_slice(body).map_err(|_| {
            Failure::new(
                Exit::Unreachable,
                format!("{url} answered {status} with no JSON; is it a management API?"),
            )
        })
    }
}

/// Whether an address is on this machine.
pub(crate) fn is_here(server: &str) -> bool {
    ["//127.", "//localhost", "//[::1]"].iter().any(|here| server.contains(here))
}

/// Prints a list with these columns.
pub(crate) fn show_list(items: &[Value], columns: &[&str], out: Out) -> Result<(), Failure> {
    out.show(&items, || {
        let rows = items.iter().map(|item| columns.iter().map(|name| cell(at(item, name))).collect());
        table(columns, rows.collect())
    })
}

/// Prints one thing, a line a member.
pub(crate) fn show_one(item: &Value, out: Out) -> Result<(), Failure> {
    out.show(item, || {
        let members = item.as_object().into_iter().flatten();
        let rows: Vec<(&str, String)> = members
            .filter(|(_, value)| !value.is_null() && !value.as_array().is_some_and(Vec::is_empty))
            .map(|(name, value)| (name.as_str(), cell(value)))
            .collect();
        crate::print::pairs(&rows)
    })
}

/// A JSON value as a person reads it.
fn cell(value: &Value) -> String {
    match value {
        Value::Null => String::new(),
        Value::Bool(true) => "yes".to_owned(),
        Value::Bool(false) => "no".to_owned(),
        Value::String(text) => text.trim_end().to_owned(),
        Value::Number(number) => number.to_string(),
        Value::Array(items) => items.iter().map(cell).collect::<Vec<_>>().join(", "),
        Value::Object(members) => match (members.get("namespace"), members.get("value")) {
            (Some(namespace), Some(value)) => format!("{}={}", cell(namespace), cell(value)),
            _ => {
                let full = members.iter().filter(|(_, value)| !cell(value).is_empty());
                full.map(|(name, value)| format!("{name}: {}", cell(value))).collect::<Vec<_>>().join("; ")
            }
        },
    }
}

/// A text as one segment of a path, or one value of a query.
pub(crate) fn segment(text: &str) -> String {
    let mut out = String::new();
    countersign::percent::add(&mut out, text.as_bytes(), b"-_.~");
    out
}

/// There is no such thing, and where to see what there is.
pub(crate) fn missing(what: &str, name: &str, look: &str) -> Failure {
    Failure::new(Exit::Missing, format!("there is no {what} {name:?}; `{look}` shows what there is"))
}

/// A member that every answer of this kind has.
pub(crate) fn text<'v>(value: &'v Value, member: &str) -> Result<&'v str, Failure> {
    value[member].as_str().ok_or_else(|| {
        Failure::new(
            Exit::Unreachable,
            format!("the server's answer has no {member}; is it the same version as this command?"),
        )
    })
}

fn unreachable_at(server: &str, error: &NoAnswer) -> Failure {
    match error {
        NoAnswer::Connection(_) => {
            Failure::new(Exit::Unreachable, format!("{server} does not answer ({error})"))
                .next("is `countersign serve` running? name another address with --server")
        }
        NoAnswer::Clock(_) => Failure::failed(error),
        _ => Failure::usage(error),
    }
}

/// What is done where the management API does not answer, or has no such call.
const ELSEWHERE: &str = "name the address of a listener with the surface manage with --server; is the server as new as this command?";

fn problem(path: &str, status: StatusCode, body: &[u8], headers: &http::HeaderMap) -> Failure {
    let problem: Value = serde_json::from_slice(body).unwrap_or_default();
    let mut message = at(&problem, "title").as_str().unwrap_or("The server said no.").to_owned();
    if let Some(detail) = at(&problem, "detail").as_str() {
        message = format!("{message} {detail}");
    }
    if let Some(at) = at(&problem, "at").as_str() {
        message = format!("{message} (at {at})");
    }
    if let Some(reject) = headers.get("countersign-reject").and_then(|value| value.to_str().ok()) {
        message = format!("{message} The server's log knows it as {reject}.");
    }
    let (exit, next) = match at(&problem, "code").as_str() {
        // Where something else answers, or an older server.
        Some("not-found" | "no-such-path") => (Exit::Missing, ELSEWHERE.to_owned()),
        _ => after(path, status),
    };
    Failure::new(exit, format!("{message} [{status}]")).next(next)
}

/// The exit code for a status of the management API, and what to do next.
fn after(path: &str, status: StatusCode) -> (Exit, String) {
    let told = |exit, next: &str| (exit, next.to_owned());
    match status.as_u16() {
        401 => told(
            Exit::Unauthenticated,
            "the server may have moved or been restored a moment ago, and then refuses what works once for some minutes: its log says until when; \
             otherwise: is this key an operator's? `countersign init --recover` makes a new one for the owner",
        ),
        403 => told(
            Exit::Unauthenticated,
            "ask an owner of the installation, or name another key with --operator-key; `countersign operator list` shows who may what",
        ),
        404 => (Exit::Missing, seen_by(path)),
        409 => told(Exit::Conflict, "change what is there first, or choose another name"),
        421 => told(
            Exit::Unreachable,
            "name the server in --server as [manage] authorities does, or add that host there",
        ),
        400 | 413 | 415 | 422 => {
            told(Exit::Usage, "send what is wanted; `countersign help apis --json` describes each call whole")
        }
        429 => told(
            Exit::Unreachable,
            "wait a moment and try again; the limits are the server's settings under [limits]",
        ),
        _ => told(Exit::Unreachable, "see what is there now, then try again; the server's log has the cause"),
    }
}

/// What shows which things there are of the kind that a path is about.
fn seen_by(path: &str) -> String {
    let kind = path.trim_start_matches('/').split(['/', '?']).next().unwrap_or_default();
    match kind {
        "accounts" => "`countersign account list` shows what there is".to_owned(),
        "keys" => "`countersign key list ACCOUNT` shows what there is".to_owned(),
        "organisations" => "`countersign org list` shows what there is".to_owned(),
        "users" => "`countersign user list` shows what there is".to_owned(),
        "operators" => "`countersign operator list` shows what there is".to_owned(),
        "companions" => "`countersign companion list ACCOUNT` shows what there is".to_owned(),
        "signing-keys" => "`countersign signing-key list` shows what there is".to_owned(),
        "refusals" => {
            "ask the node that answered, within `limits.refusals_time` of the answer (15 minutes as shipped); its log has the id for longer".to_owned()
        }
        _ => "look for a mistyped name".to_owned(),
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn names_become_one_segment() {
        assert_eq!(segment("a b/c?ü&="), "a%20b%2Fc%3F%C3%BC%26%3D");
    }

    #[test]
    fn problems_become_exit_codes_with_a_next_step() {
        let body = br#"{"title":"T.","detail":"D.","at":"name"}"#;
        let told = |path, status, body| problem(path, status, body, &http::HeaderMap::new());
        let failure = told("/accounts", StatusCode::CONFLICT, &body[..]);
        assert_eq!(
            (failure.exit, failure.message.as_str()),
            (Exit::Conflict, "T. D. (at name) [409 Conflict]")
        );
        // A barrier after a move passes by itself; a new key for the owner would be made for nothing.
        let barred = told("/accounts", StatusCode::UNAUTHORIZED, body).next.unwrap();
        assert!(barred.find("moved or been restored") < barred.find("init --recover"), "{barred}");
        let strange = told("/accounts", StatusCode::BAD_GATEWAY, b"<html>");
        assert_eq!(strange.exit, Exit::Unreachable);
        let elsewhere = told("/accounts", StatusCode::NOT_FOUND, br#"{"code":"not-found"}"#);
        assert_eq!((elsewhere.exit, elsewhere.next.as_deref()), (Exit::Missing, Some(ELSEWHERE)));
        let missing = told("/organisations/org_x?a", StatusCode::NOT_FOUND, body).next.unwrap();
        assert!(missing.contains("`countersign org list`"), "{missing}");
    }
}
