//! A request that a client sent, taken apart to before it was signed, with everything in it that a caller can get wrong.
use crate::dialect::Dialect;
use crate::recorded::{Pairs, Recorded, members};
use crate::sent::Sent;
use crate::world::World;
use countersign::base64::{Alphabet, decode, encode, encode_hex};
use countersign_keys::{Algorithm, PrivateKey, sha256};

/// The header of the companion key.
const COMPANION: &str = "x-helplightning-api-key";

/// A request before it is signed.
pub struct Draft<'w> {
    /// What was sent.
    pub(crate) recorded: Recorded,
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
    /// The digest that is sent, where it is another than the client's.
    pub digest: Option<String>,
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
    /// When the recording is not what the corpus takes it for.
    pub fn new(dialect: Dialect, world: &'w World, now: i64) -> Result<Self, String> {
        let mut draft = Self::at_its_own_time(dialect, world)?;
        let later = now - draft.now;
        for (name, value) in draft.claims.iter_mut().chain(&mut draft.fields) {
            if matches!(name.as_str(), "iat" | "exp" | "time" | "created" | "expires") {
                let then: i64 =
                    value.parse().map_err(|_| format!("wanted a time in {name}, found {value}"))?;
                *value = (then + later).to_string();
            }
        }
        draft.now = now;
        Ok(draft)
    }

    /// What the client sent, at the time at which it sent it.
    ///
    /// # Errors
    /// When the recording is not what the corpus takes it for.
    pub fn at_its_own_time(dialect: Dialect, world: &'w World) -> Result<Self, String> {
        let recorded = Recorded::of(dialect)?;
        let [key, ..] = dialect.keys();
        let mut draft = Self {
            dialect,
            now: 0,
            key: world.key(key)?,
            algorithm: Algorithm::RsaSha256,
            head: Pairs::new(),
            claims: Pairs::new(),
            part: url_safe,
            fields: Pairs::new(),
            spell: php,
            text: <[u8]>::to_vec,
            signature: |signature| signature,
            write: url_safe,
            carrier: ("Authorization".to_owned(), String::new()),
            companion: recorded.header(COMPANION).ok().map(str::to_owned),
            method: recorded.method.clone(),
            url: recorded.url.clone(),
            body: recorded.body.clone().into_bytes(),
            digest: None,
            recorded,
        };
        match dialect {
            Dialect::Skillhive => {
                draft.write = standard;
                draft.fields = pairs(&[
                    ("url", draft.url.clone()),
                    ("content", draft.recorded.body.clone()),
                    ("api_id", draft.recorded.header("Api-Id")?.to_owned()),
                    ("user", draft.recorded.header("Api-User")?.to_owned()),
                ]);
            }
            Dialect::Spacetime => {
                draft.algorithm = Algorithm::Ed25519;
                draft.write = encode_hex;
                draft.spell = lines;
                draft.fields = pairs(&[("authCode", draft.recorded.member("authCode")?)]);
            }
            Dialect::Operator => {
                draft.algorithm = Algorithm::EcdsaP256Sha256;
                draft.spell = lines;
                let header = |name| draft.recorded.header(name).map(str::to_owned);
                draft.fields = pairs(&[
                    ("kind", "countersign operator request 1".to_owned()),
                    ("method", draft.method.clone()),
                    ("authority", "api.example.com".to_owned()),
                    ("path", "/v2/things/42?b=2&a=1".to_owned()),
                    ("digest", encode_hex(&sha256(&[&draft.body]))),
                    ("key", header("Countersign-Key")?),
                    ("time", header("Countersign-Time")?),
                    ("nonce", header("Countersign-Nonce")?),
                ]);
                draft.now = number(&draft.fields, "time")?;
            }
            Dialect::Message => draft.take_message_apart()?,
            _ => {
                let value = draft.recorded.header("Authorization")?;
                let (before, token) = value.split_at(value.find(' ').map_or(0, |space| space + 1));
                before.clone_into(&mut draft.carrier.1);
                let mut parts = token.split('.');
                let mut part = || {
                    let mut out = Vec::new();
                    let read = decode(Alphabet::Url, parts.next().unwrap_or_default().as_bytes(), &mut out);
                    read.map(|()| out).map_err(|_| format!("{value}: wanted a token"))
                };
                (draft.head, draft.claims) = (members(&part()?)?, members(&part()?)?);
                draft.algorithm = match dialect {
                    Dialect::Jwt => Algorithm::RsaSha512,
                    Dialect::JwtEd => Algorithm::Ed25519,
                    _ => Algorithm::RsaSha256,
                };
                draft.now = match dialect {
                    Dialect::Skykit => number(&draft.claims, "iat")?,
                    // What it was told: a minute from now.
                    Dialect::Partner => number(&draft.claims, "exp")? - 60,
                    _ => number(&draft.claims, "time")?,
                };
            }
        }
        Ok(draft)
    }

    /// Signs with another key, which a client that names its key names as well.
    pub fn use_key(&mut self, key: &'w PrivateKey) {
        let prints = key.fingerprints();
        if self.dialect == Dialect::Operator {
            self.set("key", prints.jwk_thumbprint.clone());
        }
        if self.dialect == Dialect::Message {
            set(&mut self.claims, "keyid", text(&prints.jwk_thumbprint));
        }
        if let Some((_, kid)) = self.head.iter_mut().find(|(name, _)| name == "kid") {
            *kid = text(&prints.pem_sha256_hex);
        }
        self.key = key;
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
        let sign = |message: &[u8]| -> Result<Vec<u8>, String> {
            let made =
                self.key.sign(self.algorithm, &(self.text)(message)).map_err(|error| error.to_string())?;
            Ok((self.signature)(made))
        };
        let mut made = match self.dialect {
            Dialect::Skillhive => {
                let message = (self.spell)(&self.fields).into_bytes();
                let mut sent = self.recorded.with(&[("Api-Signature", (self.write)(&sign(&message)?))]);
                sent.signed = message;
                sent
            }
            Dialect::Operator => {
                let message = (self.spell)(&self.fields).into_bytes();
                let mut sent = self.recorded.with(&[
                    ("Countersign-Key", self.field("key")),
                    ("Countersign-Time", self.field("time")),
                    ("Countersign-Nonce", self.field("nonce")),
                    ("Countersign-Signature", (self.write)(&sign(&message)?)),
                ]);
                sent.signed = message;
                sent
            }
            Dialect::Message => self.message(&sign)?,
            Dialect::Spacetime => {
                let message = (self.spell)(&self.fields).into_bytes();
                let mut sent = self.recorded.with(&[]);
                let public = self.key.public_key().ed25519_bytes().unwrap_or_default();
                for (name, value) in
                    [("signature", (self.write)(&sign(&message)?)), ("key", standard(&public))]
                {
                    let (old, new) = (text(&self.recorded.member(name)?), text(&value));
                    sent.body = String::from_utf8_lossy(&sent.body).replacen(&old, &new, 1).into_bytes();
                }
                sent.signed = message;
                sent
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
                let mut sent =
                    self.recorded.with(&[("Authorization", format!("{before}{message}.{signature}"))]);
                for (name, _) in &mut sent.headers {
                    if name == "Authorization" {
                        name.clone_from(header);
                    }
                }
                match &self.companion {
                    Some(companion) => sent.change(COMPANION, |_| companion.clone()),
                    None => sent.drop_header(COMPANION),
                }
                sent.signed = message.into_bytes();
                sent
            }
        };
        made.signed = (self.text)(&made.signed);
        made.method.clone_from(&self.method);
        made.url.clone_from(&self.url);
        if self.dialect != Dialect::Spacetime {
            made.body.clone_from(&self.body);
        }
        Ok(made)
    }
}

/// A number among the pairs.
pub(crate) fn number(pairs: &Pairs, name: &str) -> Result<i64, String> {
    let found = pairs.iter().find(|(known, _)| known == name).and_then(|(_, value)| value.parse().ok());
    found.ok_or_else(|| format!("wanted a time in {name}, found none"))
}

/// Puts a member in the place of what was there, or at the end.
pub fn set(list: &mut Pairs, name: &str, value: String) {
    match list.iter_mut().find(|(known, _)| known == name) {
        Some((_, old)) => *old = value,
        None => list.push((name.to_owned(), value)),
    }
}

#[cfg(test)]
mod tests {
    use super::Draft;
    use crate::dialect::Dialect;
    use crate::recorded::Recorded;
    use crate::world::World;

    #[test]
    fn a_draft_is_what_the_client_sent_byte_for_byte() {
        let world = World::new().unwrap();
        for dialect in Dialect::ALL {
            let recorded = Recorded::of(*dialect).unwrap();
            let sent = Draft::at_its_own_time(*dialect, &world).unwrap().send().unwrap();
            let mut wanted = recorded.with(&[]);
            if *dialect == Dialect::Operator {
                // ECDSA signs with chance: all but the signature is the same.
                let fresh = sent.headers.iter().find(|(name, _)| name == "countersign-signature").unwrap();
                wanted.change("countersign-signature", |_| fresh.1.clone());
            }
            wanted.signed = sent.signed.clone();
            assert_eq!(sent, wanted, "{}", recorded.client);
        }
    }
}
