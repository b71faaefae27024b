//! A session and all its tokens, as one client holds them and a thief may: what each is worth is known before it is sent.
use crate::chance::Chance;
use crate::node::{Answer, Node};
use crate::operator::name;
use crate::world::{World, key};
use bytes::Bytes;
use countersign::base64::{Alphabet, decode, encode, encode_hex};
use countersign_keys::Algorithm;
use http::{HeaderMap, HeaderValue, Method, Request};
use serde_json::{Value, json};
use std::sync::Arc;
use std::time::Duration;
use tokio::time::sleep;

/// Steps that one session lives at most.
const STEPS: u64 = 12;

/// The tokens of a session.
pub struct Family {
    world: Arc<World>,
    key: String,
    /// Its id in the database.
    id: String,
    access: String,
    refresh: String,
    /// Refresh tokens that were used.
    used: Vec<String>,
    state: State,
    /// How many copies of the database there had been when it began.
    copies: u64,
}

/// What the holder knows of it.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
enum State {
    /// Its tokens must count.
    Live,
    /// Nobody knows: an answer was lost.
    Unsure,
    /// None of its tokens may count any more.
    Over,
}

impl Family {
    /// Signs in: a code from one node, answered at another, sometimes at two at once.
    pub async fn open(world: &Arc<World>, account: usize, chance: &Chance) -> Option<Self> {
        let (id, number) = world.current(account)?;
        let (private, user, copies) = (key(number)?, name(account), world.checker.copies());
        // Some tries: faults are nobody's blame.
        for _ in 0..20 {
            sleep(chance.between(10, 300)).await;
            let (issuer, first, other) = (world.any(chance)?, world.any(chance)?, world.any(chance)?);
            let asked = json!({ "userId": user });
            let Some(code) = text(&post(issuer, "code", "", &asked).await.1, "authCode") else { continue };
            let signature = private.sign(Algorithm::Ed25519, code.as_bytes()).ok()?;
            let shown = encode(Alphabet::Standard, &private.public_key().ed25519_bytes()?);
            let answer = json!({ "userId": user, "authCode": code, "signature": encode_hex(&signature),
                "key": shown, "scheme": "ed25519" });
            let started = world.now();
            let twice = chance.in_hundred(25);
            let again = async { if twice { Some(post(other, "token", "", &answer).await) } else { None } };
            let (one, again) = tokio::join!(post(first, "token", "", &answer), again);
            let now = world.now();
            world
                .checker
                .note(now, &format!("sign in {user}: {:?} {:?}", one.0, again.as_ref().map(|a| &a.0)));
            let mut opened = Vec::new();
            for ((answer, body), node) in [(one, first)].into_iter().chain(again.map(|again| (again, other)))
            {
                match answer {
                    Answer::Passed => {
                        world.checker.admitted(&id, node.number, started, now);
                        opened.push(body);
                    }
                    Answer::Refused(reason) => {
                        let excused = match reason.as_str() {
                            "before-restart" => world.checker.may_be_barred(started),
                            "replayed" => twice,
                            // A code is dated by the clock of the node that issued it.
                            "unknown-challenge" | "challenge-expired" => !world.is_well(),
                            _ => world.checker.may_be_unknown(&id, started),
                        };
                        if !excused {
                            world
                                .checker
                                .violation(now, format!("a good answer to a code was blamed: {reason}"));
                        }
                    }
                    Answer::Fault | Answer::Lost => {}
                }
            }
            if opened.len() > 1 {
                world.checker.violation(now, "one code opened two sessions".to_owned());
            }
            if let Some(body) = opened.first() {
                let access = text(body, "accessToken")?;
                return Some(Self {
                    world: Arc::clone(world),
                    key: id,
                    id: session_of(&access)?,
                    access,
                    refresh: text(body, "refreshToken")?,
                    used: Vec::new(),
                    state: State::Live,
                    copies,
                });
            }
        }
        None
    }

    /// Uses it until it is over, or for some steps.
    pub async fn live(&mut self, chance: &Chance) {
        for _ in 0..STEPS {
            sleep(chance.between(50, 2500)).await;
            if self.world.is_calm() || self.is_lost() || self.state == State::Unsure {
                return;
            }
            match chance.below(10) {
                0..3 => self.refresh_at(1, chance).await,
                3..5 => self.refresh_at(3, chance).await,
                5 => self.steals(chance).await,
                6 => self.log_out(chance).await,
                _ => self.access(chance).await,
            }
        }
    }

    /// A refresh, an access and the end of it, where nothing is broken.
    pub async fn must_work(&mut self, chance: &Chance) {
        self.refresh_at(1, chance).await;
        self.access(chance).await;
        let before = self.state;
        self.log_out(chance).await;
        self.access(chance).await;
        if before != State::Live || self.state != State::Over {
            let text = format!("a session is {before:?} and then {:?} when all is well", self.state);
            self.world.checker.violation(self.world.now(), text);
        }
    }

    /// Whether a copy of the database may have forgotten it.
    fn is_lost(&self) -> bool {
        self.copies != self.world.checker.copies()
    }

    /// The current refresh token, at so many nodes at once.
    async fn refresh_at(&mut self, nodes: u64, chance: &Chance) {
        let token = self.refresh.clone();
        let was = self.state;
        let mut asking = tokio::task::JoinSet::new();
        for _ in 0..nodes {
            let Some(node) = self.world.any(chance).cloned() else { return };
            let (token, world) = (token.clone(), Arc::clone(&self.world));
            asking.spawn(async move {
                let started = world.now();
                let (answer, body) = post(&node, "refresh", &token, &json!({})).await;
                (node, started, answer, body)
            });
        }
        let (mut pairs, mut ended, mut unsure) = (Vec::new(), false, false);
        while let Some(Ok((node, started, answer, body))) = asking.join_next().await {
            let now = self.world.now();
            self.world.checker.note(now, &format!("refresh {} {answer:?}", node.number));
            match answer {
                Answer::Passed => {
                    self.admitted(&node, started, was, "refreshed");
                    pairs.push(body);
                }
                Answer::Refused(reason) if reason == "session-ended" => {
                    let over = self.is_over(&node, started);
                    ended |= over;
                    unsure |= !over;
                }
                Answer::Refused(reason) => {
                    unsure = true;
                    self.blamed(&node, started, &reason, nodes);
                }
                Answer::Fault | Answer::Lost => unsure = true,
            }
        }
        if self.is_lost() {
            return;
        }
        if pairs.len() > 1 {
            self.world.checker.violation(self.world.now(), "one refresh token gave two pairs".to_owned());
        }
        if ended && nodes == 1 && was == State::Live && !unsure {
            self.over_without_reason("refresh");
        }
        if nodes > 1 && !unsure && !ended && pairs.len() == 1 {
            let text = format!("a refresh token came {nodes} times and the session goes on");
            self.world.checker.violation(self.world.now(), text);
        }
        if let Some(body) = pairs.first()
            && let (Some(access), Some(refresh)) = (text(body, "accessToken"), text(body, "refreshToken"))
        {
            self.used.push(std::mem::replace(&mut self.refresh, refresh));
            self.access = access;
        }
        self.state = if ended || was == State::Over {
            State::Over
        } else if unsure {
            State::Unsure
        } else {
            State::Live
        };
    }

    /// A refresh token that was used comes once more: the session is over.
    async fn steals(&mut self, chance: &Chance) {
        let (Some(token), Some(node)) = (chance.of(&self.used).cloned(), self.world.any(chance).cloned())
        else {
            return;
        };
        let started = self.world.now();
        let (answer, _) = post(&node, "refresh", &token, &json!({})).await;
        self.world.checker.note(self.world.now(), &format!("stolen {} {answer:?}", node.number));
        if self.is_lost() {
            return;
        }
        match answer {
            Answer::Passed => {
                self.world.checker.violation(self.world.now(), "a used refresh token gave a pair".to_owned());
            }
            Answer::Refused(reason) if reason == "session-ended" && self.is_over(&node, started) => {
                self.state = State::Over;
            }
            // The node may not know the key that the session was opened by.
            Answer::Refused(reason) if reason == "session-ended" => self.unsure(),
            Answer::Refused(reason) => {
                self.blamed(&node, started, &reason, 1);
                self.unsure();
            }
            Answer::Fault | Answer::Lost => self.unsure(),
        }
    }

    async fn log_out(&mut self, chance: &Chance) {
        let Some(node) = self.world.any(chance).cloned() else { return };
        let (answer, _) = post(&node, "logout", &self.refresh, &json!({})).await;
        self.world.checker.note(self.world.now(), &format!("logout {} {answer:?}", node.number));
        match answer {
            Answer::Passed => self.state = State::Over,
            _ => self.unsure(),
        }
    }

    /// The access token, at something behind the server.
    async fn access(&mut self, chance: &Chance) {
        let Some(node) = self.world.any(chance).cloned() else { return };
        let (was, started) = (self.state, self.world.now());
        let mut headers = HeaderMap::new();
        if let Ok(value) = HeaderValue::try_from(format!("Bearer {}", self.access)) {
            headers.insert(http::header::AUTHORIZATION, value);
        }
        let answer = node.judge(&headers, true).await;
        self.world.checker.note(self.world.now(), &format!("access {} {answer:?}", node.number));
        if self.is_lost() {
            return;
        }
        match answer {
            Answer::Passed => self.admitted(&node, started, was, "let in"),
            Answer::Refused(reason) if was == State::Live => self.blamed(&node, started, &reason, 1),
            Answer::Refused(_) | Answer::Fault | Answer::Lost => {}
        }
    }

    fn unsure(&mut self) {
        if self.state == State::Live {
            self.state = State::Unsure;
        }
    }

    fn admitted(&self, node: &Node, started: i64, was: State, done: &str) {
        let now = self.world.now();
        if was == State::Over && !self.is_lost() {
            let text = format!("node {} {done} by a session that was over", node.number);
            self.world.checker.violation(now, text);
        }
        self.world.checker.admitted(&self.key, node.number, started, now);
    }

    /// A refusal of a token that was good when it was sent.
    fn blamed(&self, node: &Node, started: i64, reason: &str, at_once: u64) {
        if self.is_lost() || self.state != State::Live || at_once > 1 {
            return;
        }
        let excused = match reason {
            // The pair was made by a clock that is ahead of this one.
            "not-yet-valid" | "expired" => !self.world.is_well(),
            _ => self.world.checker.may_be_unknown(&self.key, started),
        };
        if !excused {
            let text = format!("node {} blamed a good token with {reason}", node.number);
            self.world.checker.violation(self.world.now(), text);
        }
    }

    /// Whether a session that a node called ended is over, and not only there: a node that does not know the key yet, or knows
    /// already that it is revoked, calls its sessions ended too, and others still let them in for as long as they may be behind.
    fn is_over(&self, node: &Node, started: i64) -> bool {
        if self.is_lost() {
            return false;
        }
        let kept =
            self.world.network.database.step(|state| state.sessions.get(&self.id).map(|kept| kept.ended));
        if matches!(kept, Some(Some(_))) {
            return true;
        }
        let over = !self.world.checker.may_be_unknown(&self.key, started);
        if over {
            let text = format!("node {} called a session ended that is kept as {kept:?}", node.number);
            self.world.checker.violation(self.world.now(), text);
        }
        over
    }

    fn over_without_reason(&self, what: &str) {
        if !self.world.checker.key(&self.key).unwanted {
            let text = format!("a session was over at a {what} that was its first");
            self.world.checker.violation(self.world.now(), text);
        }
    }
}

async fn post(node: &Node, call: &str, token: &str, body: &Value) -> (Answer, Bytes) {
    let mut request = Request::new(Bytes::from(body.to_string()));
    *request.method_mut() = Method::POST;
    if let Ok(uri) = format!("/v1/auth/{call}").parse() {
        *request.uri_mut() = uri;
    }
    if !token.is_empty()
        && let Ok(value) = HeaderValue::try_from(format!("Bearer {token}"))
    {
        request.headers_mut().insert(http::header::AUTHORIZATION, value);
    }
    // A caller has more patience than any statement, and not endless.
    match tokio::time::timeout(Duration::from_secs(60), node.call(&request)).await {
        Ok(answered) => answered,
        Err(_) => (Answer::Lost, Bytes::new()),
    }
}

fn text(body: &[u8], name: &str) -> Option<String> {
    let value: Value = serde_json::from_slice(body).ok()?;
    value.get(name)?.as_str().map(str::to_owned)
}

/// The session that an access token names.
fn session_of(token: &str) -> Option<String> {
    let mut payload = Vec::new();
    decode(Alphabet::Url, token.split('.').nth(1)?.as_bytes(), &mut payload).ok()?;
    text(&payload, "session")
}
