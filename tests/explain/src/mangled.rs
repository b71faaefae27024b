//! Whatever arrives, explain ends, tries no more than it may, and tells nobody what is another's.
use crate::dialect::Dialect;
use crate::faults;
use crate::leak;
use crate::score::explain_over;
use crate::sent::Sent;
use crate::world::{ALICE, NOW, World};
use countersign_guard::explain::Sight;
use proptest::prelude::*;
use proptest::sample::Index;
use std::sync::LazyLock;

/// The bound of the engine: its checks, and the few that are counted beside them.
const MOST_CHECKS: usize = 540;

static WORLD: LazyLock<World> = LazyLock::new(|| World::new().unwrap());
static SENT: LazyLock<Vec<(usize, Dialect, Sent)>> = LazyLock::new(|| {
    let of = |(number, fault): (usize, &'static crate::fault::Fault)| {
        fault
            .dialects
            .iter()
            .map(move |dialect| (number, *dialect, fault.make(*dialect, &WORLD, NOW).unwrap()))
    };
    faults::all().enumerate().flat_map(of).collect()
});

fn mangle(bytes: &mut Vec<u8>, at: Index, with: &[u8], cut: usize) {
    let from = at.index(bytes.len() + 1);
    let to = (from + cut).min(bytes.len());
    bytes.splice(from..to, with.iter().copied());
}

proptest! {
    #![proptest_config(ProptestConfig { cases: 200, ..ProptestConfig::default() })]
    #[test]
    fn any_request_is_explained_within_bounds_and_leaks_nothing(
        which: Index, field: Index, at: Index, with in proptest::collection::vec(any::<u8>(), 0..12), cut in 0_usize..40,
    ) {
        let (number, dialect, mut sent) = SENT[which.index(SENT.len())].clone();
        let fault = faults::all().nth(number).unwrap();
        let place = field.index(sent.headers.len() + 2);
        let fields = sent.headers.len();
        match sent.headers.get_mut(place) {
            Some((_, value)) => {
                let mut bytes = value.clone().into_bytes();
                mangle(&mut bytes, at, &with, cut);
                *value = String::from_utf8_lossy(&bytes).into_owned();
            }
            None if place == fields => mangle(&mut sent.body, at, &with, cut),
            None => sent.url.push_str(&String::from_utf8_lossy(&with)),
        }
        let runtime = tokio::runtime::Builder::new_current_thread().build().unwrap();
        for sight in [Sight::All, Sight::Account(ALICE), Sight::Stranger] {
            let told = runtime.block_on(explain_over(WORLD.records().unwrap(), fault, dialect, &sent, sight)).unwrap();
            prop_assert!(told.diagnosis.checks <= MOST_CHECKS, "{} checks", told.diagnosis.checks);
            prop_assert_eq!(leak::of(&told, sight, &sent, &WORLD).unwrap(), None);
        }
    }
}
