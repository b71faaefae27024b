//! A request before it is signed, with everything in it that a caller can get wrong.
use crate::dialect::Dialect;
use crate::sent::Sent;
use crate::world::{COMPANION, World};
use countersign::base64::{Alphabet, encode, encode_hex};
use countersign_keys::{Algorithm, PrivateKey, sha256};

/// Members of an object or fields of a text, in order.
pub type Pairs = Vec<(String, String)>;

/// A request before it is signed.
#[derive(Clone)]
pub struct Draft<'w> {
    /// Whose client.
    pub dialect: Dialect,
    /// The caller's clock, Unix seconds.
    pub now: i64,
    /// What signs.
    pub key: &'w PrivateKey,
    /// How.
    pub algorithm: Algorithm,
    /// Members of a token's header, as JSON.
    pub head: Pairs,
    /// Members of a token's payload, as JSON.
    pub claims: Pairs,
    /// How the parts of a token are encoded.
    pub part: fn(&[u8]) -> String,
    /// What a text is made of: as it is signed.
    pub fields: Pairs,
    /// How the text is put together.
    pub spell: fn(&Pairs) -> String,
    /// What becomes of the text before it is signed.
    pub text: fn(&[u8]) -> Vec<u8>,
    /// What becomes of the signature before it is written.
    pub signature: fn(Vec<u8>) -> Vec<u8>,
    /// How the signature is written.
    pub write: fn(&[u8]) -> String,
    /// The header of a token, and what stands before the token in it.
    pub carrier: (String, String),
    /// The companion key.
    pub companion: Option<String>,
    /// The method.
    pub method: String,
    /// The address.
    pub url: String,
    /// The body.
    pub body: Vec<u8>,
}

/// A text as JSON.
#[must_use]
pub fn text(value: &str) -> String {
    serde_json::Value::from(value).to_string()
}

/// Encodes as tokens are.
#[must_use]
pub fn url_safe(bytes: &[u8]) -> String {
    encode(Alphabet::Url, bytes)
}

/// Encodes as PHP's `base64_encode` does.
#[must_use]
pub fn standard(bytes: &[u8]) -> String {
    encode(Alphabet::Standard, bytes)
}

/// PHP's `json_encode` with its usual flags.
#[must_use]
pub fn php(fields: &Pairs) -> String {
    let quoted = |value: &str| {
        let mut out = String::new();
        for letter in text(value).replace('/', "\\/").chars() {
            if letter.is_ascii() {
                out.push(letter);
            } else {
                letter
                    .encode_utf16(&mut [0; 2])
                    .iter()
                    .for_each(|unit| out.push_str(&format!("\\u{unit:04x}")));
            }
        }
        out
    };
    let members: Vec<String> =
        fields.iter().map(|(name, value)| format!("{}:{}", quoted(name), quoted(value))).collect();
    format!("{{{}}}", members.join(","))
}

/// One after another, with line feeds between.
#[must_use]
pub fn lines(fields: &Pairs) -> String {
    fields.iter().map(|(_, value)| value.as_str()).collect::<Vec<_>>().join("\n")
}

fn pairs(list: &[(&str, String)]) -> Pairs {
    list.iter().map(|(name, value)| ((*name).to_owned(), value.clone())).collect()
}

impl<'w> Draft<'w> {
    /// What a client of the dialect sends when nothing is wrong, by a clock that stands at `now`.
    ///
    /// # Errors
    /// When the corpus names a key that is not there.
    pub fn new(dialect: Dialect, world: &'w World, now: i64) -> Result<Self, String> {
        let [key, ..] = dialect.keys();
        let mut draft = Self {
            dialect,
            now,
            key: world.key(key)?,
            algorithm: Algorithm::RsaSha256,
            head: pairs(&[("alg", text("RS256")), ("typ", text("JWT"))]),
            claims: Pairs::new(),
            part: url_safe,
            fields: Pairs::new(),
            spell: php,
            text: <[u8]>::to_vec,
            signature: |signature| signature,
            write: url_safe,
            carrier: ("Authorization".to_owned(), "Bearer ".to_owned()),
            companion: None,
            method: "POST".to_owned(),
            url: "https://api.example.com/v2/things/42?b=2&a=1".to_owned(),
            body: r#"{"name":"caf\u00e9","path":"/a/b","list":[1,2]}"#.as_bytes().to_vec(),
        };
        match dialect {
            // As python-jose and Sky Kit's own sample write it.
            Dialect::Skykit => {
                draft.claims = pairs(&[
                    ("iat", now.to_string()),
                    ("exp", (now + 600).to_string()),
                    ("iss", text("alice@example.com")),
                ]);
            }
            // As asymmetric-jwt-auth 1.3.0 over PyJWT 2 writes it.
            Dialect::Jwt | Dialect::JwtEd => {
                let (algorithm, name) = match dialect {
                    Dialect::Jwt => (Algorithm::RsaSha512, "RS512"),
                    _ => (Algorithm::Ed25519, "EdDSA"),
                };
                draft.algorithm = algorithm;
                draft.head = pairs(&[("alg", text(name)), ("typ", text("JWT"))]);
                draft.claims = pairs(&[
                    ("username", text("alice")),
                    ("time", now.to_string()),
                    ("nonce", text("b5cbb7a1f2c94d2e")),
                ]);
                "JWT ".clone_into(&mut draft.carrier.1);
            }
            // As the provider's sample over PyJWT writes it: the token bare.
            Dialect::Partner => {
                draft.head = pairs(&[("typ", text("JWT")), ("alg", text("RS256"))]);
                draft.claims = pairs(&[
                    ("iss", text("Ghazal")),
                    ("sub", text("Partner:1001")),
                    ("aud", text("Ghazal")),
                    ("exp", (now + 60).to_string()),
                ]);
                draft.carrier.1.clear();
                draft.companion = Some(COMPANION.to_owned());
            }
            // As the PHP client writes it.
            Dialect::Skillhive => {
                draft.write = standard;
                draft.fields = pairs(&[
                    ("url", draft.url.clone()),
                    ("content", String::from_utf8_lossy(&draft.body).into_owned()),
                    ("api_id", "c7alice".to_owned()),
                    ("user", "carol@example.com".to_owned()),
                ]);
            }
            // As the Python SDK over PyNaCl writes it.
            Dialect::Spacetime => {
                draft.algorithm = Algorithm::Ed25519;
                draft.write = encode_hex;
                draft.spell = lines;
                draft.fields = pairs(&[("authCode", "469867d9660b67f8aa12b2".to_owned())]);
                "https://api.example.com/v1/auth/token".clone_into(&mut draft.url);
            }
            // As our own signer writes it.
            Dialect::Operator => {
                draft.algorithm = Algorithm::EcdsaP256Sha256;
                draft.spell = lines;
                draft.fields = pairs(&[
                    ("kind", "countersign operator request 1".to_owned()),
                    ("method", draft.method.clone()),
                    ("authority", "api.example.com".to_owned()),
                    ("path", "/v2/things/42?b=2&a=1".to_owned()),
                    ("digest", encode_hex(&sha256(&[&draft.body]))),
                    ("key", "key_es".to_owned()),
                    ("time", now.to_string()),
                    ("nonce", "b5cbb7a1f2c94d2e".to_owned()),
                ]);
            }
        }
        Ok(draft)
    }

    /// Puts a claim or a field in the place of what was there, or at the end.
    pub fn set(&mut self, name: &str, value: impl Into<String>) {
        let list = if self.fields.is_empty() { &mut self.claims } else { &mut self.fields };
        set(list, name, value.into());
    }

    /// Takes a claim or a field away.
    pub fn remove(&mut self, name: &str) {
        self.claims.retain(|(known, _)| known != name);
        self.fields.retain(|(known, _)| known != name);
    }

    /// A field as it is signed.
    #[must_use]
    pub fn field(&self, name: &str) -> String {
        self.fields
            .iter()
            .find(|(known, _)| known == name)
            .map(|(_, value)| value.clone())
            .unwrap_or_default()
    }

    /// Signs and writes it down.
    ///
    /// # Errors
    /// When the key cannot sign so.
    pub fn send(&self) -> Result<Sent, String> {
        let sign = |message: &[u8]| {
            let made =
                self.key.sign(self.algorithm, &(self.text)(message)).map_err(|error| error.to_string())?;
            Ok::<_, String>((self.signature)(made))
        };
        let mut sent = Sent {
            method: self.method.clone(),
            url: self.url.clone(),
            headers: vec![("Content-Type".to_owned(), "application/json".to_owned())],
            body: self.body.clone(),
            signed: Vec::new(),
        };
        let mut add = |name: &str, value: String| sent.headers.push((name.to_owned(), value));
        match self.dialect {
            Dialect::Skillhive => {
                let message = (self.spell)(&self.fields).into_bytes();
                let signature = (self.write)(&sign(&message)?);
                add("Api-Id", "c7alice".to_owned());
                add("Api-User", "carol@example.com".to_owned());
                add("Api-Signature", signature);
                sent.signed = (self.text)(&message);
            }
            Dialect::Operator => {
                let message = (self.spell)(&self.fields).into_bytes();
                let signature = (self.write)(&sign(&message)?);
                add("Countersign-Key", self.field("key"));
                add("Countersign-Time", self.field("time"));
                add("Countersign-Nonce", self.field("nonce"));
                add("Countersign-Signature", signature);
                sent.signed = (self.text)(&message);
            }
            Dialect::Spacetime => {
                let message = (self.spell)(&self.fields).into_bytes();
                let signature = (self.write)(&sign(&message)?);
                let public = self.key.public_key().ed25519_bytes().unwrap_or_default();
                let body = serde_json::json!({
                    "userId": "alice",
                    "authCode": "469867d9660b67f8aa12b2",
                    "signature": signature,
                    "key": standard(&public),
                    "scheme": "ed25519",
                });
                sent.body = body.to_string().into_bytes();
                sent.signed = (self.text)(&message);
            }
            _ => {
                let object = |pairs: &Pairs| {
                    let members: Vec<String> =
                        pairs.iter().map(|(name, value)| format!("{}:{value}", text(name))).collect();
                    format!("{{{}}}", members.join(","))
                };
                let part = self.part;
                let message = format!(
                    "{}.{}",
                    part(object(&self.head).as_bytes()),
                    part(object(&self.claims).as_bytes())
                );
                let signature = (self.write)(&sign(message.as_bytes())?);
                let (header, before) = &self.carrier;
                add(header, format!("{before}{message}.{signature}"));
                if let Some(companion) = &self.companion {
                    add("x-helplightning-api-key", companion.clone());
                }
                sent.signed = (self.text)(message.as_bytes());
            }
        }
        Ok(sent)
    }
}

/// Puts a member in the place of what was there, or at the end.
pub fn set(list: &mut Pairs, name: &str, value: String) {
    match list.iter_mut().find(|(known, _)| known == name) {
        Some((_, old)) => *old = value,
        None => list.push((name.to_owned(), value)),
    }
}
