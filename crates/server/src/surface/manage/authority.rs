//! By which hosts this installation is called: an operator's request that was signed for another is none of ours.
use crate::call::Call;
use crate::config::Config;
use crate::config::listener::Surface;
use std::net::{Ipv4Addr, Ipv6Addr, SocketAddr};

/// Whether operators call the management API of this installation by `host`, as their request names it.
///
/// What the proof covers is the host; without this, a request captured on its way to one installation would work at another
/// where the operator has the same key.
pub(crate) fn is_ours(config: &Config, call: Option<&Call>, host: &str) -> bool {
    let listed = &config.manage.authorities;
    if !listed.is_empty() {
        return listed.iter().any(|own| is_same(own, host));
    }
    let public = config.server.public();
    if public.is_some_and(|(_, own)| is_same(own, host)) {
        return true;
    }
    let listeners = config.listeners.iter().filter(|listener| listener.has(Surface::Manage));
    let mut addresses = listeners.map(|listener| listener.address).chain(call.map(|call| call.local));
    addresses.any(|address| is_called(address, host))
}

/// Whether a listener at an address is called so. One at every address is called by none that is known here.
pub(crate) fn is_called(address: SocketAddr, host: &str) -> bool {
    if address.ip().is_unspecified() || address.port() == 0 {
        return false;
    }
    let port = address.port();
    is_same(&address.to_string(), host)
        || address.ip().is_loopback()
            && [
                format!("localhost:{port}"),
                SocketAddr::from((Ipv4Addr::LOCALHOST, port)).to_string(),
                SocketAddr::from((Ipv6Addr::LOCALHOST, port)).to_string(),
            ]
            .iter()
            .any(|own| is_same(own, host))
}

/// Hosts without regard to case; a scheme's own port need not be written.
pub(crate) fn is_same(own: &str, host: &str) -> bool {
    fn plain(text: &str) -> &str {
        text.strip_suffix(":443").or_else(|| text.strip_suffix(":80")).unwrap_or(text)
    }
    plain(own).eq_ignore_ascii_case(plain(host))
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::config::Sources;

    fn config(text: &str) -> Config {
        let file = Some(("f".to_owned(), text.to_owned()));
        Config::load(&Sources { file, ..Sources::default() }).unwrap_or_else(|errors| panic!("{errors}"))
    }

    fn ours<'h>(config: &Config, hosts: &[&'h str]) -> Vec<&'h str> {
        hosts.iter().copied().filter(|host| is_ours(config, None, host)).collect()
    }

    #[test]
    fn without_configuration_it_is_this_machine() {
        let config = Config::default();
        let own = ["127.0.0.1:8701", "localhost:8701", "LOCALHOST:8701", "[::1]:8701"];
        assert_eq!(ours(&config, &own), own);
        let others =
            ["127.0.0.1:8700", "127.0.0.1", "127.0.0.2:8701", "ops.example.com:8701", "", "localhost"];
        assert_eq!(ours(&config, &others), [""; 0]);
    }

    #[test]
    fn listed_hosts_are_the_only_ones() {
        let listed = config("[manage]\nauthorities = [\"ops.example.com\", \"10.0.0.5:8701\"]\n");
        let hosts = [
            "ops.example.com",
            "OPS.example.com:443",
            "10.0.0.5:8701",
            "127.0.0.1:8701",
            "ops.example.com.evil",
        ];
        assert_eq!(ours(&listed, &hosts), ["ops.example.com", "OPS.example.com:443", "10.0.0.5:8701"]);
        let public = config("[server]\npublic_url = \"https://api.example.com\"\n");
        assert_eq!(
            ours(&public, &["api.example.com", "127.0.0.1:8701", "ops.example.com"]),
            ["api.example.com", "127.0.0.1:8701"]
        );
    }

    #[test]
    fn an_address_of_the_network_is_called_by_itself_alone() {
        let text = "[server]\ninsecure_http = true\n[[listener]]\naddress = \"10.0.0.5:8701\"\nsurfaces = [\"manage\"]\n";
        assert_eq!(
            ours(&config(text), &["10.0.0.5:8701", "localhost:8701", "10.0.0.6:8701"]),
            ["10.0.0.5:8701"]
        );
        let every = text.replace("10.0.0.5", "0.0.0.0");
        assert_eq!(ours(&config(&every), &["0.0.0.0:8701", "localhost:8701"]), [""; 0]);
    }
}
