//! The token endpoint: clients that prove themselves by their keys get access tokens, plain or bound to a key by DPoP.
//!
//! Independent of any HTTP server: [`TokenApi::call`] takes a request whose body was read, and gives the whole answer. Every token
//! belongs to a session of the same kind that the session API opens, so both end by the same rules and at once.
use crate::allowance::{Allowance, Unlimited};
use crate::clock::{Entropy, draw};
use crate::guard::Guard;
use crate::policy::Policy;
use crate::session::{Client, Told};
use crate::signing::SigningKeys;
use bytes::Bytes;
use countersign::dialect::Dialect;
use countersign::dpop;
use countersign::incoming::{Limits, Target};
use countersign::time::Time;
use countersign_keys::MacKey;
use countersign_store::fault::Fault;
use http::{HeaderValue, Method, Request, Response, header};
use std::sync::Arc;

mod access;
mod client;
pub mod form;
mod grant;
mod metadata;
mod refresh;
mod reply;
pub mod settings;
mod status;

use crate::token::form::{Form, NoForm};
use crate::token::reply::{No, Stop, nonce};
use crate::token::settings::TokenSettings;

/// Bytes of a body: two assertions of the greatest size, and room for the rest.
pub const MOST_BODY: usize = 40 * 1024;

/// The token endpoint and those beside it. Cheap to share behind an `Arc`.
pub struct TokenApi {
    guard: Arc<Guard>,
    signing: Arc<SigningKeys>,
    entropy: Arc<dyn Entropy>,
    refresh: MacKey,
    settings: TokenSettings,
    assertion: Policy,
    legacy: Option<Policy>,
    scheme: String,
    authority: String,
    server: Bytes,
    resource: Bytes,
}

/// What the token endpoint works with.
pub struct TokenParts {
    /// Judges assertions and keeps sessions; it has the same signing keys.
    pub guard: Arc<Guard>,
    /// Signs access tokens.
    pub signing: Arc<SigningKeys>,
    /// Draws ids.
    pub entropy: Arc<dyn Entropy>,
    /// What refresh tokens are bound by: every node has the same.
    pub refresh: MacKey,
    /// The dialect of assertions, its audience the issuer.
    pub assertion: Arc<Dialect>,
    /// The same with the token endpoint as audience, for the clients whose settings allow it.
    pub legacy: Arc<Dialect>,
    /// What a caller may make the verifier read.
    pub limits: Limits,
}

/// The issuer is no address.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct NoIssuer(String);

/// One request under way, with the instant at which it is judged.
#[derive(Clone, Copy)]
pub(crate) struct Asked<'r> {
    pub(crate) request: &'r Request<Bytes>,
    pub(crate) client: Client,
    pub(crate) now: Time,
    pub(crate) allowance: &'r dyn Allowance,
}

/// An endpoint.
#[derive(Clone, Copy, PartialEq, Eq, Debug)]
enum Endpoint {
    Token,
    Introspect,
    Revoke,
    Server,
    Resource,
}

impl TokenApi {
    /// A token endpoint over these parts.
    ///
    /// # Errors
    /// [`NoIssuer`] when the issuer's origin is no http address.
    pub fn new(parts: TokenParts, settings: TokenSettings) -> Result<Self, NoIssuer> {
        let TokenParts { guard, signing, entropy, refresh, assertion, legacy, limits } = parts;
        let target = Target::from_url(&settings.origin).ok_or_else(|| NoIssuer(settings.origin.clone()))?;
        let (scheme, authority) = (target.scheme.to_owned(), target.authority.to_owned());
        let algorithms = assertion.algorithms().to_vec();
        let policy = |dialect| Policy { limits, ..Policy::of(vec![dialect]) };
        let listed = settings.clients.iter().filter(|(_, client)| client.legacy_audience);
        let listed: Vec<String> = listed.map(|(name, _)| name.clone()).collect();
        let legacy = (!listed.is_empty()).then(|| Policy { admit: Some(listed), ..policy(legacy) });
        Ok(Self {
            server: metadata::server(&settings, &algorithms).into(),
            resource: metadata::resource(&settings).into(),
            assertion: policy(assertion),
            legacy,
            guard,
            signing,
            entropy,
            refresh,
            settings,
            scheme,
            authority,
        })
    }

    /// The settings in force.
    #[must_use]
    pub fn settings(&self) -> &TokenSettings {
        &self.settings
    }

    /// Whether a path is one of this endpoint's, so that nothing else may answer it.
    #[must_use]
    pub fn owns(&self, path: &str) -> bool {
        self.endpoint(path).is_some()
    }

    fn endpoint(&self, path: &str) -> Option<Endpoint> {
        let paths = &self.settings.paths;
        [
            (&paths.token, Endpoint::Token),
            (&paths.introspect, Endpoint::Introspect),
            (&paths.revoke, Endpoint::Revoke),
            (&paths.server, Endpoint::Server),
            (&paths.resource, Endpoint::Resource),
        ]
        .into_iter()
        .find_map(|(known, endpoint)| (known == path).then_some(endpoint))
    }

    /// Answers a call that came from `client`.
    ///
    /// # Errors
    /// [`Fault`] when a store failed: it answers 503 and lets nobody in.
    pub async fn call(
        &self,
        request: &Request<Bytes>,
        client: impl Into<Client>,
    ) -> Result<Response<Bytes>, Fault> {
        self.call_within(request, client, &Unlimited).await
    }

    /// The same, where `allowance` decides whether a proof may be checked.
    ///
    /// # Errors
    /// [`Fault`] when a store failed: it answers 503 and lets nobody in.
    pub async fn call_within(
        &self,
        request: &Request<Bytes>,
        client: impl Into<Client>,
        allowance: &dyn Allowance,
    ) -> Result<Response<Bytes>, Fault> {
        let asked = Asked { request, client: client.into(), now: self.guard.clock().now(), allowance };
        let endpoint = self.endpoint(request.uri().path());
        let allow = match endpoint {
            Some(Endpoint::Server | Endpoint::Resource) => "GET, HEAD",
            _ => "POST",
        };
        match self.dispatch(&asked, endpoint).await {
            Ok(response) => Ok(response),
            Err(Stop::No(no)) => {
                let fresh = if no.wants_nonce() { self.guard.fresh_nonce(asked.now) } else { None };
                Ok(no.with_nonce(fresh).response(allow))
            }
            Err(Stop::Fault(fault)) => Err(fault),
        }
    }

    async fn dispatch(&self, asked: &Asked<'_>, endpoint: Option<Endpoint>) -> Result<Response<Bytes>, Stop> {
        let endpoint = endpoint.ok_or_else(No::not_found)?;
        let document = match endpoint {
            Endpoint::Server => Some(&self.server),
            Endpoint::Resource => Some(&self.resource),
            _ => None,
        };
        let request = asked.request;
        if let Some(document) = document {
            let reading = matches!(*request.method(), Method::GET | Method::HEAD);
            return if reading { Ok(published(document)) } else { Err(No::wrong_method().into()) };
        }
        if request.method() != Method::POST {
            return Err(No::wrong_method().into());
        }
        if request.body().len() > MOST_BODY {
            return Err(No::too_large().into());
        }
        if request.uri().query().is_some() {
            return Err(No::invalid_request("Parameters stand in the body, never in the address.").into());
        }
        if !is_form(request) {
            let text = "The body must be application/x-www-form-urlencoded.";
            return Err(No::invalid_request(text).into());
        }
        let form = Form::read(request.body()).map_err(|why| match why {
            NoForm::Malformed => {
                No::invalid_request("The body is no form in UTF-8, or has too many parameters.")
            }
            NoForm::Repeated => No::invalid_request("A parameter stands twice."),
            NoForm::SeveralResources => {
                No::new("invalid_target", "Each token is for one resource; ask for one.")
            }
        })?;
        match endpoint {
            Endpoint::Introspect => self.introspect(asked, &form).await,
            Endpoint::Revoke => self.revoke(asked, &form).await,
            _ => self.token(asked, &form).await,
        }
    }

    async fn token(&self, asked: &Asked<'_>, form: &Form<'_>) -> Result<Response<Bytes>, Stop> {
        let grant = form.get("grant_type").ok_or_else(|| No::invalid_request("`grant_type` is missing."))?;
        // The nonce before anything is used up: whoever lacks one sends everything again.
        let limits = self.assertion.limits;
        let possession = match dpop::find(asked.request.headers()).map_err(No::dpop)? {
            Some(value) => Some(self.guard.read_possession(value, &limits, asked.now).map_err(No::dpop)?),
            None => None,
        };
        let proved = possession.is_some();
        let mut response = match grant {
            metadata::CLIENT_CREDENTIALS => self.client_credentials(asked, form, possession).await?,
            metadata::JWT_BEARER => self.jwt_bearer(asked, form, possession).await?,
            metadata::REFRESH_TOKEN if self.settings.refresh_tokens => {
                self.refreshed(asked, form, possession).await?
            }
            _ => {
                let text = "The metadata names the grants that there are.";
                return Err(No::new("unsupported_grant_type", text).into());
            }
        };
        if proved {
            // For the next proof, so that a client need not be refused first (RFC 9449 section 8.2).
            nonce(&mut response, self.guard.fresh_nonce(asked.now));
        }
        Ok(response)
    }

    /// Leaves in an answer who called, for logs and counters.
    pub(crate) fn told(&self, mut response: Response<Bytes>, account: &str, key: &str) -> Response<Bytes> {
        let name = self.guard.directory().caller(account).map(|caller| caller.name.to_string());
        response.extensions_mut().insert(Told { reason: None, account: name, key: Some(key.to_owned()) });
        response
    }

    /// 24 random hexadecimal digits, as session ids and marks have them.
    pub(crate) fn mark(&self) -> String {
        countersign::base64::encode_hex(&draw::<12>(&*self.entropy))
    }
}

/// Whether the body says it is a form; a character set beside it changes nothing.
fn is_form(request: &Request<Bytes>) -> bool {
    let mut kinds = request.headers().get_all(header::CONTENT_TYPE).iter();
    let (Some(kind), None) = (kinds.next().and_then(|kind| kind.to_str().ok()), kinds.next()) else {
        return false;
    };
    let essence = kind.split(';').next().unwrap_or_default().trim();
    essence.eq_ignore_ascii_case("application/x-www-form-urlencoded")
}

fn published(document: &Bytes) -> Response<Bytes> {
    let mut response = Response::new(document.clone());
    let headers = response.headers_mut();
    headers.insert(header::CONTENT_TYPE, HeaderValue::from_static("application/json"));
    headers.insert(header::CACHE_CONTROL, HeaderValue::from_static("public, max-age=300"));
    response
}

impl std::fmt::Display for NoIssuer {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        write!(f, "wanted an issuer such as https://auth.example.com, found {}", self.0)
    }
}

impl std::error::Error for NoIssuer {}

impl std::fmt::Debug for TokenApi {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        f.debug_struct("TokenApi").field("issuer", &self.settings.issuer).finish_non_exhaustive()
    }
}

#[cfg(test)]
mod tests;
