//! Which addresses and ports may be connected to.

use ipnet::IpNet;
use safelight_domain::address::{Special, reached, special};
use std::net::IpAddr;

/// What is open to the client.
#[derive(Clone, Debug)]
pub struct Guard {
    networks: Vec<IpNet>,
    ports: Vec<u16>,
}

impl Guard {
    /// Every public address, and those of `networks`. An address of a metadata service is open only
    /// where it stands alone in the list, as `169.254.169.254/32` does.
    pub fn new(networks: Vec<IpNet>, ports: Vec<u16>) -> Guard {
        Guard { networks, ports }
    }

    /// Why an address is closed.
    pub fn closed(&self, address: IpAddr) -> Option<Special> {
        let special = special(address)?;
        let reached = reached(address);
        let alone = |network: &IpNet| network.prefix_len() == network.max_prefix_len();
        let opened = self
            .networks
            .iter()
            .filter(|network| special != Special::Metadata || alone(network))
            .any(|network| network.contains(&reached));
        (!opened).then_some(special)
    }

    /// Whether a port may be connected to.
    pub fn allows_port(&self, port: u16) -> bool {
        self.ports.contains(&port)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn guard(networks: &[&str]) -> Guard {
        Guard::new(networks.iter().map(|text| text.parse().expect("a network")).collect(), vec![80, 443])
    }

    #[test]
    fn networks_are_opened_one_by_one() {
        for (networks, address, open) in [
            (&[][..], "8.8.8.8", true),
            (&[], "10.0.0.1", false),
            (&["10.0.0.0/8"], "10.0.0.1", true),
            (&["10.0.0.0/8"], "::ffff:10.0.0.1", true),
            (&["10.0.0.0/8"], "192.168.0.1", false),
            (&["10.0.0.0/8"], "2002:a00:1::1", false),
            (&["fc00::/7"], "fd00::1", true),
            (&["fc00::/7"], "fd00:ec2::254", false),
            (&["0.0.0.0/0"], "127.0.0.1", true),
            (&["0.0.0.0/0"], "169.254.169.254", false),
            (&["0.0.0.0/0"], "64:ff9b::169.254.169.254", false),
            (&["0.0.0.0/0"], "168.63.129.16", false),
            (&["169.254.169.254/32"], "169.254.169.254", true),
            (&["169.254.169.253/32"], "169.254.169.254", false),
        ] {
            let address = address.parse().expect("an address");
            assert_eq!(guard(networks).closed(address).is_none(), open, "{networks:?} {address}");
        }
    }

    #[test]
    fn ports() {
        let guard = guard(&[]);
        assert!(guard.allows_port(443) && !guard.allows_port(22) && !guard.allows_port(0));
    }
}
