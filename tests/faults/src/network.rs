//! Nodes and their database in networks of their own, each with a way to callers and one to the others. Needs root.
use crate::shell::{said, tried};
use std::sync::atomic::{AtomicU32, Ordering};

/// Two bridges: callers meet nodes on one, nodes and database meet on the other.
pub(crate) struct Network {
    name: String,
    members: u32,
}

/// How a member is cut off from the others; callers reach it all the same.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum Cut {
    /// The link is down.
    Link,
    /// Packets vanish, either way, without a word.
    Silence,
}

impl Network {
    /// Makes it with so many members.
    pub(crate) fn new(members: u32) -> Self {
        static NEXT: AtomicU32 = AtomicU32::new(0);
        let name = format!("cs{}{}", std::process::id(), NEXT.fetch_add(1, Ordering::Relaxed));
        let network = Self { name, members };
        for (side, address) in [("f", Some(network.front(0))), ("b", None)] {
            let bridge = network.interface(side, 0);
            said(&format!("ip link add {bridge} type bridge"));
            if let Some(address) = address {
                said(&format!("ip addr add {address}/24 dev {bridge}"));
            }
            said(&format!("ip link set {bridge} up"));
        }
        for member in 1..=members {
            let space = network.space(member);
            said(&format!("ip netns add {space}"));
            said(&format!("ip -n {space} link set lo up"));
            for (side, address) in [("f", network.front(member)), ("b", network.back(member))] {
                let (own, bridge) = (network.interface(side, member), network.interface(side, 0));
                said(&format!("ip link add {own} type veth peer name {side} netns {space}"));
                said(&format!("ip link set {own} master {bridge} up"));
                said(&format!("ip -n {space} addr add {address}/24 dev {side}"));
                said(&format!("ip -n {space} link set dev {side} up"));
            }
        }
        network
    }

    /// The words that bring a program to a member.
    pub(crate) fn within(&self, member: u32) -> Vec<String> {
        ["ip", "netns", "exec", &self.space(member)].map(str::to_owned).to_vec()
    }

    /// Where callers reach a member; 0 is where they are themselves.
    pub(crate) fn front(&self, member: u32) -> String {
        format!("10.213.7.{}", member + 1)
    }

    /// Where the others reach it.
    pub(crate) fn back(&self, member: u32) -> String {
        format!("10.213.8.{}", member + 1)
    }

    /// Cuts a member off from the others.
    pub(crate) fn cut(&self, member: u32, how: Cut) {
        let space = self.space(member);
        match how {
            Cut::Link => drop(said(&format!("ip link set {} down", self.interface("b", member)))),
            Cut::Silence => {
                for (chain, way) in [("INPUT", "-i"), ("OUTPUT", "-o")] {
                    said(&format!("ip netns exec {space} iptables -A {chain} {way} b -j DROP"));
                }
            }
        }
    }

    /// Mends what was cut.
    pub(crate) fn heal(&self, member: u32) {
        said(&format!("ip link set {} up", self.interface("b", member)));
        said(&format!("ip netns exec {} iptables -F", self.space(member)));
    }

    fn space(&self, member: u32) -> String {
        format!("{}n{member}", self.name)
    }

    fn interface(&self, side: &str, member: u32) -> String {
        format!("{}{side}{member}", self.name)
    }
}

impl Drop for Network {
    fn drop(&mut self) {
        for member in 1..=self.members {
            let _gone = tried(&format!("ip netns del {}", self.space(member)));
        }
        for side in ["f", "b"] {
            let _gone = tried(&format!("ip link del {}", self.interface(side, 0)));
        }
    }
}
