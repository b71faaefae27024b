//! Bodies of the session API: one strict JSON object, whose members have types and lengths.
use crate::session::reply::No;
use countersign::base64::{Alphabet, decode, decode_hex};
use countersign::hidden::is_hidden;
use countersign::json::{Bounds, Value, read_object};

/// Bytes of a user id: e-mail addresses have at most 320.
const LONGEST_USER: usize = 320;
/// Bytes of an e-mail address (RFC 5321).
const LONGEST_EMAIL: usize = 320;
/// Bytes of a code: ours have at most 254 digits.
const LONGEST_CODE: usize = 512;
/// Bytes of a join code: ours have 37.
const LONGEST_JOIN: usize = 256;
/// Bytes of a signature or key in text: 130 and 44 are right, and more is told as wrong.
const LONGEST_PROOF: usize = 1024;
/// No call has more than 5 members; room for those that clients add.
const BOUNDS: Bounds = Bounds { depth: 8, members: 64 };

/// The members of a body.
pub(crate) struct Members<'b>(Vec<(String, Value<'b>)>);

/// An answer to a challenge, in the right form and not believed.
#[derive(Clone, Copy, Debug)]
pub(crate) struct Answer<'m> {
    pub(crate) code: &'m str,
    pub(crate) signature: &'m str,
    pub(crate) key: [u8; 32],
}

impl<'b> Members<'b> {
    pub(crate) fn read(body: &'b [u8]) -> Result<Self, No> {
        let mut members = Vec::new();
        read_object(body, BOUNDS, |name, value| members.push((name.to_owned(), value)))
            .map_err(|_| No::malformed("The body must be one JSON object without repeated members."))?;
        Ok(Self(members))
    }

    fn value(&self, name: &str) -> &Value<'b> {
        self.0.iter().find(|(known, _)| known == name).map_or(&Value::Absent, |(_, value)| value)
    }

    /// A text that must be there.
    fn text(&self, name: &'static str, most: usize) -> Result<&str, No> {
        match self.value(name) {
            Value::Text(text) if text.len() <= most => Ok(text),
            other => Err(No::malformed(format!(
                "`{name}` must be text of at most {most} bytes; found {}.",
                if other.text().is_some() { "a longer one" } else { other.kind() }
            ))),
        }
    }

    /// A text that may be missing, null or empty.
    fn optional(&self, name: &'static str, most: usize) -> Result<Option<&str>, No> {
        match self.value(name) {
            Value::Absent | Value::Null => Ok(None),
            _ => Ok(Some(self.text(name, most)?).filter(|text| !text.is_empty())),
        }
    }

    pub(crate) fn user(&self) -> Result<&str, No> {
        let user = self.text("userId", LONGEST_USER)?;
        if user.is_empty() || user.chars().any(is_hidden) {
            return Err(No::malformed(
                "`userId` must have at least one character, and no control or invisible characters.",
            ));
        }
        Ok(user)
    }

    /// The user id, when the body has one.
    pub(crate) fn named_user(&self) -> Result<Option<&str>, No> {
        self.optional("userId", LONGEST_USER)
    }

    pub(crate) fn prefix(&self) -> Result<Option<&str>, No> {
        let most = countersign::life::challenge::GREATEST_PREFIX;
        let prefix = self.optional("prefix", most)?;
        if prefix.is_some_and(|prefix| prefix.chars().any(char::is_control)) {
            return Err(No::malformed("`prefix` must not have control characters."));
        }
        Ok(prefix)
    }

    /// The join code, in either of the spellings that clients have for its name.
    pub(crate) fn join_code(&self) -> Result<Option<&str>, No> {
        let join = self.optional("joinCode", LONGEST_JOIN)?;
        Ok(join.or(self.optional("joincode", LONGEST_JOIN)?))
    }

    /// Whether the e-mail address, if there is one, could be one. It is not kept.
    pub(crate) fn email(&self) -> Result<Option<&str>, No> {
        self.optional("email", LONGEST_EMAIL)
    }

    pub(crate) fn role(&self) -> Result<Option<&str>, No> {
        self.optional("role", LONGEST_JOIN)
    }

    pub(crate) fn answer(&self) -> Result<Answer<'_>, No> {
        // One scheme is known; another one named, in whatever spelling, is not silently taken for it.
        match self.value("scheme") {
            Value::Absent => {}
            Value::Text(scheme) if scheme == "ed25519" => {}
            _ => return Err(No::malformed("`scheme` must be `ed25519`, or be left out.")),
        }
        let code = self.text("authCode", LONGEST_CODE)?;
        let signature = self.text("signature", LONGEST_PROOF)?;
        let mut bytes = Vec::new();
        decode_hex(signature.as_bytes(), &mut bytes)
            .ok()
            .filter(|()| bytes.len() == 64)
            .ok_or_else(|| No::malformed("`signature` must be 64 bytes as 128 hexadecimal digits."))?;
        let key = self.text("key", LONGEST_PROOF)?;
        decode(Alphabet::Standard, key.as_bytes(), &mut bytes)
            .ok()
            .and_then(|()| bytes.as_slice().try_into().ok())
            .map(|key| Answer { code, signature, key })
            .ok_or_else(|| No::malformed("`key` must be 32 bytes in standard base64 (44 characters)."))
    }
}
