//! Django's tables of asymmetric_jwt_auth, as `manage.py dumpdata` writes them: public keys and JWKS addresses of users.
use super::draft::{Draft, Key};
use crate::exit::Failure;
use crate::member::at;
use serde_json::Value;
use std::collections::{BTreeMap, BTreeSet};

pub(super) fn read(bytes: &[u8], draft: &mut Draft) -> Result<(), Failure> {
    let wanted = "wanted the output of `manage.py dumpdata auth.user asymmetric_jwt_auth`";
    let rows: Vec<Value> =
        serde_json::from_slice(bytes).map_err(|error| Failure::usage(format!("{wanted}: {error}")))?;
    let model = users_model(&rows)?;
    let is_user = |row: &&Value| model.is_some_and(|model| at(row, "model") == model);
    let users: BTreeMap<String, String> = rows
        .iter()
        .filter(is_user)
        .filter_map(|row| {
            Some((at(row, "pk").to_string(), at(at(row, "fields"), "username").as_str()?.to_owned()))
        })
        .collect();
    let gone: BTreeSet<&str> = rows
        .iter()
        .filter(is_user)
        .map(|row| at(row, "fields"))
        .filter(|fields| *at(fields, "is_active") == false)
        .filter_map(|fields| at(fields, "username").as_str())
        .collect();
    let mut found = 0_usize;
    for row in &rows {
        let model = at(row, "model").as_str().unwrap_or_default().to_owned();
        let Some(kind) = model.strip_prefix("asymmetric_jwt_auth.") else { continue };
        found = found.saturating_add(1);
        let place = format!("{kind} {}", at(row, "pk"));
        let fields = at(row, "fields");
        // With --natural-foreign the user's name stands here, else the number of a row.
        let user = at(fields, "user");
        let named =
            user.as_array().and_then(|parts| parts.first()).and_then(Value::as_str).map(str::to_owned);
        let Some(name) = named.or_else(|| users.get(&user.to_string()).cloned()) else {
            draft.leave(
                place,
                format!(
                    "its user {user} is not in the file; dump auth.user with it, or use --natural-foreign"
                ),
            );
            continue;
        };
        let account = match kind {
            "publickey" => {
                let Some(intake) = draft.read(&place, at(fields, "key").as_str().unwrap_or_default()) else {
                    continue;
                };
                let comment = at(fields, "comment").as_str().unwrap_or_default();
                let label =
                    if comment.is_empty() { intake.comment.unwrap_or_default() } else { comment.to_owned() };
                draft.take(&place, &name, &name, Key::plain(&label, intake.key))
            }
            "jwksendpointtrust" => {
                let url = at(fields, "jwks_url").as_str().unwrap_or_default();
                if !url.starts_with("https://") {
                    draft.leave(place, format!("wanted an https address of a key set, found {url:?}"));
                    continue;
                }
                let account = draft.account(&place, &name, &name);
                if let Some(account) = &account {
                    draft.jwks_url(&place, account, url);
                }
                account
            }
            _ => {
                draft.leave(place, "a table that is not known here");
                continue;
            }
        };
        if let Some(account) = account.filter(|_| gone.contains(name.as_str())) {
            draft.disable(&account);
        }
    }
    if found == 0 {
        return Err(Failure::usage(format!("{wanted}, found no row of asymmetric_jwt_auth")));
    }
    Ok(())
}

/// The model of the users: Django's own, or the one that a project has in its place. Other tables may have user names, too, under
/// the same numbers; taken for users, they would give one user's keys to another.
fn users_model(rows: &[Value]) -> Result<Option<&str>, Failure> {
    let models: BTreeSet<&str> = rows
        .iter()
        .filter(|row| at(at(row, "fields"), "username").is_string())
        .filter_map(|row| at(row, "model").as_str())
        .collect();
    let mut found = models.iter().copied();
    match (models.contains("auth.user"), found.next(), found.next()) {
        (true, ..) => Ok(Some("auth.user")),
        (false, model, None) => Ok(model),
        (false, ..) => Err(Failure::usage(format!(
            "wanted user names in one table, found them in {}; dump only that of the users beside asymmetric_jwt_auth",
            models.into_iter().collect::<Vec<_>>().join(", ")
        ))),
    }
}
