//! Subscriptions: what a user's organisation is called, who is in it, and how one joins, leaves and gets a role.
use crate::clock::draw;
use crate::session::body::Members;
use crate::session::holder::Holder;
use crate::session::membership::{self, ADMIN, MEMBER, OWNER, at_least, forbidden, invite, none, rank};
use crate::session::reply::{No, Stop, json, nothing, text};
use crate::session::route::parameter;
use crate::session::{Asked, SessionApi};
use bytes::Bytes;
use countersign::base64::encode_hex;
use countersign_keys::sha256;
use countersign_store::denied::{Denial, Denied};
use countersign_store::draft::Draft;
use countersign_store::model::{Identifier, Member};
use http::Response;
use serde::Serialize;
use std::collections::BTreeMap;

#[derive(Serialize)]
#[serde(rename_all = "camelCase")]
struct Subscription {
    subscription_id: Option<String>,
    subscription_name: Option<String>,
    role: Option<String>,
}

#[derive(Serialize)]
#[serde(rename_all = "camelCase")]
struct Users {
    role_map: BTreeMap<String, String>,
}

impl SessionApi {
    /// The holder's organisation.
    pub(crate) async fn subscription(&self, asked: &Asked<'_>) -> Result<Response<Bytes>, Stop> {
        let holder = self.holder(asked).await?;
        Ok(json(&self.shown(&holder.caller.id)))
    }

    fn shown(&self, account: &str) -> Subscription {
        let organisation = self.organisation_of(account).and_then(|id| self.directory().organisation(&id));
        let role = self.directory().membership(account).map(|member| member.role);
        let (subscription_id, subscription_name) =
            organisation.map(|organisation| (organisation.id, organisation.name)).unzip();
        Subscription { subscription_id, subscription_name, role }
    }

    /// Gives the organisation another name; for its admins and owners.
    pub(crate) async fn rename(&self, asked: &Asked<'_>) -> Result<Response<Bytes>, Stop> {
        let holder = self.signed_in(asked).await?;
        let name = parameter(asked.request.uri().query(), "subscriptionName");
        let name = name.ok_or_else(|| No::malformed("The query must have `subscriptionName`."))?;
        let change = |draft: &mut Draft<'_>| {
            let own = place(draft, &holder)?;
            at_least(&own, ADMIN)?;
            // Whoever has it is admitted, so only operators give it; told like any name that is taken.
            let own_name = draft.organisation(&own.organisation)?.name;
            if self.settings.reserved_organisations.contains(&name) && own_name != name {
                return Err(Denied::organisation_name_taken(&name));
            }
            draft.rename_organisation(&own.organisation, &name)
        };
        self.registrar.change(&self.stamp(&holder.caller.id, asked.now), change).await?;
        Ok(json(&self.shown(&holder.caller.id)))
    }

    /// Makes a join code for one user; the role it gives is at most the inviter's.
    pub(crate) async fn invite(&self, asked: &Asked<'_>) -> Result<Response<Bytes>, Stop> {
        let holder = self.signed_in(asked).await?;
        let role = self.role(asked)?.unwrap_or_else(|| MEMBER.to_owned());
        // The letters before the digits keep clients that parse every answer as JSON from finding a number.
        let code = format!("join-{}", encode_hex(&draw::<16>(&*self.entropy)));
        let digest = encode_hex(&sha256(&[code.as_bytes()]));
        let expires = asked.now + self.settings.join_code_life;
        let most = self.settings.most_join_codes;
        let change = |draft: &mut Draft<'_>| invite(draft, &holder.caller.id, &digest, &role, expires, most);
        self.registrar.change(&self.stamp(&holder.caller.id, asked.now), change).await?;
        Ok(text(code))
    }

    /// Joins by a code; the tokens that name the new organisation replace those that do not.
    pub(crate) async fn join(&self, asked: &Asked<'_>, code: &str) -> Result<Response<Bytes>, Stop> {
        let holder = self.signed_in(asked).await?;
        let digest = encode_hex(&sha256(&[code.as_bytes()]));
        let stamp = self.stamp(&holder.caller.id, asked.now);
        self.registrar.join(&stamp, &holder.caller.id, &digest).await?;
        let session = self.rotate(&holder.session.id, None, asked.now).await?;
        Ok(json(&self.pair(&session)?))
    }

    /// Everyone in the organisation, by user id, with their roles.
    pub(crate) async fn users(&self, asked: &Asked<'_>) -> Result<Response<Bytes>, Stop> {
        let holder = self.holder(asked).await?;
        let Some(organisation) = self.organisation_of(&holder.caller.id) else {
            return Err(No::from(none()).into());
        };
        let members = self.directory().members_of(&organisation);
        let role_map = members.into_iter().filter_map(|member| {
            let account = self.directory().account(&member.account)?;
            let user = account.identifiers.into_iter().find(|own| own.namespace == self.namespace());
            // Members that are known by something else are shown by their account's name.
            Some((user.map_or(account.name, |user| user.value), member.role))
        });
        Ok(json(&Users { role_map: role_map.collect() }))
    }

    /// Leaves the organisation. Its last owner stays while others do.
    pub(crate) async fn leave(&self, asked: &Asked<'_>) -> Result<Response<Bytes>, Stop> {
        let holder = self.signed_in(asked).await?;
        let change = |draft: &mut Draft<'_>| {
            let own = place(draft, &holder)?;
            not_last_owner(draft, &own)?;
            draft.leave(&own.account)
        };
        self.registrar.change(&self.stamp(&holder.caller.id, asked.now), change).await?;
        Ok(nothing())
    }

    /// Takes a user of a lesser role out of the organisation.
    pub(crate) async fn remove(&self, asked: &Asked<'_>, user: &str) -> Result<Response<Bytes>, Stop> {
        let holder = self.signed_in(asked).await?;
        let change = |draft: &mut Draft<'_>| {
            let own = place(draft, &holder)?;
            at_least(&own, ADMIN)?;
            let other = self.fellow(draft, &own, user)?;
            if rank(&own.role) <= rank(&other.role) {
                return Err(forbidden(
                    "Only a greater role may remove this user; leave by yourself instead.",
                ));
            }
            draft.remove_member(&own.organisation, &other.account)
        };
        self.registrar.change(&self.stamp(&holder.caller.id, asked.now), change).await?;
        Ok(nothing())
    }

    /// Gives a user of the organisation another role; for its owners.
    pub(crate) async fn set_role(&self, asked: &Asked<'_>, user: &str) -> Result<Response<Bytes>, Stop> {
        let holder = self.signed_in(asked).await?;
        let role = self.role(asked)?.ok_or_else(|| No::malformed("The query must have `role`."))?;
        let change = |draft: &mut Draft<'_>| {
            let own = place(draft, &holder)?;
            at_least(&own, OWNER)?;
            let other = self.fellow(draft, &own, user)?;
            if role != OWNER {
                not_last_owner(draft, &other)?;
            }
            draft.set_member_role(&own.organisation, &other.account, &role)
        };
        self.registrar.change(&self.stamp(&holder.caller.id, asked.now), change).await?;
        Ok(nothing())
    }

    /// The role that a call names, in its query or its body.
    fn role(&self, asked: &Asked<'_>) -> Result<Option<String>, No> {
        let mut role = parameter(asked.request.uri().query(), "role");
        if role.is_none() && !asked.body().is_empty() {
            role = Members::read(asked.body())?.role()?.map(str::to_owned);
        }
        let role = role.map(|role| role.trim().to_ascii_uppercase());
        match role.as_deref() {
            None | Some(MEMBER | ADMIN | OWNER) => Ok(role),
            Some(_) => Err(No::malformed("`role` must be MEMBER, ADMIN or OWNER.")),
        }
    }

    /// Another member of the same organisation. Users elsewhere and users that do not exist are one answer.
    fn fellow(&self, draft: &Draft<'_>, own: &Member, user: &str) -> Result<Member, Denied> {
        let wanted = Identifier { namespace: self.namespace().to_owned(), value: user.to_owned() };
        let account = draft.account_by_identifier(&wanted);
        let member = account.and_then(|account| draft.membership(&account.id));
        member.filter(|member| member.organisation == own.organisation).ok_or_else(|| {
            Denied::new(Denial::NotFound, "member-not-found", "There is no such user in your subscription.")
        })
    }
}

fn place(draft: &Draft<'_>, holder: &Holder) -> Result<Member, Denied> {
    membership::place(draft, &holder.caller.id)
}

/// Nobody could invite, remove or promote any more.
fn not_last_owner(draft: &Draft<'_>, leaving: &Member) -> Result<(), Denied> {
    let others = draft.members_of(&leaving.organisation);
    let mut others = others.iter().filter(|other| other.account != leaving.account).peekable();
    if leaving.role != OWNER || others.peek().is_none() || others.any(|other| other.role == OWNER) {
        return Ok(());
    }
    let text = "You are its last owner; make another user an owner first.";
    Err(Denied::new(Denial::State, "last-owner", text))
}
