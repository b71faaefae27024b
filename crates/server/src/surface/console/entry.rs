//! Signing in and out: a challenge and its answer, a link that works once, and the end.
use super::challenge::{issue, signed_text};
use super::cookie;
use super::holder::key_of;
use super::link::{By, Link, address_of};
use super::maker::may_link;
use super::pass::{once, outcome, refused};
use super::prove::{Proof, prove};
use super::session::{self, Out};
use super::site::Site;
use super::state::Console;
use crate::call::Call;
use crate::judge::faulted;
use crate::surface::manage::input::Input;
use crate::surface::manage::moment::Moment;
use crate::surface::manage::operator::Actor;
use crate::surface::manage::problem::Changing;
use crate::surface::manage::views::RoleView;
use axum::extract::State;
use axum::http::{HeaderMap, StatusCode, header};
use axum::response::{IntoResponse, Response};
use axum::{Extension, Json};
use countersign::ask::KnownKey;
use countersign::reason::Reason;
use countersign_store::model::Account;
use serde::{Deserialize, Serialize};
use std::sync::Arc;
use utoipa::ToSchema;
use utoipa_axum::router::OpenApiRouter;
use utoipa_axum::routes;

/// The calls of who is not signed in, and the one that ends a session.
pub(super) fn routes() -> OpenApiRouter<Arc<Console>> {
    OpenApiRouter::new()
        .routes(routes!(ask_challenge))
        .routes(routes!(sign_in))
        .routes(routes!(make_own_link))
        .routes(routes!(follow_link))
        .routes(routes!(sign_out))
}

/// Who wants to sign in.
#[derive(Deserialize, ToSchema)]
#[serde(deny_unknown_fields)]
struct Asking {
    /// The account's name or id, `namespace:identifier`, or a key's id or fingerprint.
    identifier: String,
}

/// A challenge.
#[derive(Serialize, ToSchema)]
struct Challenge {
    /// The challenge.
    challenge: String,
    /// Until when it may be answered, once.
    expires: Moment,
    /// What is signed: three lines without a line break at the end.
    text: String,
}

/// A link's token.
#[derive(Deserialize, ToSchema)]
#[serde(deny_unknown_fields)]
struct Followed {
    /// What stands after `#/link/` in the link.
    token: String,
}

/// Who is signed in now.
#[derive(Serialize, ToSchema)]
struct SignedIn {
    /// The account.
    account: WhoView,
    /// When the session ends if nothing is done.
    expires: Moment,
    /// The page's half of the session: kept where no other port of the host sees it, and sent in `countersign-console-page`.
    page: String,
}

/// An account, in short.
#[derive(Serialize, ToSchema)]
struct WhoView {
    /// Its id.
    id: String,
    /// Its name.
    name: String,
    /// For operators: what they may do.
    role: Option<RoleView>,
}

/// A link that signs in once.
#[derive(Serialize, ToSchema)]
struct MadeLink {
    /// The address to open in a browser.
    url: String,
    /// When it stops working.
    expires: Moment,
}

/// Ask for a challenge. Known and unknown names get the same, and nothing is kept.
#[utoipa::path(post, path = "/console/api/v1/challenge", tag = "signing in", security(()), request_body = Asking,
    responses((status = 200, body = Challenge), Changing))]
async fn ask_challenge(
    State(console): State<Arc<Console>>,
    Extension(site): Extension<Site>,
    Input(asking): Input<Asking>,
) -> Json<Challenge> {
    let (challenge, expires) = issue(&console, &asking.identifier, console.app.clock.now());
    let text = signed_text(&site.origin, &challenge);
    Json(Challenge { challenge, expires: Moment(expires), text })
}

/// Sign in by proving a key. An unknown account, a wrong key and a bad signature are one answer.
#[utoipa::path(post, path = "/console/api/v1/sign-in", tag = "signing in", security(()), request_body = Proof,
    responses((status = 200, body = SignedIn), Changing))]
async fn sign_in(
    State(console): State<Arc<Console>>,
    Extension(site): Extension<Site>,
    call: Option<Extension<Call>>,
    headers: HeaderMap,
    Input(proof): Input<Proof>,
) -> Response {
    let call = call.map(|Extension(call)| call);
    match prove(&console, call.as_ref(), &site, &proof).await {
        Ok(proved) => entered(&console, &site, &headers, &proved.account, &proved.key.id).await,
        Err(answer) => *answer,
    }
}

/// Make a link by proving a key, for the browser of whoever holds it. It works once, and only as long as the key does.
#[utoipa::path(post, path = "/console/api/v1/sign-in-link", tag = "signing in", security(()), request_body = Proof,
    responses((status = 200, body = MadeLink), Changing))]
async fn make_own_link(
    State(console): State<Arc<Console>>,
    Extension(site): Extension<Site>,
    call: Option<Extension<Call>>,
    Input(proof): Input<Proof>,
) -> Response {
    let call = call.map(|Extension(call)| call);
    let proved = match prove(&console, call.as_ref(), &site, &proof).await {
        Ok(proved) => proved,
        Err(answer) => return *answer,
    };
    let key = proved.key.id.to_string();
    let link = Link { account: proved.account.id, by: By::Key(key.clone()) };
    let (token, expires) = link.seal(&console.app, console.app.clock.now());
    let made = MadeLink { url: address_of(&site.page(), &token), expires: Moment(expires) };
    let mut response = Json(made).into_response();
    response.extensions_mut().insert(outcome(&proved.account.name, Some(&key)));
    response
}

/// Sign in by a link. It works once.
#[utoipa::path(post, path = "/console/api/v1/link", tag = "signing in", security(()), request_body = Followed,
    responses((status = 200, body = SignedIn), Changing))]
async fn follow_link(
    State(console): State<Arc<Console>>,
    Extension(site): Extension<Site>,
    headers: HeaderMap,
    Input(followed): Input<Followed>,
) -> Response {
    let app = &console.app;
    let now = app.clock.now();
    let came = match Link::open(app, &followed.token, now) {
        Ok(came) => came,
        Err(reason) => return *refused(app, reason),
    };
    let Some(account) = app.directory.account(&came.link.account).filter(|account| account.enabled) else {
        return *refused(app, Reason::SessionEnded);
    };
    let (counts, opener) = match &came.link.by {
        By::Operator(maker) => {
            let counts = maker.counts(app, now).is_some_and(|maker| may_link(&maker, &account));
            (counts, maker.opener())
        }
        By::Key(key) => {
            let live = |key: &Arc<KnownKey>| key.life.is_live(now);
            let counts =
                app.directory.caller(&account.id).is_some_and(|caller| caller.key(key).is_some_and(live));
            (counts, key.clone())
        }
    };
    if !counts {
        return *refused(app, Reason::SessionEnded);
    }
    if let Err(answer) = once(app, came.claim(), now).await {
        return *answer;
    }
    if let By::Operator(maker) = &came.link.by {
        let actor = Actor { id: account.id.clone(), now };
        let noted =
            actor.change(&console.manage, |draft| draft.note_use_of_link(&account.id, &maker.account)).await;
        if let Err(problem) = noted {
            return problem.into_response();
        }
    }
    entered(&console, &site, &headers, &account, &opener).await
}

/// Sign out: the session ends on every node.
#[utoipa::path(post, path = "/console/api/v1/sign-out", tag = "signing in", responses((status = 204), Changing))]
async fn sign_out(
    State(console): State<Arc<Console>>,
    Extension(site): Extension<Site>,
    headers: HeaderMap,
) -> Response {
    if let Err(answer) = leave(&console, &site, &headers).await {
        return *answer;
    }
    let mut response = StatusCode::NO_CONTENT.into_response();
    response.headers_mut().extend(cookie::clear(&site).map(|cookie| (header::SET_COOKIE, cookie)));
    response
}

/// Opens the session, and ends the one that this browser had: nobody goes on in a session that somebody else began.
async fn entered(
    console: &Console,
    site: &Site,
    headers: &HeaderMap,
    account: &Account,
    opener: &str,
) -> Response {
    let app = &console.app;
    if let Err(answer) = leave(console, site, headers).await {
        return *answer;
    }
    let new = match session::open(app, site, &account.id, opener).await {
        Ok(new) => new,
        Err(fault) => return *faulted(app, None, &fault),
    };
    let Account { id, name, role, .. } = account.clone();
    let expires = Moment(session::expires(&new.session, new.session.opened));
    let who = WhoView { id, name, role: role.map(Into::into) };
    let mut response = Json(SignedIn { account: who, expires, page: new.page.to_string() }).into_response();
    let set = cookie::set(site, &new.value).map(|cookie| (header::SET_COOKIE, cookie));
    response.headers_mut().extend(set);
    response.extensions_mut().insert(outcome(&account.name, key_of(&new.session)));
    response
}

async fn leave(console: &Console, site: &Site, headers: &HeaderMap) -> Result<(), Box<Response>> {
    let app = &console.app;
    let ended = match session::find(app, site, headers).await {
        Ok(holder) => session::end(app, &holder.session).await,
        Err(Out::Absent | Out::Refused(_)) => Ok(()),
        Err(Out::Fault(fault)) => Err(fault),
    };
    ended.map_err(|fault| faulted(app, None, &fault))
}
