//! How the upstream learns who was recognised, and which of the caller's headers never reach it.
use crate::config::identity::{Identity as Section, ROUTE};
use crate::config::mode::Mode;
use crate::hop::HOP;
use countersign::verified::Verified;
use countersign_guard::signing::SigningKeys;
use countersign_store::fault::Fault;
use http::{HeaderMap, HeaderName, HeaderValue};
use std::borrow::Cow;
use std::sync::{Arc, LazyLock};

/// Headers that upstreams are known to take for an identity, an original address or another method. A name that ends in a dash
/// stands for all that begin with it. Underscores and capitals do not matter.
const ALWAYS: &[&str] = &[
    // Identity, as other proxies and frameworks write it.
    "x-auth-user",
    "x-auth-username",
    "x-auth-email",
    "x-auth-groups",
    "x-auth-roles",
    "x-auth-name",
    "x-auth-request-",
    "x-authenticated-",
    "x-remote-",
    "remote-",
    "x-user",
    "x-username",
    "x-user-id",
    "x-user-email",
    "x-user-name",
    "x-user-roles",
    "x-user-groups",
    "x-userinfo",
    "x-webauth-",
    "x-consumer-",
    "x-credential-",
    "x-original-",
    "x-ssl-",
    "ssl-client-",
    "x-client-cert",
    "x-client-dn",
    "x-client-verify",
    "client-cert",
    "client-cert-chain",
    "cf-access-",
    "x-ms-client-principal",
    "x-ms-client-principal-",
    "x-goog-authenticated-",
    "x-goog-iap-",
    "x-amzn-oidc-",
    "x-pomerium-",
    "x-authentik-",
    "x-vouch-",
    "x-jwt-payload",
    "x-endpoint-api-userinfo",
    // Where the request came from or was sent to.
    "forwarded",
    "x-forwarded-",
    "x-real-ip",
    "x-client-ip",
    "x-cluster-client-ip",
    "true-client-ip",
    "cf-connecting-ip",
    "fastly-client-ip",
    "x-host",
    "x-rewrite-url",
    "x-envoy-",
    "x-accel-",
    "x-sendfile",
    "x-proxyuser-ip",
    "x-wap-profile",
    // Another method than the one that was judged.
    "x-http-method-override",
    "x-http-method",
    "x-method-override",
    // CGI turns `Proxy` into an environment variable that HTTP clients obey.
    "proxy",
];

/// Knows our headers and those that are removed.
pub struct Identity {
    prefix: String,
    strip: Vec<String>,
    names: Names,
    assertion: Option<Assertion>,
}

/// Room for an identity without asking for more in between.
const USUAL: usize = 12;

/// How assertions are made.
struct Assertion {
    keys: Arc<SigningKeys>,
    audience: String,
    /// Seconds.
    life: i64,
}

struct Names {
    account: HeaderName,
    account_id: HeaderName,
    identifier: HeaderName,
    dialect: HeaderName,
    key: HeaderName,
    organisation: HeaderName,
    acting_as: HeaderName,
    session: HeaderName,
    request: HeaderName,
    assertion: HeaderName,
    mode: HeaderName,
}

impl Identity {
    /// From the configuration; with the server's signing keys, so that assertions can be made.
    ///
    /// # Errors
    /// [`Fault`] when the prefix makes no header names.
    pub fn new(section: &Section, signing: Option<Arc<SigningKeys>>) -> Result<Self, Fault> {
        let prefix = section.header_prefix.to_ascii_lowercase();
        let name = |end: &str| {
            HeaderName::try_from(format!("{prefix}{end}"))
                .map_err(|error| Fault::caused(format!("no header can begin with {prefix:?}"), error))
        };
        let names = Names {
            account: name("account")?,
            account_id: name("account-id")?,
            identifier: name("identifier")?,
            dialect: name("dialect")?,
            key: name("key")?,
            organisation: name("organisation")?,
            acting_as: name("acting-as")?,
            session: name("session")?,
            request: name("request-id")?,
            assertion: name("assertion")?,
            mode: name("mode")?,
        };
        let life = i64::try_from(section.assertion_life.as_secs()).unwrap_or(60);
        let audience = section.assertion_audience.clone();
        let assertion = signing.filter(|_| section.assertion).map(|keys| Assertion { keys, audience, life });
        let strip = section.strip.iter().map(|name| plain(name).into_owned()).collect();
        Ok(Self { prefix: plain(&prefix).into_owned(), strip, names, assertion })
    }

    /// Removes what a caller could claim with: our own family in every spelling, and what upstreams are known to believe.
    pub fn strip(&self, headers: &mut HeaderMap) {
        let doomed: Vec<HeaderName> = headers.keys().filter(|name| self.strips(name)).cloned().collect();
        for name in doomed {
            headers.remove(name);
        }
    }

    /// Whether a header of the caller's never reaches the upstream.
    #[must_use]
    pub fn strips(&self, name: &HeaderName) -> bool {
        let name = plain(name.as_str());
        let name = &*name;
        let family = self.prefix.trim_end_matches('-');
        let ours = name.strip_prefix(family).is_some_and(|rest| rest.is_empty() || rest.starts_with('-'))
            || (!self.prefix.ends_with('-') && name.starts_with(&self.prefix));
        ours || self.strip.iter().any(|strip| strip == name) || is_believed(name)
    }

    /// Every header that may say who was recognised.
    pub(crate) fn names(&self) -> [&HeaderName; 11] {
        let names = &self.names;
        [
            &names.account,
            &names.account_id,
            &names.identifier,
            &names.dialect,
            &names.key,
            &names.organisation,
            &names.acting_as,
            &names.session,
            &names.request,
            &names.assertion,
            &names.mode,
        ]
    }

    /// Tells the upstream what it may go by: the mode where the route does not enforce, and the identity where one was proved.
    ///
    /// # Errors
    /// [`Fault`] as of [`Identity::add`].
    pub(crate) fn tell(
        &self,
        headers: &mut HeaderMap,
        verified: Option<&Verified>,
        mode: Option<Mode>,
        route: &str,
        request: &str,
    ) -> Result<(), Fault> {
        if let Some(mode) = mode {
            self.add_mode(headers, mode, request);
        }
        verified.map_or(Ok(()), |verified| self.add(headers, verified, route, request))
    }

    /// Says that a request passed a route that does not enforce: without an identity beside it, nobody proved anything.
    fn add_mode(&self, headers: &mut HeaderMap, mode: Mode, request: &str) {
        headers.insert(self.names.mode.clone(), HeaderValue::from_static(mode.name()));
        if let Ok(request) = HeaderValue::try_from(request) {
            headers.insert(self.names.request.clone(), request);
        }
    }

    /// Adds the identity that was proved on a route.
    ///
    /// # Errors
    /// [`Fault`] when an assertion is wanted and cannot be signed, or a name cannot stand in a header.
    pub fn add(
        &self,
        headers: &mut HeaderMap,
        verified: &Verified,
        route: &str,
        request: &str,
    ) -> Result<(), Fault> {
        let caller = verified.caller();
        let names = &self.names;
        headers.reserve(USUAL);
        let mut put = |name: &HeaderName, value: &str| -> Result<(), Fault> {
            headers.insert(name.clone(), written(value)?);
            Ok(())
        };
        put(&names.account, &caller.name)?;
        put(&names.account_id, &caller.id)?;
        put(&names.identifier, verified.identifier())?;
        put(&names.dialect, verified.dialect())?;
        put(&names.key, &verified.key().id)?;
        put(&names.request, request)?;
        if let Some(organisation) = &caller.organisation {
            put(&names.organisation, organisation)?;
        }
        if let Some(user) = verified.acting_as() {
            put(&names.acting_as, user)?;
        }
        if let Some(session) = verified.session() {
            put(&names.session, session)?;
        }
        if let Some(assertion) = &self.assertion {
            let token = assertion.sign(verified, route, request)?;
            put(&names.assertion, &token)?;
        }
        Ok(())
    }
}

/// A name as the most careless servers compare it: capitals do not count, and whatever is neither letter nor digit is one
/// character (CGI makes an underscore of underscores and dashes, and some servers of every other character, too).
pub(crate) fn plain(name: &str) -> Cow<'_, str> {
    if name.bytes().all(|byte| matches!(byte, b'a'..=b'z' | b'0'..=b'9' | b'-')) {
        return Cow::Borrowed(name);
    }
    let letter = |byte: u8| if byte.is_ascii_alphanumeric() { byte.to_ascii_lowercase() } else { b'-' };
    name.bytes().map(|byte| char::from(letter(byte))).collect()
}

/// Whether a plain name is one of those that are always removed. Most headers begin like none of them, and are not compared with all.
fn is_believed(name: &str) -> bool {
    let known = |known: &&str| if known.ends_with('-') { name.starts_with(known) } else { name == *known };
    let near = BELIEVED.partition_point(|known| start(known) < start(name));
    BELIEVED.iter().skip(near).take_while(|known| start(known) == start(name)).any(known)
}

/// The first letters of a name, as a number that sorts as they do. Every name in the list has as many.
fn start(name: &str) -> u32 {
    name.as_bytes().first_chunk().map_or(0, |letters: &[u8; 4]| u32::from_be_bytes(*letters))
}

/// What is always removed, sorted.
static BELIEVED: LazyLock<Vec<&'static str>> = LazyLock::new(|| {
    let mut sorted = ALWAYS.to_vec();
    sorted.sort_unstable();
    sorted
});

/// `Api_Signature` beside `Api-Signature`: many upstreams read both as one name, and only the second was judged. And
/// `Transfer_Encoding` always, which HTTP/2 carries: upstreams that read it would frame the message otherwise than we did.
pub(crate) fn twins(headers: &HeaderMap) -> Vec<HeaderName> {
    let twin = |name: &HeaderName| {
        let plain = plain(name.as_str());
        plain != name.as_str() && (headers.contains_key(&*plain) || HOP.iter().any(|hop| *hop == *plain))
    };
    headers.keys().filter(|name| twin(name)).cloned().collect()
}

/// A value of ours: what is not printable ASCII goes out percent-encoded, so that nothing ends a header early.
fn written(value: &str) -> Result<HeaderValue, Fault> {
    let odd = |byte: &u8| matches!(byte, b'%' | 0..=31 | 127..=255);
    let made = if value.as_bytes().iter().any(odd) {
        let mut text = String::with_capacity(value.len());
        for byte in value.bytes() {
            if odd(&byte) { text.push_str(&format!("%{byte:02X}")) } else { text.push(char::from(byte)) }
        }
        HeaderValue::from_str(&text)
    } else {
        HeaderValue::from_str(value)
    };
    made.map_err(|error| Fault::caused("an account's name cannot stand in a header", error))
}

impl Assertion {
    fn sign(&self, verified: &Verified, route: &str, request: &str) -> Result<String, Fault> {
        let covered = verified.covered();
        let issued = verified.at().seconds();
        let caller = verified.caller();
        let payload = serde_json::json!({
            "iss": "countersign",
            // One upstream must not be able to use what it got at another.
            "aud": self.audience.replace(ROUTE, route),
            "sub": caller.id,
            "iat": issued,
            "exp": issued.saturating_add(self.life),
            "jti": request,
            "account": caller.name,
            "organisation": caller.organisation,
            "identifier": verified.identifier(),
            "dialect": verified.dialect(),
            "key": verified.key().id,
            "acting_as": verified.acting_as(),
            "session": verified.session(),
            "covered": {
                "method": covered.method, "authority": covered.authority, "path": covered.path,
                "query": covered.query, "body": covered.body, "once": covered.once,
            },
        });
        let head =
            |kid: &str| serde_json::json!({"alg": "ES256", "typ": "countersign+jwt", "kid": kid}).to_string();
        self.keys.sign(verified.at(), head, &payload.to_string())
    }
}

#[cfg(test)]
mod tests;
