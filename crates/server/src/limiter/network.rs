//! Whom an address stands for: one IPv4 address, or a /64 of IPv6, which one caller has whole.
use std::net::{IpAddr, Ipv4Addr, Ipv6Addr};

/// The first 96 bits of `64:ff9b::/96`.
const TRANSLATED: u128 = 0x0064_ff9b_0000_0000_0000_0000;

/// An IPv4 address, or a /64 of IPv6 addresses.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash)]
pub(crate) struct Network(IpAddr);

impl From<IpAddr> for Network {
    fn from(address: IpAddr) -> Self {
        Self(match address.to_canonical() {
            IpAddr::V4(four) => IpAddr::V4(four),
            // Translators put all IPv4 addresses into one such network (RFC 6052, section 2.1).
            IpAddr::V6(six) if six.to_bits() >> 32 == TRANSLATED => {
                let [.., a, b, c, d] = six.octets();
                IpAddr::V4(Ipv4Addr::new(a, b, c, d))
            }
            IpAddr::V6(six) => IpAddr::V6(Ipv6Addr::from_bits(six.to_bits() & (u128::MAX << 64))),
        })
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn one_caller_has_one_network_in_every_spelling_and_no_other_has_it() {
        let network = |text: &str| Network::from(text.parse::<IpAddr>().unwrap());
        for same in ["::ffff:192.0.2.1", "64:ff9b::192.0.2.1"] {
            assert_eq!(network(same), network("192.0.2.1"), "{same}");
        }
        assert_ne!(network("64:ff9b::192.0.2.1"), network("64:ff9b::192.0.2.2"));
        assert_ne!(network("64:ff9b:1::192.0.2.1"), network("192.0.2.1"));
        assert_eq!(network("2001:db8::1"), network("2001:db8::ffff:0:0:1"));
        assert_ne!(network("2001:db8::1"), network("2001:db8:0:1::1"));
    }
}
