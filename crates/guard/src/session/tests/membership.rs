//! Who may do what in a subscription.
use super::{Bench, body, key, part, tokens};
use crate::session::settings::SessionSettings;
use serde_json::json;

/// A subscription with an owner, an admin and a member, and a stranger outside; their access tokens.
struct Team {
    bench: Bench,
    acme: String,
    owner: String,
    admin: String,
    member: String,
    stranger: String,
}

async fn team() -> Team {
    team_in(Bench::new().await).await
}

async fn team_in(bench: Bench) -> Team {
    let acme = bench.registrar.add_organisation(&bench.stamp(), "acme").await.unwrap().id;
    let mut access = Vec::new();
    for (user, role) in
        [("olga", Some("OWNER")), ("adam", Some("ADMIN")), ("mia", Some("MEMBER")), ("sam", None)]
    {
        let own = key();
        let (account, _) = bench.user(user, &own).await;
        if let Some(role) = role {
            bench.registrar.add_member(&bench.stamp(), &acme, &account, role).await.unwrap();
        }
        access.push(bench.tokens(user, &own).await.access);
    }
    let mut access = access.into_iter();
    let mut next = || access.next().unwrap();
    Team { owner: next(), admin: next(), member: next(), stranger: next(), bench, acme }
}

impl Team {
    async fn post(&self, path: &str, token: &str) -> u16 {
        self.bench.post(path, token, json!({})).await.status().as_u16()
    }

    async fn roles(&self) -> serde_json::Value {
        body(&self.bench.get("subscription/users", &self.owner).await)["roleMap"].clone()
    }
}

#[tokio::test]
async fn everyone_in_it_sees_it_and_nobody_else() {
    let team = team().await;
    for token in [&team.owner, &team.admin, &team.member] {
        let users = body(&team.bench.get("subscription/users", token).await);
        assert_eq!(users, json!({ "roleMap": { "olga": "OWNER", "adam": "ADMIN", "mia": "MEMBER" } }));
    }
    assert_eq!(team.bench.get("subscription/users", &team.stranger).await.status(), 409);
    let none = json!({ "subscriptionId": null, "subscriptionName": null, "role": null });
    assert_eq!(body(&team.bench.get("subscription", &team.stranger).await), none);
}

#[tokio::test]
async fn invitations_give_at_most_the_inviters_role_and_work_once() {
    let team = team().await;
    for (token, role, wanted) in [
        (&team.member, "MEMBER", 403),
        (&team.admin, "OWNER", 403),
        (&team.stranger, "MEMBER", 409),
        (&team.owner, "KING", 400),
        (&team.owner, "OWNER", 200),
    ] {
        assert_eq!(team.post(&format!("subscription/invite?role={role}"), token).await, wanted, "{role}");
    }
    let invited = team.bench.post("subscription/invite?role=ADMIN", &team.admin, json!({})).await;
    let code = String::from_utf8(invited.body().to_vec()).unwrap();
    // Clients parse every answer as JSON first: this one must not be a number by chance.
    assert!(code.starts_with("join-") && serde_json::from_str::<serde_json::Value>(&code).is_err());
    assert_eq!(team.post("subscription/invite/wrong", &team.stranger).await, 400);
    assert_eq!(team.post(&format!("subscription/invite/{code}"), &team.member).await, 409);
    let joined = team.bench.post(&format!("subscription/invite/{code}"), &team.stranger, json!({})).await;
    let pair = tokens(&joined);
    assert!(part(&pair.access, 1).contains(&format!("\"subscription\":\"{}\"", team.acme)));
    assert_eq!(team.bench.refresh(&pair.refresh).await.status(), 200);
    assert_eq!(team.roles().await["sam"], "ADMIN");
    assert_eq!(team.post("subscription/leave", &pair.access).await, 204);
    assert_eq!(team.post(&format!("subscription/invite/{code}"), &pair.access).await, 400);
}

#[tokio::test]
async fn only_greater_roles_remove_and_only_owners_set_roles() {
    let team = team().await;
    for (path, token, wanted) in [
        ("subscription/remove/adam", &team.member, 403),
        ("subscription/remove/olga", &team.admin, 403),
        ("subscription/remove/adam", &team.admin, 403),
        ("subscription/remove/sam", &team.owner, 404),
        ("subscription/remove/nobody", &team.owner, 404),
        ("subscription/setrole/mia?role=ADMIN", &team.admin, 403),
        ("subscription/setrole/mia", &team.owner, 400),
        ("subscription/setrole/olga?role=MEMBER", &team.owner, 409),
        ("subscription/setrole/mia?role=admin", &team.owner, 204),
        ("subscription/leave", &team.owner, 409),
        ("subscription/setrole/adam?role=OWNER", &team.owner, 204),
    ] {
        assert_eq!(team.post(path, token).await, wanted, "{path}");
    }
    assert_eq!(team.roles().await, json!({ "olga": "OWNER", "adam": "OWNER", "mia": "ADMIN" }));
    assert_eq!(team.post("subscription/leave", &team.owner).await, 204);
    assert_eq!(team.post("subscription/remove/mia", &team.admin).await, 204);
    assert_eq!(team.post("subscription/leave", &team.admin).await, 204);
    assert_eq!(team.post("subscription/leave", &team.admin).await, 409);
}

#[tokio::test]
async fn admins_rename_it() {
    let team = team().await;
    let rename = async |token: &str, query: &str| {
        let path = format!("/v1/subscription/name{query}");
        team.bench.send("PUT", &path, token, Some(json!({}))).await
    };
    assert_eq!(rename(&team.member, "?subscriptionName=x").await.status(), 403);
    assert_eq!(rename(&team.admin, "").await.status(), 400);
    let renamed = rename(&team.admin, "?subscriptionName=New%20name").await;
    assert_eq!(body(&renamed)["subscriptionName"], "New name");
}

#[tokio::test]
async fn nobody_renames_a_subscription_into_what_a_route_admits() {
    let reserved_organisations = ["partners".to_owned(), "acme".to_owned()].into();
    let settings = SessionSettings { reserved_organisations, ..SessionSettings::default() };
    let team = team_in(Bench::with(settings).await).await;
    let rename = async |name: &str| {
        let path = format!("/v1/subscription/name?subscriptionName={name}");
        team.bench.send("PUT", &path, &team.owner, Some(json!({}))).await
    };
    let other = team.bench.registrar.add_organisation(&team.bench.stamp(), "rivals").await.unwrap();
    let (refused, taken) = (rename("partners").await, rename("rivals").await);
    assert_eq!((refused.status().as_u16(), taken.status().as_u16()), (409, 409));
    // Told as any name that is taken.
    let said = |answer: &http::Response<bytes::Bytes>, name: &str| body(answer).to_string().replace(name, "");
    assert_eq!(said(&refused, "partners"), said(&taken, "rivals"));
    let named = |id: &str| team.bench.registrar.directory().organisation(id).unwrap().name;
    assert_eq!((named(&team.acme), other.name), ("acme".to_owned(), "rivals".to_owned()));
    // Its own name stays its own until it gives it up.
    assert_eq!(rename("acme").await.status(), 200);
    assert_eq!(rename("ours").await.status(), 200);
    assert_eq!(rename("acme").await.status(), 409);
}

#[tokio::test]
async fn who_may_no_longer_invite_does_not_come_back_by_an_invitation_kept() {
    for how in ["subscription/remove/adam", "subscription/setrole/adam?role=MEMBER", "disable", "delete"] {
        let team = team().await;
        let invited = team.bench.post("subscription/invite?role=ADMIN", &team.admin, json!({})).await;
        let code = String::from_utf8(invited.body().to_vec()).unwrap();
        let (registrar, stamp) = (&team.bench.registrar, team.bench.stamp());
        let adam = registrar.directory().account_by_identifier("user-id", "adam").unwrap().id;
        match how {
            "disable" => drop(registrar.set_account_enabled(&stamp, &adam, false).await.unwrap()),
            "delete" => registrar.delete_account(&stamp, &adam).await.unwrap(),
            path => assert_eq!(team.post(path, &team.owner).await, 204),
        }
        assert_eq!(team.post(&format!("subscription/invite/{code}"), &team.stranger).await, 400, "{how}");
        // Who still may invites anew.
        let invited = team.bench.post("subscription/invite", &team.owner, json!({})).await;
        let code = String::from_utf8(invited.body().to_vec()).unwrap();
        assert_eq!(team.post("subscription/setrole/mia?role=ADMIN", &team.owner).await, 204);
        assert_eq!(team.post(&format!("subscription/invite/{code}"), &team.stranger).await, 200, "{how}");
    }
}
