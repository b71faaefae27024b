//! The checks that a proof costs: one after another with each key that may have made it, and with decoys for keys that are not there.
use crate::ask::{Keys, KnownKey};
use crate::dialect::By;
use crate::proof::found::Proof;
use countersign_keys::{Algorithm, KeyKind};
use smallvec::SmallVec;
use std::sync::Arc;

/// Most callers have one key or two.
pub(super) type Attempts = SmallVec<[Attempt; 2]>;

/// One check.
#[derive(Clone, Copy, Debug)]
pub(super) struct Attempt {
    /// Index into the keys that were given; `None` for the decoy.
    pub(super) key: Option<usize>,
    pub(super) kind: KeyKind,
    pub(super) algorithm: Algorithm,
    /// Index into the texts; `None` for all of them in one operation.
    pub(super) text: Option<usize>,
}

/// The kinds of key that a signature may be of.
type Kinds = SmallVec<[KeyKind; 4]>;

impl Proof<'_> {
    /// The checks in order, and whether any of the keys has an algorithm that is taken. There always is a check.
    ///
    /// Where the signature does not say how it was made, what is checked depends on its length alone: with the account's keys of the
    /// kinds that sign so many bytes, and with a decoy for each kind that none of them is. Else a signature of the right length would
    /// tell which kind of key an account has, and which keys there are.
    pub(super) fn attempts<'k>(
        &self,
        known: impl Iterator<Item = (usize, &'k Arc<KnownKey>)>,
        decoys: usize,
    ) -> (Attempts, bool) {
        let kinds = self.kinds();
        let (mut attempts, mut fits) = (Attempts::new(), false);
        for (index, key) in known {
            let allowed = self.algorithms().filter(|found| key.allows(*found));
            let allowed: SmallVec<[Algorithm; 4]> = allowed.collect();
            fits |= !allowed.is_empty();
            if kinds.contains(&key.key().kind()) {
                self.with(Some(index), &allowed, &mut attempts);
            }
        }
        let times = if attempts.is_empty() { decoys.max(1) } else { 1 };
        let missing: Kinds =
            kinds.into_iter().filter(|kind| attempts.iter().all(|attempt| attempt.kind != *kind)).collect();
        for _ in 0..times {
            for kind in &missing {
                let allowed: SmallVec<[Algorithm; 4]> =
                    self.algorithms().filter(|found| found.kind() == *kind).collect();
                self.with(None, &allowed, &mut attempts);
            }
        }
        (attempts, fits)
    }

    /// As many as an account of that name might have keys. What names a key or a session has one.
    pub(super) fn decoys(&self, keys: &Keys) -> usize {
        match (&self.dialect.who.by, &keys.decoys) {
            (By::Namespace(_), Some(decoys)) => {
                decoys.count(&self.dialect.name, self.identifier(), self.limits.keys)
            }
            _ => 1,
        }
    }

    /// The algorithms that the signature may be of.
    fn algorithms(&self) -> impl Iterator<Item = Algorithm> {
        let named = self.algorithm.as_slice();
        let taken = if named.is_empty() { self.dialect.algorithms.as_slice() } else { named };
        taken.iter().copied()
    }

    /// The kinds of key that sign so many bytes; where none does, the first, since one check is made of anything.
    fn kinds(&self) -> Kinds {
        let mut kinds = Kinds::new();
        for kind in self.algorithms().map(Algorithm::kind) {
            if !kinds.contains(&kind) && (self.algorithm.is_some() || signs(kind, self.signature.len())) {
                kinds.push(kind);
            }
        }
        if kinds.is_empty() {
            kinds.extend(self.algorithms().map(Algorithm::kind).take(1));
        }
        kinds
    }

    /// The checks that one key costs.
    fn with(&self, key: Option<usize>, allowed: &[Algorithm], attempts: &mut Attempts) {
        let attempt = |algorithm: &Algorithm, text| Attempt {
            key,
            kind: algorithm.kind(),
            algorithm: *algorithm,
            text,
        };
        if self.algorithm.is_some() {
            attempts.extend(allowed.iter().map(|found| attempt(found, Some(0))));
            return;
        }
        // One operation tells all spellings and digests with the older padding; all else is a check for each.
        let (together, apart): (SmallVec<[_; 4]>, SmallVec<[_; 4]>) =
            allowed.iter().partition(|found| found.is_pkcs1());
        attempts.extend(together.first().map(|found| attempt(found, None)));
        for algorithm in apart {
            attempts.extend((0..self.texts.len().max(1)).map(|text| attempt(algorithm, Some(text))));
        }
    }
}

/// Whether keys of a kind have signatures of so many bytes. RSA signatures are as long as their keys, which have 256 bytes and more.
fn signs(kind: KeyKind, length: usize) -> bool {
    match kind {
        KeyKind::Ed25519 | KeyKind::P256 => length == 64,
        KeyKind::P384 => length == 96,
        KeyKind::P521 => length == 132,
        _ => !matches!(length, 64 | 96 | 132),
    }
}

#[cfg(test)]
mod tests;
