//! Whom an address stands for: one IPv4 address, or a /64 of IPv6, which one caller has whole.
use std::net::{IpAddr, Ipv6Addr};

/// An IPv4 address, or a /64 of IPv6 addresses.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash)]
pub(crate) struct Network(IpAddr);

impl From<IpAddr> for Network {
    fn from(address: IpAddr) -> Self {
        Self(match address.to_canonical() {
            IpAddr::V4(four) => IpAddr::V4(four),
            IpAddr::V6(six) => IpAddr::V6(Ipv6Addr::from_bits(six.to_bits() & (u128::MAX << 64))),
        })
    }
}
