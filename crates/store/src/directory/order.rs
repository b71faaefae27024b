//! Places in the order of their accounts' ids, four bytes each, so that accounts can be listed page by page.
use std::cmp::Ordering;

/// Places in a block: moving half of them costs less than finding them.
const BLOCK: usize = 512;

/// Blocks of places, none of them empty. The order itself is told by whoever knows the ids: each call is given how the
/// id at a place stands to the one in question.
#[derive(Default)]
pub(crate) struct Order(Vec<Vec<u32>>);

impl Order {
    /// From places that are in order already.
    pub(crate) fn new(sorted: &[u32]) -> Self {
        // Not full, since more will come in between.
        Self(sorted.chunks(BLOCK * 3 / 4).map(<[u32]>::to_vec).collect())
    }

    /// All places.
    pub(crate) fn iter(&self) -> impl Iterator<Item = u32> {
        self.0.iter().flatten().copied()
    }

    /// The places behind the id in question.
    pub(crate) fn after(&self, stands: impl Fn(u32) -> Ordering) -> impl Iterator<Item = u32> {
        let (number, within) = self.find(|place| stands(place).is_le());
        let first = self.0.get(number).and_then(|block| block.get(within..)).unwrap_or_default();
        first.iter().chain(self.0.iter().skip(number.saturating_add(1)).flatten()).copied()
    }

    /// Adds the place of the id in question; one that is there already stays alone.
    pub(crate) fn insert(&mut self, new: u32, stands: impl Fn(u32) -> Ordering) {
        let (mut number, mut within) = self.find(|place| stands(place).is_lt());
        if self.0.get(number).and_then(|block| block.get(within)) == Some(&new) {
            return;
        }
        // Behind the last of all.
        if number == self.0.len() && number > 0 {
            number -= 1;
            within = self.0.get(number).map_or(0, Vec::len);
        }
        let Some(block) = self.0.get_mut(number) else { return self.0.push(vec![new]) };
        block.insert(within, new);
        if block.len() > BLOCK {
            let half = block.split_off(BLOCK / 2);
            self.0.insert(number + 1, half);
        }
    }

    /// Removes a place, that of the id in question.
    pub(crate) fn remove(&mut self, gone: u32, stands: impl Fn(u32) -> Ordering) {
        let (number, within) = self.find(|place| stands(place).is_lt());
        let Some(block) = self.0.get_mut(number) else { return };
        if block.get(within) == Some(&gone) {
            block.remove(within);
            if block.is_empty() {
                self.0.remove(number);
            }
        }
    }

    /// Where the places end that are `before`: the block, and where in it.
    fn find(&self, before: impl Fn(u32) -> bool) -> (usize, usize) {
        let number = self.0.partition_point(|block| block.last().is_some_and(|last| before(*last)));
        let within = self.0.get(number).map_or(0, |block| block.partition_point(|place| before(*place)));
        (number, within)
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use proptest::prelude::*;
    use std::collections::BTreeSet;

    proptest! {
        #[test]
        fn it_lists_like_a_sorted_set(
            first in prop::collection::btree_set(0..5_000_u32, 0..2_000),
            steps in prop::collection::vec((0..5_000_u32, any::<bool>()), 0..1_500), from in 0..5_000_u32,
        ) {
            let mut order = Order::new(&first.iter().copied().collect::<Vec<_>>());
            let mut model: BTreeSet<u32> = first;
            for (place, adds) in steps {
                if adds {
                    order.insert(place, |other| other.cmp(&place));
                    model.insert(place);
                } else {
                    order.remove(place, |other| other.cmp(&place));
                    model.remove(&place);
                }
            }
            prop_assert!(order.iter().eq(model.iter().copied()));
            let after = model.range(from + 1..).copied();
            prop_assert!(order.after(|other| other.cmp(&from)).eq(after));
        }
    }
}
