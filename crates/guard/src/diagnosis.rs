//! Why a refused request was refused, in terms of what its caller did: causes ranked by what the request itself shows and by trying.
//!
//! Pure: a [`Scene`] goes in and a [`Diagnosis`] comes out. It runs only where somebody asked for an explanation and may have it, never
//! while a request is judged, and nothing it finds lets anybody in.
mod address;
mod base;
mod body;
pub mod cause;
mod claims;
mod credential;
pub mod difference;
mod encoding;
mod evidence;
pub mod finding;
mod message;
mod parts;
pub mod scene;
mod standing;
mod times;
mod trial;

use crate::diagnosis::cause::Cause;
use crate::diagnosis::evidence::Evidence;
use crate::diagnosis::finding::Diagnosis;
use crate::diagnosis::scene::Scene;
use countersign::reason::{Class, Reason};

/// Finds what went wrong. Bounded by the limits that the file `trial.rs` names.
#[must_use]
pub fn diagnose(scene: &Scene<'_>) -> Diagnosis {
    let evidence = Evidence::of(scene);
    let mut found = Diagnosis::default();
    match scene.reason {
        Reason::MissingCredentials | Reason::AmbiguousCredentials => {
            credential::absent(scene, &evidence, &mut found);
        }
        Reason::BadSignature | Reason::KeyNotLive | Reason::KeyNotForDialect | Reason::NotPermitted => {
            trial::run(scene, &evidence, &mut found);
        }
        reason => match reason.class() {
            Class::Malformed => credential::malformed(scene, &evidence, &mut found),
            Class::Identity => standing::identity(scene, &evidence, &mut found),
            Class::Claims | Class::Time | Class::Replay => claims::claims(scene, &evidence, &mut found),
            _ => standing::policy(scene, &mut found),
        },
    }
    found.skew_seconds = found.skew_seconds.or_else(|| times::skew(scene, &evidence));
    found.cut();
    found
}

/// Finds out for an account about a request that names another one, or nobody: from the account's own keys alone, and the same
/// whether anybody has the name.
#[must_use]
pub(crate) fn diagnose_own(scene: &Scene<'_>, first: Cause) -> Diagnosis {
    let evidence = Evidence::of(scene);
    let mut found = Diagnosis::default();
    let known = scene.similar.as_deref().map(|known| format!("registered is {}", finding::shown(known)));
    found.sure(first, known);
    trial::run(scene, &evidence, &mut found);
    found.skew_seconds = times::skew(scene, &evidence);
    found.cut();
    found
}
