//! Writes a token whose payload does not come along: it is built from the request, as the verifier does.
use super::{CannotSign, Knowledge, Made, USUAL_JSON, headers, object};
use crate::base64::{Alphabet, encode_into};
use crate::dialect::{Detached, Dialect};
use crate::form::make::Make;
use crate::incoming::Incoming;
use crate::json::{Bounds, Value, read_object};
use crate::source::Facts;

impl Dialect {
    pub(super) fn write_detached(
        &self,
        detached: &Detached,
        make: &Make,
        incoming: &Incoming<'_>,
        mut know: Knowledge<'_, '_>,
    ) -> Result<Made, CannotSign> {
        let mut head = String::with_capacity(USUAL_JSON);
        object(&make.head, &know, &mut head)?;
        let mut start = String::new();
        encode_into(Alphabet::Url, head.as_bytes(), &mut start);
        start.push('.');
        // What the header lists as signed is read back from it, as the verifier does.
        let mut facts = Facts::new(incoming, 0);
        facts.heads.resize(self.names.heads.len(), Value::Absent);
        read_object(head.as_bytes(), Bounds { depth: 4, members: 64 }, |name, value| {
            let slot = self.names.heads.iter().position(|known| **known == *name);
            if let Some(place) = slot.and_then(|slot| facts.heads.get_mut(slot)) {
                *place = value;
            }
        })
        .map_err(|_| CannotSign::CannotBuild)?;
        let signed = detached.input(start.as_bytes(), &facts).map_err(|_| CannotSign::CannotBuild)?;
        let signature = know.signer.key.sign(know.algorithm, &signed).map_err(CannotSign::Key)?;
        let mut token = format!("{start}.");
        encode_into(Alphabet::Url, &signature, &mut token);
        know.token = Some(token);
        Ok(Made {
            headers: headers(&make.headers, &know, |_| true)?,
            body: None,
            query: None,
            token: know.token,
            signed,
        })
    }
}
