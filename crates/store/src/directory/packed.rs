//! The rows of an account as bytes: what an installation knows of millions that are not in use just now.
use crate::directory::entry::{Kept, Part, limits, part_key};
use crate::directory::row::{AccountRow, KeyRow};
use crate::directory::written::{self, Reading};
use crate::fault::Fault;
use crate::model::{Account, Role};
use countersign::ask::KnownKey;
use countersign::life::key::{KeyLife, KeyState};
use countersign_keys::CompactKey;
use std::sync::Arc;

// What an account's first byte says; the role stands in the two bits above.
const ENABLED: u8 = 1;
const OF_ORGANISATION: u8 = 2;
const HAS_JWKS: u8 = 4;
const HAS_LISTS: u8 = 8;
const ROLE: u32 = 4;

// What a key's first byte says; the state stands in the three bits below.
const STATE: u8 = 7;
const NOT_BEFORE: u8 = 8;
const EXPIRES: u8 = 16;
const USED: u8 = 32;
const CAME_FROM: u8 = 64;
const NARROWED: u8 = 128;

/// Writes an account's row.
pub(crate) fn write_account(row: &AccountRow<'_>, out: &mut Vec<u8>) {
    let role = match row.role {
        None => 0,
        Some(Role::Auditor) => 1,
        Some(Role::Manager) => 2,
        Some(Role::Owner) => 3,
    };
    let lists = !row.acts_as.is_empty() || !row.paths.is_empty();
    // The id comes first: it is what a look-up compares.
    written::bytes(row.id.as_bytes(), out);
    out.push(
        flag(row.enabled, ENABLED)
            | flag(row.organisation.is_some(), OF_ORGANISATION)
            | flag(row.jwks_url.is_some(), HAS_JWKS)
            | flag(lists, HAS_LISTS)
            | (role << ROLE),
    );
    written::bytes(row.name.as_bytes(), out);
    written::time(row.created, out);
    for text in [row.organisation, row.jwks_url].into_iter().flatten() {
        written::bytes(text.as_bytes(), out);
    }
    if lists {
        written::texts(row.acts_as, out);
        written::texts(row.paths, out);
    }
}

/// The id in an account's row.
pub(crate) fn account_id(row: &[u8]) -> Option<&str> {
    Reading(row).text()
}

/// An account's row, without its identifiers.
pub(crate) fn read_account(row: &[u8]) -> Option<Account> {
    let mut row = Reading(row);
    let id = row.text()?.to_owned();
    let flags = row.byte()?;
    let has = |flag| flags & flag != 0;
    let name = row.text()?.to_owned();
    let created = row.time()?;
    let organisation = if has(OF_ORGANISATION) { Some(row.text()?.to_owned()) } else { None };
    let jwks_url = if has(HAS_JWKS) { Some(row.text()?.to_owned()) } else { None };
    let lists = if has(HAS_LISTS) { (row.texts()?, row.texts()?) } else { Default::default() };
    let role = match flags >> ROLE {
        1 => Some(Role::Auditor),
        2 => Some(Role::Manager),
        3 => Some(Role::Owner),
        _ => None,
    };
    let ((acts_as, paths), identifiers, enabled) = (lists, Vec::new(), has(ENABLED));
    Some(Account { id, name, organisation, enabled, identifiers, acts_as, paths, jwks_url, role, created })
}

/// Writes a row with an identifier, four bytes left free for the row that comes next; `place` orders them.
pub(crate) fn write_identifier(place: i64, (namespace, value): (&str, &str), out: &mut Vec<u8>) {
    out.extend_from_slice(&[0; 4]);
    written::bytes(namespace.as_bytes(), out);
    written::bytes(value.as_bytes(), out);
    written::number(u128::from(place.cast_unsigned()), out);
}

/// The next row, the place, the namespace and the value.
pub(crate) fn read_identifier(row: &[u8]) -> Option<(u32, i64, &str, &str)> {
    let (next, rest) = row.split_first_chunk()?;
    let mut rest = Reading(rest);
    let (namespace, value) = (rest.text()?, rest.text()?);
    let place = u64::try_from(rest.number()?).ok()?.cast_signed();
    Some((u32::from_le_bytes(*next), place, namespace, value))
}

/// Writes a key's row, four bytes left free for the row that comes next.
///
/// # Errors
/// [`Fault`] when the row holds what this version cannot read; nothing that counts was written then.
pub(crate) fn write_key(row: &KeyRow<'_>, out: &mut Vec<u8>) -> Result<(), Fault> {
    let (state, until) = match row.life.state {
        KeyState::Pending => (0, None),
        KeyState::Active => (1, None),
        KeyState::Retiring { until } => (2, Some(until)),
        KeyState::Disabled => (3, None),
        KeyState::Revoked => (4, None),
        KeyState::Recovery => (5, None),
    };
    // Read once now, so that reading what is packed cannot fail later.
    limits(row)?;
    let lists = [row.algorithms, row.methods, row.paths, row.networks];
    let narrowed = lists.iter().any(|list| !list.is_empty());
    out.extend_from_slice(&[0; 4]);
    written::bytes(row.id.as_bytes(), out);
    out.push(
        state
            | flag(row.life.not_before.is_some(), NOT_BEFORE)
            | flag(row.life.expires.is_some(), EXPIRES)
            | flag(row.last_used.is_some(), USED)
            | flag(row.last_address.is_some(), CAME_FROM)
            | flag(narrowed, NARROWED),
    );
    written::bytes(row.label.as_bytes(), out);
    for time in [Some(row.created), until, row.life.not_before, row.life.expires, row.last_used] {
        time.into_iter().for_each(|time| written::time(time, out));
    }
    row.last_address.into_iter().for_each(|text| written::bytes(text.as_bytes(), out));
    written::texts(row.dialects, out);
    if narrowed {
        lists.iter().for_each(|list| written::texts(list, out));
    }
    // Last, and up to the end of the row, since it is most of it.
    let begun = out.len();
    out.extend_from_slice(&[0; 2]);
    part_key(row, out)?;
    let long = || Fault::new(format!("the public key of {} is longer than 65535 bytes", row.id));
    let length = u16::try_from(out.len().saturating_sub(begun).saturating_sub(2)).map_err(|_| long())?;
    for (to, from) in out.iter_mut().skip(begun).zip(length.to_le_bytes()) {
        *to = from;
    }
    Ok(())
}

/// The next row and the id in a key's row.
pub(crate) fn key_id(row: &[u8]) -> Option<(u32, &str)> {
    let (next, rest) = row.split_first_chunk()?;
    Some((u32::from_le_bytes(*next), Reading(rest).text()?))
}

/// The next row and the key.
pub(crate) fn read_key(row: &[u8]) -> Option<(u32, Part)> {
    let (next, rest) = row.split_first_chunk()?;
    let mut row = Reading(rest);
    let id = row.text()?;
    let flags = row.byte()?;
    let has = |flag| flags & flag != 0;
    let label = row.text()?;
    let created = row.time()?;
    let state = match flags & STATE {
        0 => KeyState::Pending,
        1 => KeyState::Active,
        2 => KeyState::Retiring { until: row.time()? },
        3 => KeyState::Disabled,
        5 => KeyState::Recovery,
        _ => KeyState::Revoked,
    };
    let not_before = if has(NOT_BEFORE) { Some(row.time()?) } else { None };
    let expires = if has(EXPIRES) { Some(row.time()?) } else { None };
    let last_used = if has(USED) { Some(row.time()?) } else { None };
    let last_address = if has(CAME_FROM) { Some(row.text()?) } else { None };
    let dialects: Vec<Box<str>> = row.texts()?;
    let lists: [Vec<String>; 4] = if has(NARROWED) {
        [row.texts()?, row.texts()?, row.texts()?, row.texts()?]
    } else {
        Default::default()
    };
    let (length, rest) = row.0.split_first_chunk()?;
    let key = rest.get(..usize::from(u16::from_le_bytes(*length)))?;
    let life = KeyLife { state, not_before, expires };
    let mut known = KnownKey::new(id, label, life, CompactKey::from_packed(key).ok()?);
    let [algorithms, methods, paths, networks] = &lists;
    known.dialects = dialects.into();
    (known.algorithms, known.limits) =
        limits(&KeyRow { id, algorithms, methods, paths, networks, ..KeyRow::EMPTY }).ok()?;
    if let Some(last_used) = last_used {
        known.touch(last_used);
    }
    Some((u32::from_le_bytes(*next), (Arc::new(known), Kept::new(created, last_address))))
}

fn flag(holds: bool, flag: u8) -> u8 {
    if holds { flag } else { 0 }
}

#[cfg(test)]
mod tests;
