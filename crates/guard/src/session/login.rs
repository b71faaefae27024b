//! Codes, and signing in with them: the one call that also registers unknown users.
use crate::clock::draw;
use crate::session::body::{Answer, Members};
use crate::session::possession::{is_same, provisional};
use crate::session::reply::{No, Stop, Told, json};
use crate::session::room::make_room;
use crate::session::{Asked, DIALECT, SessionApi};
use bytes::Bytes;
use countersign::ask::{Caller, KeyQuery, Keys};
use countersign::base64::encode_hex;
use countersign::life::challenge::{Ask, Opened, Purpose};
use countersign::life::key::KeyState;
use countersign::life::session::Session;
use countersign::reason::Reason;
use countersign::time::Time;
use countersign_keys::{PublicKey, read_public_key, sha256};
use countersign_store::denied::{ChangeError, Denied};
use countersign_store::draft::{Draft, NewAccount, NewKey};
use countersign_store::fault::Fault;
use countersign_store::model::Identifier;
use http::Response;
use serde::Serialize;
use std::sync::Arc;

#[derive(Serialize)]
#[serde(rename_all = "camelCase")]
struct Code {
    auth_code: String,
}

/// Bytes of a user id that an account can be called by, with what may be added.
const LONGEST_NAME: usize = 110;

/// What whoever joined an organisation that approves keys is told, once: later its key is like one that nobody knows.
const WAITS: &str = "The key is registered and waits until a manager approves it.";

/// A user that was just made.
struct Enrolled {
    account: String,
    key: String,
    /// Whether its key waits for approval.
    waits: bool,
}

/// Whom a session is opened for.
pub(crate) struct Opening<'a> {
    pub(crate) account: &'a str,
    pub(crate) identifier: &'a str,
    /// The account key or companion key that opens it.
    pub(crate) key: &'a str,
    pub(crate) ends: Time,
}

impl SessionApi {
    /// Issues a code. Known and unknown users get the same, and nothing is stored.
    pub(crate) fn code(&self, asked: &Asked<'_>, purpose: Purpose) -> Result<Response<Bytes>, No> {
        let members = Members::read(asked.body())?;
        let join = members.join_code()?.map(|code| sha256(&[code.as_bytes()]));
        if purpose == Purpose::Register {
            members.email()?;
        }
        let ask = Ask { user: members.user()?, purpose, prefix: members.prefix()?, join: join.as_ref() };
        self.issue(&ask, asked.now)
    }

    pub(crate) fn issue(&self, ask: &Ask<'_>, now: Time) -> Result<Response<Bytes>, No> {
        let auth_code = self.challenges.issue(ask, draw(&*self.entropy), now);
        let auth_code = auth_code.ok_or_else(|| No::malformed("`prefix` is too long."))?;
        Ok(json(&Code { auth_code }))
    }

    /// Opens a session for whoever proves to have one of the user's keys; makes the user when it may.
    pub(crate) async fn sign_in(&self, asked: &Asked<'_>) -> Result<Response<Bytes>, Stop> {
        let members = Members::read(asked.body())?;
        let (user, answer) = (members.user()?, members.answer()?);
        let opened = self.open(answer.code, user, &[Purpose::Login, Purpose::Register], asked.now)?;
        self.use_up(answer.code, &opened, asked.now).await?;
        let newcomer =
            if self.known(user).is_none() { self.newcomer(&answer, &opened, asked.now) } else { None };
        let verified = self.prove(asked, user, &answer, &opened, |query| {
            self.login_keys(query, user, &answer, newcomer.as_ref())
        })?;
        let (account, key) = match newcomer {
            Some(key) => match self.enrol(user, &key, &opened, asked.now).await? {
                Enrolled { account, key, waits: false } => (account, key),
                Enrolled { waits: true, .. } => return Err(No::forbidden(WAITS).into()),
            },
            None => {
                verified.key().touch(asked.now);
                (verified.caller().id.to_string(), verified.key().id.to_string())
            }
        };
        let ends = asked.now + self.settings.windows.whole;
        asked.allowance.proved(&account);
        let opening = Opening { account: &account, identifier: user, key: &key, ends };
        let session = self.open_session(&opening, asked.now).await?;
        let mut response = json(&self.pair(&session)?);
        let name = self.directory().caller(&account).map(|caller| caller.name.to_string());
        response.extensions_mut().insert(Told { reason: None, account: name, key: Some(key) });
        Ok(response)
    }

    /// Keeps a new session.
    pub(crate) async fn open_session(&self, opening: &Opening<'_>, now: Time) -> Result<Session, Fault> {
        let session = Session {
            id: self.mark(),
            account: opening.account.to_owned(),
            identifier: opening.identifier.to_owned(),
            organisation: self.organisation_of(opening.account),
            key: opening.key.to_owned(),
            opened: now,
            ends: opening.ends,
            iteration: self.mark(),
            rotated: now,
            previous: None,
            ended: None,
            grant: None,
        };
        self.guard.sessions().open(&session).await?;
        make_room(&**self.guard.sessions(), &session.account, self.settings.most_sessions, now).await?;
        Ok(session)
    }

    /// The key of an unknown user, when that user may register with it.
    fn newcomer(&self, answer: &Answer<'_>, opened: &Opened, now: Time) -> Option<PublicKey> {
        if !self.settings.self_registration {
            return None;
        }
        match opened.join {
            Some(join) => {
                self.directory().join_code(&encode_hex(&join)).filter(|code| now < code.expires)?;
            }
            None if self.settings.require_join_code => return None,
            None => {}
        }
        let text = countersign::base64::encode(countersign::base64::Alphabet::Standard, &answer.key);
        let taken = read_public_key(text.as_bytes(), &self.settings.keys).ok()?;
        taken.into_iter().next().map(|intake| intake.key)
    }

    /// Whose key counts: the one that was sent, if it is one of the user's; for a newcomer, the one it brings. For everyone
    /// else none, and the same work is done.
    fn login_keys(
        &self,
        query: &KeyQuery<'_>,
        user: &str,
        answer: &Answer<'_>,
        newcomer: Option<&PublicKey>,
    ) -> Keys {
        if let Some(key) = newcomer {
            return provisional(Arc::new(stranger(user)), key, DIALECT);
        }
        let mut keys = self.directory().answer(query);
        keys.keys.clear();
        if let Some(caller) = &keys.caller {
            let sent = caller.keys.iter().filter(|known| is_same(known.compact(), &answer.key));
            keys.keys.extend(sent.cloned());
        }
        keys
    }

    /// Makes account, key and membership at once.
    async fn enrol(&self, user: &str, key: &PublicKey, opened: &Opened, now: Time) -> Result<Enrolled, Stop> {
        let stamp = self.stamp("self", now);
        let made = self.registrar.change(&stamp, |draft| {
            let identifier = Identifier { namespace: self.namespace().to_owned(), value: user.to_owned() };
            let new = NewAccount {
                name: self.free_name(draft, user)?,
                enabled: true,
                identifiers: vec![identifier],
                ..NewAccount::default()
            };
            let account = draft.add_account(&new)?.id;
            if let Some(join) = &opened.join {
                draft.join(&account, &encode_hex(join))?;
            }
            let state = draft.by_itself(&account, KeyState::Active)?;
            let new = NewKey {
                state,
                shared: self.settings.shared_keys,
                ..NewKey::new(&account, "first", key.spki_der(), DIALECT)
            };
            let key = draft.add_key(&new)?.id;
            Ok(Enrolled { account, key, waits: state == KeyState::Pending })
        });
        made.await.map_err(|error| match error {
            ChangeError::Fault(fault) => Stop::Fault(fault),
            ChangeError::Denied(denied) if matches!(denied.code(), "invalid-name" | "invalid-identifier") => {
                No::malformed("No account can have this `userId`.").into()
            }
            // Taken meanwhile, or the key is another's: the same answer as to any proof that does not hold.
            ChangeError::Denied(_) => No::refused(Reason::BadSignature).into(),
        })
    }

    /// The account is called as its user id, unless an account of another kind is called so, a route admits that name,
    /// or the id is too long for a name.
    fn free_name(&self, draft: &Draft<'_>, user: &str) -> Result<String, Denied> {
        let reserved = |name: &str| self.settings.reserved.contains(name);
        let name = if user.len() > LONGEST_NAME {
            let start: String = user.chars().take(24).collect();
            let digest = encode_hex(&sha256(&[user.as_bytes()]));
            format!("{start}~{}", digest.get(..16).unwrap_or(&digest))
        } else if draft.account_by_name(user).is_none() && !reserved(user) {
            user.to_owned()
        } else {
            format!("{user}@{DIALECT}")
        };
        if reserved(&name) {
            return Err(Denied::taken(
                "name-taken",
                format!("{name} is kept for an account that a route admits"),
            ));
        }
        Ok(name)
    }
}

/// Someone who has no account yet.
fn stranger(user: &str) -> Caller {
    Caller {
        id: "".into(),
        name: user.into(),
        organisation: None,
        enabled: true,
        paths: Box::default(),
        keys: Box::default(),
    }
}
