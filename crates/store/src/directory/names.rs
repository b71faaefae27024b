//! The identifiers of an account in one piece of memory: comparing one with a look-up touches it once.
use crate::model::Identifier;

/// Bytes that say how long a namespace or a value is.
const LENGTH: usize = 4;

/// Identifiers one after another: the lengths of namespace and value, then both.
#[derive(Debug, PartialEq, Eq)]
pub(crate) struct Names(Box<[u8]>);

impl Names {
    /// Packs them; what is longer than four gigabytes is left out, which no row can be.
    pub(crate) fn new(identifiers: &[Identifier]) -> Self {
        let mut packed = Vec::new();
        for Identifier { namespace, value } in identifiers {
            let (Ok(first), Ok(second)) = (u32::try_from(namespace.len()), u32::try_from(value.len())) else {
                continue;
            };
            packed.extend(first.to_le_bytes());
            packed.extend(second.to_le_bytes());
            packed.extend(namespace.as_bytes());
            packed.extend(value.as_bytes());
        }
        Self(packed.into())
    }

    /// Whether one of them is this one, byte for byte.
    pub(crate) fn hold(&self, namespace: &str, value: &str) -> bool {
        self.pairs().any(|(first, second)| first == namespace.as_bytes() && second == value.as_bytes())
    }

    /// Whether one of them has this value, in whatever namespace.
    pub(crate) fn hold_value(&self, value: &str) -> bool {
        self.pairs().any(|(_, second)| second == value.as_bytes())
    }

    /// Namespaces and values, in their order.
    pub(crate) fn iter(&self) -> impl Iterator<Item = (&str, &str)> {
        self.pairs().map(|(namespace, value)| {
            // Both were text when they were packed.
            (str::from_utf8(namespace).unwrap_or_default(), str::from_utf8(value).unwrap_or_default())
        })
    }

    fn pairs(&self) -> impl Iterator<Item = (&[u8], &[u8])> {
        let mut rest = &*self.0;
        std::iter::from_fn(move || {
            let (first, after) = rest.split_first_chunk::<LENGTH>()?;
            let (second, after) = after.split_first_chunk::<LENGTH>()?;
            let length = |bytes: &[u8; LENGTH]| usize::try_from(u32::from_le_bytes(*bytes)).ok();
            let (namespace, after) = after.split_at_checked(length(first)?)?;
            let (value, after) = after.split_at_checked(length(second)?)?;
            rest = after;
            Some((namespace, value))
        })
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use proptest::prelude::*;

    proptest! {
        #[test]
        fn what_was_packed_is_there_and_nothing_else(
            names in prop::collection::vec((".{0,6}", ".{0,300}"), 0..5), other in ".{0,3}",
        ) {
            let rows: Vec<Identifier> = names
                .iter()
                .map(|(namespace, value)| Identifier { namespace: namespace.clone(), value: value.clone() })
                .collect();
            let packed = Names::new(&rows);
            let back: Vec<_> = packed.iter().map(|(a, b)| (a.to_owned(), b.to_owned())).collect();
            prop_assert_eq!(&back, &names);
            for (namespace, value) in &names {
                prop_assert!(packed.hold(namespace, value) && packed.hold_value(value));
                let known = names.contains(&(namespace.clone(), other.clone()));
                prop_assert_eq!(packed.hold(namespace, &other), known);
            }
            prop_assert_eq!(packed.hold_value(&other), names.iter().any(|(_, value)| *value == other));
        }
    }
}
