//! Which addresses stand for somewhere else than the public internet.
//!
//! The list is that of IANA's special-purpose registries (RFC 6890 and its updates), with the metadata
//! services of clouds. Of IPv6 only what is allotted for public use passes, so that a form nobody has
//! thought of is refused too.

use std::net::{IpAddr, Ipv4Addr, Ipv6Addr};

/// Why an address is not public.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Special {
    /// `0.0.0.0/8`, `::`: this machine, for most systems.
    Unspecified,
    /// `127.0.0.0/8`, `::1`.
    Loopback,
    /// `10.0.0.0/8`, `172.16.0.0/12`, `192.168.0.0/16`.
    Private,
    /// `100.64.0.0/10`: behind a carrier's translation of addresses.
    CarrierGrade,
    /// `169.254.0.0/16`, `fe80::/10`.
    LinkLocal,
    /// `fc00::/7`.
    UniqueLocal,
    /// `fec0::/10`, no longer used.
    SiteLocal,
    /// An address at which a cloud tells a machine its secrets.
    Metadata,
    /// `224.0.0.0/4`, `ff00::/8`.
    Multicast,
    /// `255.255.255.255`.
    Broadcast,
    /// For tests of networks: `198.18.0.0/15`, `2001:2::/48`.
    Benchmarking,
    /// For examples: `192.0.2.0/24`, `198.51.100.0/24`, `203.0.113.0/24`, `2001:db8::/32`, `3fff::/20`.
    Documentation,
    /// An IPv6 address that hides one of IPv4: compatible, 6to4 and its relays, Teredo, ISATAP, and
    /// the translation that a network has for itself (`64:ff9b:1::/48`).
    Embedded,
    /// Everything else that is not allotted for public use.
    Reserved,
}

/// Where clouds keep a machine's credentials, as addresses that a look at ranges does not find or that
/// stay closed where their range is opened: AWS, Azure, Google Cloud, OpenStack and others, AWS' tasks
/// in containers, Alibaba Cloud, Oracle Cloud, Azure's own host.
const METADATA: [IpAddr; 9] = [
    IpAddr::V4(Ipv4Addr::new(169, 254, 169, 254)),
    IpAddr::V4(Ipv4Addr::new(169, 254, 170, 2)),
    IpAddr::V4(Ipv4Addr::new(169, 254, 170, 23)),
    IpAddr::V4(Ipv4Addr::new(100, 100, 100, 200)),
    IpAddr::V4(Ipv4Addr::new(192, 0, 0, 192)),
    IpAddr::V4(Ipv4Addr::new(168, 63, 129, 16)),
    IpAddr::V6(Ipv6Addr::new(0xfd00, 0xec2, 0, 0, 0, 0, 0, 0x254)),
    IpAddr::V6(Ipv6Addr::new(0xfd00, 0xec2, 0, 0, 0, 0, 0, 0x23)),
    IpAddr::V6(Ipv6Addr::new(0xfd20, 0xce, 0, 0, 0, 0, 0, 0x254)),
];

/// The address that is reached in the end: the one of IPv4 in `::ffff:0:0/96`, which systems connect to
/// as IPv4, and in `64:ff9b::/96`, by which networks with IPv6 alone reach all of IPv4. Any other is
/// itself.
pub fn reached(address: IpAddr) -> IpAddr {
    let IpAddr::V6(v6) = address else { return address };
    match v6.segments() {
        [0, 0, 0, 0, 0, 0xffff, high, low] | [0x64, 0xff9b, 0, 0, 0, 0, high, low] => {
            let ([a, b], [c, d]) = (high.to_be_bytes(), low.to_be_bytes());
            IpAddr::V4(Ipv4Addr::new(a, b, c, d))
        }
        _ => address,
    }
}

/// Why the address is not public; `None` for a public one. Forms that [`reached`] undoes are judged by
/// what is in them.
pub fn special(address: IpAddr) -> Option<Special> {
    let reached = reached(address);
    if METADATA.contains(&reached) {
        return Some(Special::Metadata);
    }
    match reached {
        IpAddr::V4(v4) => special_v4(v4),
        IpAddr::V6(v6) => special_v6(v6),
    }
}

fn special_v4(address: Ipv4Addr) -> Option<Special> {
    Some(match address.octets() {
        [0, ..] => Special::Unspecified,
        [127, ..] => Special::Loopback,
        [10, ..] | [172, 16..=31, ..] | [192, 168, ..] => Special::Private,
        [100, 64..=127, ..] => Special::CarrierGrade,
        [169, 254, ..] => Special::LinkLocal,
        [198, 18..=19, ..] => Special::Benchmarking,
        [192, 0, 2, _] | [198, 51, 100, _] | [203, 0, 113, _] => Special::Documentation,
        [192, 88, 99, _] => Special::Embedded,
        [192, 0, 0, _] => Special::Reserved,
        [224..=239, ..] => Special::Multicast,
        [255, 255, 255, 255] => Special::Broadcast,
        [240..=255, ..] => Special::Reserved,
        _ => return None,
    })
}

fn special_v6(address: Ipv6Addr) -> Option<Special> {
    Some(match address.segments() {
        [0, 0, 0, 0, 0, 0, 0, 0] => Special::Unspecified,
        [0, 0, 0, 0, 0, 0, 0, 1] => Special::Loopback,
        // Compatible with IPv4, and translated (RFC 2765).
        [0, 0, 0, 0, 0, 0, ..] | [0, 0, 0, 0, 0xffff, 0, ..] => Special::Embedded,
        // ISATAP, below any prefix.
        [_, _, _, _, 0 | 0x0200, 0x5efe, ..] => Special::Embedded,
        [0x64, 0xff9b, 1, ..] | [0x2002, ..] | [0x2001, 0, ..] => Special::Embedded,
        [0xfc00..=0xfdff, ..] => Special::UniqueLocal,
        [0xfe80..=0xfebf, ..] => Special::LinkLocal,
        [0xfec0..=0xfeff, ..] => Special::SiteLocal,
        [0xff00..=0xffff, ..] => Special::Multicast,
        [0x2001, 2, 0, ..] => Special::Benchmarking,
        [0x2001, 0xdb8, ..] | [0x3fff, 0..=0x0fff, ..] => Special::Documentation,
        // Assignments of the IETF for protocols: 2001::/23.
        [0x2001, 1..=0x01ff, ..] => Special::Reserved,
        [0x2000..=0x3fff, ..] => return None,
        _ => Special::Reserved,
    })
}

#[cfg(test)]
mod tests {
    use super::*;

    fn address(text: &str) -> IpAddr {
        text.parse().unwrap_or_else(|_| panic!("no address: {text}"))
    }

    #[test]
    fn the_first_and_last_of_every_range_and_their_neighbours() {
        use Special::*;
        for (text, expected) in [
            ("0.0.0.0", Some(Unspecified)),
            ("0.255.255.255", Some(Unspecified)),
            ("1.0.0.0", None),
            ("9.255.255.255", None),
            ("10.0.0.0", Some(Private)),
            ("10.255.255.255", Some(Private)),
            ("11.0.0.0", None),
            ("100.63.255.255", None),
            ("100.64.0.0", Some(CarrierGrade)),
            ("100.127.255.255", Some(CarrierGrade)),
            ("100.128.0.0", None),
            ("126.255.255.255", None),
            ("127.0.0.1", Some(Loopback)),
            ("127.255.255.255", Some(Loopback)),
            ("128.0.0.0", None),
            ("169.253.255.255", None),
            ("169.254.0.0", Some(LinkLocal)),
            ("169.254.255.255", Some(LinkLocal)),
            ("169.255.0.0", None),
            ("172.15.255.255", None),
            ("172.16.0.0", Some(Private)),
            ("172.31.255.255", Some(Private)),
            ("172.32.0.0", None),
            ("191.255.255.255", None),
            ("192.0.0.0", Some(Reserved)),
            ("192.0.0.255", Some(Reserved)),
            ("192.0.1.0", None),
            ("192.0.2.0", Some(Documentation)),
            ("192.0.3.0", None),
            ("192.88.98.255", None),
            ("192.88.99.1", Some(Embedded)),
            ("192.88.100.0", None),
            ("192.167.255.255", None),
            ("192.168.0.0", Some(Private)),
            ("192.168.255.255", Some(Private)),
            ("192.169.0.0", None),
            ("198.17.255.255", None),
            ("198.18.0.0", Some(Benchmarking)),
            ("198.19.255.255", Some(Benchmarking)),
            ("198.20.0.0", None),
            ("198.51.100.7", Some(Documentation)),
            ("203.0.113.7", Some(Documentation)),
            ("223.255.255.255", None),
            ("224.0.0.0", Some(Multicast)),
            ("239.255.255.255", Some(Multicast)),
            ("240.0.0.0", Some(Reserved)),
            ("255.255.255.254", Some(Reserved)),
            ("255.255.255.255", Some(Broadcast)),
            ("8.8.8.8", None),
        ] {
            assert_eq!(special(address(text)), expected, "{text}");
        }
    }

    #[test]
    fn of_ipv6_only_what_is_allotted_for_public_use() {
        use Special::*;
        for (text, expected) in [
            ("::", Some(Unspecified)),
            ("::1", Some(Loopback)),
            ("::2", Some(Embedded)),
            ("100::1", Some(Reserved)),
            ("1fff:ffff::", Some(Reserved)),
            ("2000::1", None),
            ("2001:1::1", Some(Reserved)),
            ("2001:2::1", Some(Benchmarking)),
            ("2001:10::1", Some(Reserved)),
            ("2001:20::1", Some(Reserved)),
            ("2001:1ff:ffff::1", Some(Reserved)),
            ("2001:200::1", None),
            ("2001:4860:4860::8888", None),
            ("2001:db8::1", Some(Documentation)),
            ("2606:4700::1111", None),
            ("3ffe::1", None),
            ("3fff:fff::1", Some(Documentation)),
            ("3fff:1000::1", None),
            ("4000::1", Some(Reserved)),
            ("5f00::1", Some(Reserved)),
            ("fbff::1", Some(Reserved)),
            ("fc00::1", Some(UniqueLocal)),
            ("fdff:ffff::1", Some(UniqueLocal)),
            ("fe00::1", Some(Reserved)),
            ("fe80::1", Some(LinkLocal)),
            ("febf::1", Some(LinkLocal)),
            ("fec0::1", Some(SiteLocal)),
            ("feff::1", Some(SiteLocal)),
            ("ff02::1", Some(Multicast)),
        ] {
            assert_eq!(special(address(text)), expected, "{text}");
        }
    }

    #[test]
    fn ipv4_in_ipv6_in_every_form() {
        use Special::*;
        for (text, expected) in [
            ("::ffff:127.0.0.1", Some(Loopback)),
            ("::ffff:169.254.169.254", Some(Metadata)),
            ("::ffff:10.1.2.3", Some(Private)),
            ("::ffff:8.8.8.8", None),
            ("::127.0.0.1", Some(Embedded)),
            ("::8.8.8.8", Some(Embedded)),
            ("::ffff:0:127.0.0.1", Some(Embedded)),
            ("64:ff9b::127.0.0.1", Some(Loopback)),
            ("64:ff9b::a9fe:a9fe", Some(Metadata)),
            ("64:ff9b::8.8.8.8", None),
            ("64:ff9b::1:0:8.8.8.8", Some(Reserved)),
            ("64:ff9b:1::8.8.8.8", Some(Embedded)),
            ("64:ff9b:1:7f00:0:100::", Some(Embedded)),
            ("2002:7f00:1::1", Some(Embedded)),
            ("2002:808:808::1", Some(Embedded)),
            ("2001:0:4136:e378:8000:63bf:3fff:fdd2", Some(Embedded)),
            ("2001:470:1:2:0:5efe:10.0.0.1", Some(Embedded)),
            ("2001:470:1:2:200:5efe:8.8.8.8", Some(Embedded)),
            ("fe80::5efe:10.0.0.1", Some(Embedded)),
        ] {
            assert_eq!(special(address(text)), expected, "{text}");
        }
    }

    #[test]
    fn metadata_services_in_every_cloud() {
        for text in [
            "169.254.169.254",
            "169.254.170.2",
            "169.254.170.23",
            "100.100.100.200",
            "192.0.0.192",
            "168.63.129.16",
            "fd00:ec2::254",
            "fd00:ec2::23",
            "fd20:ce::254",
            "::ffff:168.63.129.16",
            "64:ff9b::168.63.129.16",
        ] {
            assert_eq!(special(address(text)), Some(Special::Metadata), "{text}");
        }
    }

    #[test]
    fn what_is_reached() {
        for (text, expected) in [
            ("::ffff:10.0.0.1", "10.0.0.1"),
            ("64:ff9b::10.0.0.1", "10.0.0.1"),
            ("2002:a00:1::", "2002:a00:1::"),
            ("10.0.0.1", "10.0.0.1"),
        ] {
            assert_eq!(reached(address(text)), address(expected), "{text}");
        }
    }
}
