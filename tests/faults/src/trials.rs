//! Every trial, in the order in which they run.
use crate::shell::{is_root, tried};
use crate::tally::Found;

mod bus;
mod clock;
mod cut_off;
mod deaths;
mod descriptors;
mod full_disk;
mod hung_disk;
mod raced;
mod slow_store;

/// One way of taking an installation apart.
pub(crate) struct Trial {
    pub(crate) name: &'static str,
    /// What it does, for people.
    pub(crate) what: &'static str,
    /// What it needs of the machine.
    pub(crate) needs: &'static [Need],
    /// Runs it; a soak takes it as far as it goes.
    pub(crate) run: fn(bool) -> Found,
}

/// What a machine may lack.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum Need {
    /// Root, for mounts and networks.
    Root,
    /// Network namespaces with bridges, and rules in them.
    Networks,
    /// A file system in a file.
    Loop,
    /// What tells a process another time.
    FakeTime,
}

/// The trials.
pub(crate) const ALL: &[Trial] = &[
    slow_store::TRIAL,
    bus::TRIAL,
    cut_off::TRIAL,
    clock::TRIAL,
    full_disk::FOLDER,
    full_disk::DATABASE,
    hung_disk::HUNG,
    hung_disk::BROKEN,
    descriptors::TRIAL,
    deaths::TRIAL,
    raced::ONE_NODE,
    raced::THREE_NODES,
];

impl Trial {
    /// What is not here, when it cannot run.
    pub(crate) fn missing(&self) -> Option<String> {
        let missing = self.needs.iter().filter_map(|need| need.missing()).collect::<Vec<_>>();
        (!missing.is_empty()).then(|| format!("needs {}", missing.join(", ")))
    }
}

impl Need {
    fn missing(self) -> Option<&'static str> {
        match self {
            Self::Root => (!is_root()).then_some("root"),
            Self::Networks => {
                let made = is_root()
                    && tried("ip netns add cs-try").is_ok()
                    && tried("ip link add cs-try type bridge").is_ok()
                    && tried("ip netns exec cs-try iptables -L").is_ok();
                let _gone = (tried("ip link del cs-try"), tried("ip netns del cs-try"));
                (!made).then_some("network namespaces, bridges and iptables")
            }
            Self::Loop => (!is_root() || !crate::disk::Disk::works(crate::disk::Disk::real))
                .then_some("root and loop devices"),
            Self::FakeTime => clock::library().is_none().then_some("libfaketime: apt-get install faketime"),
        }
    }
}
