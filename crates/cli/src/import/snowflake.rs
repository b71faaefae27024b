//! Snowflake users with the keys they sign in with: the rows of `DESC USER`, or of a query with a row a user.
use super::csv::{Row, rows};
use super::draft::{Draft, Key};
use crate::exit::Failure;

/// The columns of the two keys that a user may have.
const KEYS: [&str; 2] = ["rsa_public_key", "rsa_public_key_2"];

pub(super) fn read(bytes: &[u8], draft: &mut Draft) -> Result<(), Failure> {
    let rows = rows(bytes)?;
    let mut users: Vec<Row> = Vec::new();
    for row in rows {
        // `DESC USER` gives a row a property, beginning with the name.
        match (row.get("property"), row.get("value")) {
            (Some(property), Some(value)) => {
                let property = property.to_ascii_lowercase();
                if property == "name" || users.is_empty() {
                    users.push(Row::new());
                }
                if let Some(user) = users.last_mut() {
                    user.insert(property, value.clone());
                }
            }
            _ => users.push(row),
        }
    }
    if users.is_empty() {
        return Err(Failure::usage(
            "wanted the rows of `DESC USER` or of a query, as JSON or CSV, found none",
        ));
    }
    for (number, user) in users.iter().enumerate() {
        one(number.saturating_add(1), user, draft);
    }
    Ok(())
}

fn one(number: usize, user: &Row, draft: &mut Draft) {
    // Snowflake writes "null" where a property has no value.
    let text = |name: &str| {
        user.get(name).map(|text| text.trim()).filter(|text| !text.is_empty() && *text != "null")
    };
    let Some(name) = text("name").or(text("login_name")) else {
        draft.leave(format!("row {number}"), "it has no column name; wanted are name and rsa_public_key");
        return;
    };
    let place = |column: &str| format!("{name} {}", column.to_ascii_uppercase());
    let mut any = false;
    for column in KEYS {
        let Some(key) = text(column) else { continue };
        any = true;
        let place = place(column);
        let Some(intake) = draft.read(&place, key) else { continue };
        // The fingerprint beside it tells whether the key came whole.
        let wanted =
            text(&format!("{column}_fp")).map(|print| print.trim_start_matches("SHA256:").to_owned());
        if wanted.is_some_and(|wanted| wanted != intake.key.fingerprints().spki_sha256_base64) {
            draft.leave(place, "its fingerprint beside it is another key's");
            continue;
        }
        // What signs names the user in capital letters.
        let identifier = text("login_name").unwrap_or(name).to_ascii_uppercase();
        let taken =
            draft.take(&place, name, &identifier, Key::plain(&column.to_ascii_uppercase(), intake.key));
        if let Some(account) =
            taken.filter(|_| text("disabled").is_some_and(|text| text.eq_ignore_ascii_case("true")))
        {
            draft.disable(&account);
        }
    }
    if any {
        return;
    }
    match text("has_rsa_public_key") {
        Some(has) if has.eq_ignore_ascii_case("true") => {
            draft
                .leave(name, "`SHOW USERS` tells that it has a key and not which; `DESC USER` tells the key");
        }
        _ => draft.leave(name, "it has no RSA_PUBLIC_KEY; passwords and tokens are not imported"),
    }
}
