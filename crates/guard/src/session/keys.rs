//! A user's own keys: listing them, and adding one whose possession is proved.
use crate::session::body::Members;
use crate::session::possession::{is_same, provisional};
use crate::session::reply::{No, Stop, json};
use crate::session::{Asked, DIALECT, SessionApi};
use bytes::Bytes;
use countersign::ask::KnownKey;
use countersign::base64::{Alphabet, encode};
use countersign::life::challenge::{Ask, Purpose};
use countersign::reason::Reason;
use countersign_keys::read_public_key;
use countersign_store::denied::{ChangeError, Denial, Denied};
use countersign_store::draft::{Narrowing, NewKey};
use countersign_store::model::KeyRecord;
use http::Response;
use serde::Serialize;

/// Why no key is added for a session whose own key is none any more.
const ENDED: &str = "opener-ended";

/// One key as clients know it.
#[derive(Serialize)]
struct Key {
    key: String,
    scheme: &'static str,
}

impl SessionApi {
    /// The live keys that the user may sign in with.
    pub(crate) async fn list_keys(&self, asked: &Asked<'_>) -> Result<Response<Bytes>, Stop> {
        let holder = self.holder(asked).await?;
        let live = holder.caller.keys.iter().filter(|key| key.serves(DIALECT) && key.life.is_live(asked.now));
        let raw = live.filter_map(|key| key.key().ed25519_bytes());
        let keys: Vec<Key> = raw.map(|raw| shown(&raw)).collect();
        Ok(json(&keys))
    }

    /// A code for adding a key; it is good for nothing else.
    pub(crate) async fn key_code(&self, asked: &Asked<'_>) -> Result<Response<Bytes>, Stop> {
        let holder = self.signed_in(asked).await?;
        let user = &holder.session.identifier;
        let ask = Ask { user, purpose: Purpose::AddKey, prefix: None, join: None };
        Ok(self.issue(&ask, asked.now)?)
    }

    /// Adds a key that signed such a code.
    pub(crate) async fn add_key(&self, asked: &Asked<'_>) -> Result<Response<Bytes>, Stop> {
        let holder = self.signed_in(asked).await?;
        let user = holder.session.identifier.as_str();
        let members = Members::read(asked.body())?;
        if members.named_user()?.is_some_and(|named| named != user) {
            return Err(No::malformed("`userId` must be the user of the token, or be left out.").into());
        }
        let answer = members.answer()?;
        let opened = self.open(answer.code, user, &[Purpose::AddKey], asked.now)?;
        self.use_up(answer.code, &opened, asked.now).await?;
        let text = encode(Alphabet::Standard, &answer.key);
        let taken = read_public_key(text.as_bytes(), &self.settings.keys)
            .map_err(|error| No::malformed(format!("This key is not taken: {error}.")))?;
        let Some(intake) = taken.into_iter().next() else {
            return Err(No::malformed("There is no key.").into());
        };
        self.prove(asked, user, &answer, &opened, |_| {
            provisional(holder.caller.clone(), &intake.key, DIALECT)
        })?;
        let live = |known: &&std::sync::Arc<KnownKey>| {
            known.serves(DIALECT) && known.life.is_live(asked.now) && is_same(known.compact(), &answer.key)
        };
        if holder.caller.keys.iter().any(|known| live(&known)) {
            return Ok(json(&shown(&answer.key)));
        }
        let stamp = self.stamp(&holder.caller.id, asked.now);
        let base = NewKey::new(&holder.caller.id, "", intake.key.spki_der(), DIALECT);
        let base = NewKey { shared: self.settings.shared_keys, ..base };
        let added = self.registrar.change(&stamp, |draft| {
            // As it is when the key is made: one that was revoked or narrowed since the token was looked at lets in no more than that.
            let opener = draft.key(&holder.session.key).ok().filter(|opener| opener.life.is_live(asked.now));
            let opener = opener.ok_or_else(|| {
                Denied::new(Denial::State, ENDED, "the key that opened the session has ended")
            })?;
            let state = draft.by_itself(&base.account, base.state)?;
            draft.add_key(&NewKey { state, ..like(&opener, base.clone()) })
        });
        match added.await {
            Ok(_) => Ok(json(&shown(&answer.key))),
            // Another's key: the same answer as to a signature that does not hold.
            Err(ChangeError::Denied(denied)) if denied.code() == "key-not-accepted" => {
                Err(No::refused(Reason::BadSignature).into())
            }
            Err(ChangeError::Denied(denied)) if denied.code() == ENDED => {
                Err(No::refused(Reason::SessionEnded).into())
            }
            Err(error) => Err(error.into()),
        }
    }
}

/// No wider and no longer than the key that lets it in: narrowing would mean nothing if its holder could add another.
fn like(opener: &KeyRecord, new: NewKey) -> NewKey {
    let narrowing = Narrowing {
        algorithms: Vec::new(),
        methods: opener.methods.clone(),
        paths: opener.paths.clone(),
        networks: opener.networks.clone(),
    };
    NewKey { narrowing, expires: opener.life.ends(), ..new }
}

fn shown(raw: &[u8; 32]) -> Key {
    Key { key: encode(Alphabet::Standard, raw), scheme: "ed25519" }
}
