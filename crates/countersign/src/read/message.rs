//! Reads an HTTP message signature: the one that the dialect means, its base, and what it says of itself.
use super::Scratch;
use crate::dialect::{Dialect, Form};
use crate::form::httpsig::HttpSig;
use crate::form::httpsig::read::{Wanted, label, read};
use crate::incoming::{Incoming, Limits};
use crate::proof::found::Proof;
use crate::reason::Reason;
use crate::source::{Facts, Source};

impl Dialect {
    /// Whether a source is the parameter that names the key.
    pub(crate) fn is_keyid(&self, source: &Source) -> bool {
        matches!(source, Source::Signed(slot) if self.names.members.get(*slot).is_some_and(|name| **name == *"keyid"))
    }

    /// The label of the one message signature of a request that this dialect means; `None` where there is none, or several.
    #[must_use]
    pub fn message_label<'s>(&self, incoming: &'s Incoming<'s>, limits: &Limits) -> Option<&'s str> {
        match &self.form {
            Form::HttpSig(form) => label(form, incoming, limits),
            _ => None,
        }
    }

    pub(super) fn read_message<'s>(
        &'s self,
        form: &HttpSig,
        incoming: &'s Incoming<'s>,
        limits: &Limits,
        scratch: &'s mut Scratch,
    ) -> Result<Option<Proof<'s>>, Reason> {
        let Scratch { bytes: signature, texts } = scratch;
        texts.resize_with(1, Vec::new);
        let Some(base) = texts.first_mut() else { return Err(Reason::MalformedCredential) };
        let wanted = Wanted { form, algorithms: &self.algorithms, members: &self.names.members };
        let Some(read) = read(&wanted, incoming, limits, base, signature)? else {
            return Ok(None);
        };
        // Where the body is looked at, one that nobody here can see is not taken on trust.
        if self.needs_body() {
            self.check_body(incoming, limits)?;
        }
        // Where the key's id is what the account is found by, it is no hint beside that.
        let kid = read.kid.filter(|_| !self.is_keyid(&self.who.from));
        let facts = Facts { members: read.members, kid, ..Facts::new(incoming, 0) };
        let texts: &'s [Vec<u8>] = texts;
        let texts = texts.iter().map(Vec::as_slice).collect();
        self.proof(facts, limits, read.algorithm, texts, signature, Some(read.listed)).map(Some)
    }
}
