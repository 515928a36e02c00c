//! The client's address, directly or through trusted proxies.

use std::net::IpAddr;
use std::str::FromStr;

use axum::extract::Request;
use axum::http::{HeaderMap, HeaderName};
use ipnet::IpNet;

/// Header with the chain of addresses. Each proxy appends the address of its peer.
const FORWARDED_FOR: HeaderName = HeaderName::from_static("x-forwarded-for");

/// Address of the connection's peer.
#[derive(Debug, Clone, Copy)]
pub(crate) struct Peer(pub(crate) IpAddr);

/// Address of the client, if it is known.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) struct Client(pub(crate) Option<IpAddr>);

/// Proxies whose `X-Forwarded-For` is trusted. The header is ignored from any
/// other peer, since any client can set it.
#[derive(Debug, Clone, Default, PartialEq, Eq)]
pub struct TrustedProxies(Vec<IpNet>);

/// Error of a text that is not a list of [`TrustedProxies`].
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
#[error("{0:?} is neither an address nor a network such as 10.0.0.0/8")]
pub struct TrustedProxyError(String);

impl TrustedProxies {
    fn contains(&self, address: IpAddr) -> bool {
        self.0.iter().any(|network| network.contains(&address))
    }

    /// Returns the last address in the chain that is not a trusted proxy. The
    /// addresses before it may be forged.
    fn client(&self, peer: IpAddr, headers: &HeaderMap) -> IpAddr {
        let mut client = peer.to_canonical();
        let lines = headers.get_all(FORWARDED_FOR).iter().rev();
        let hops = lines.flat_map(|line| line.to_str().unwrap_or_default().rsplit(','));
        for hop in hops {
            if !self.contains(client) {
                break;
            }
            let Ok(before) = hop.trim().parse::<IpAddr>() else {
                break;
            };
            client = before.to_canonical();
        }
        client
    }
}

impl FromStr for TrustedProxies {
    type Err = TrustedProxyError;

    /// Parses a list such as `10.0.0.0/8,::1`. An empty text is an empty list.
    fn from_str(text: &str) -> Result<Self, TrustedProxyError> {
        let entries = text.split(',').map(str::trim);
        let network = |entry: &str| {
            let address = || entry.parse::<IpAddr>().map(IpNet::from);
            let network = entry.parse::<IpNet>().or_else(|_| address());
            network.map_err(|_| TrustedProxyError(entry.to_owned()))
        };
        let networks = entries.filter(|entry| !entry.is_empty()).map(network);
        networks.collect::<Result<_, _>>().map(Self)
    }
}

/// Adds the [`Client`] to a request's extensions.
pub(crate) fn add_client(mut request: Request, proxies: &TrustedProxies) -> Request {
    let peer = request.extensions().get::<Peer>();
    let client = Client(peer.map(|peer| proxies.client(peer.0, request.headers())));
    request.extensions_mut().insert(client);
    request
}

#[cfg(test)]
mod tests {
    use axum::http::HeaderValue;

    use super::*;

    fn client(trusted: &str, peer: &str, forwarded: &[&str]) -> String {
        let proxies: TrustedProxies = trusted.parse().unwrap();
        let mut headers = HeaderMap::new();
        for line in forwarded {
            headers.append(FORWARDED_FOR, HeaderValue::from_str(line).unwrap());
        }
        let client = proxies.client(peer.parse().unwrap(), &headers);
        client.to_string()
    }

    #[test]
    fn a_header_from_an_untrusted_peer_is_ignored() {
        assert_eq!(client("", "192.0.2.1", &["198.51.100.7"]), "192.0.2.1");
        let other = client("10.0.0.0/8", "192.0.2.1", &["198.51.100.7"]);
        assert_eq!(other, "192.0.2.1");
    }

    #[test]
    fn a_header_from_a_trusted_proxy_counts_up_to_the_first_untrusted_hop() {
        let trusted = "10.0.0.0/8, ::1";
        for (forwarded, expected) in [
            (&["198.51.100.7"][..], "198.51.100.7"),
            (&["1.2.3.4, 198.51.100.7"], "198.51.100.7"),
            (&["1.2.3.4, 198.51.100.7, 10.0.0.2"], "198.51.100.7"),
            (&["1.2.3.4", "198.51.100.7"], "198.51.100.7"),
            (&["198.51.100.7", "10.0.0.2"], "198.51.100.7"),
            (&["::ffff:198.51.100.7"], "198.51.100.7"),
            (&["2001:db8::7"], "2001:db8::7"),
            (&["rubbish"], "10.0.0.1"),
            (&["1.2.3.4, rubbish, 10.0.0.3"], "10.0.0.3"),
            (&[""], "10.0.0.1"),
            (&[], "10.0.0.1"),
        ] {
            assert_eq!(
                client(trusted, "10.0.0.1", forwarded),
                expected,
                "{forwarded:?}"
            );
        }
        assert_eq!(client(trusted, "::1", &["192.0.2.9"]), "192.0.2.9");
        assert_eq!(
            client(trusted, "::ffff:10.0.0.1", &["192.0.2.9"]),
            "192.0.2.9"
        );
    }

    #[test]
    fn proxies_are_addresses_and_networks() {
        assert_eq!("".parse(), Ok(TrustedProxies::default()));
        for odd in ["proxy", "10.0.0.0/33", "10.0.0.1,x"] {
            assert!(odd.parse::<TrustedProxies>().is_err(), "{odd}");
        }
    }
}
