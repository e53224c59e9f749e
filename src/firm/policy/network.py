"""What kind of network an address lies in, for those who may only reach the open internet.

One rule: open is what the registries name as global unicast; all else has a kind, also what nobody has assigned.
The table stands here and is not Python's, whose answers changed between its versions.
"""

import functools
import ipaddress
from typing import Final, Literal

Kind = Literal[
    "",
    "loopback",
    "private",
    "shared",
    "link-local",
    "metadata",
    "multicast",
    "unspecified",
    "documentation",
    "tunnel",
    "reserved",
]
"""'' is the open internet; 'shared' lies behind a carrier's NAT, 'tunnel' hides another address."""

Address = ipaddress.IPv4Address | ipaddress.IPv6Address

NETWORKS: Final[tuple[tuple[Kind, str], ...]] = (
    # Where clouds hand out credentials; the last one looks public.
    (
        "metadata",
        "169.254.169.254/32 169.254.170.2/32 169.254.170.23/32 100.100.100.200/32 192.0.0.192/32 "
        "168.63.129.16/32 fd00:ec2::/32 fd20:ce::254/128",
    ),
    ("unspecified", "0.0.0.0/8 ::/128"),
    ("loopback", "127.0.0.0/8 ::1/128"),
    ("private", "10.0.0.0/8 172.16.0.0/12 192.168.0.0/16 fc00::/7"),
    ("shared", "100.64.0.0/10"),
    ("link-local", "169.254.0.0/16 fe80::/10"),
    ("multicast", "224.0.0.0/4 ff00::/8"),
    ("documentation", "192.0.2.0/24 198.51.100.0/24 203.0.113.0/24 2001:db8::/32 3fff::/20"),
    # IPv4-mapped, IPv4-compatible, local NAT64, Teredo, relays of 6to4, 6to4.
    ("tunnel", "::ffff:0:0/96 ::/96 64:ff9b:1::/48 2001::/32 192.88.99.0/24 2002::/16"),
    ("reserved", "192.0.0.0/24 198.18.0.0/15 240.0.0.0/4 2001::/23"),
)
"""Kind and its networks; the first that holds an address decides."""
_GLOBAL_6 = ipaddress.IPv6Network("2000::/3")
_NAT64 = ipaddress.IPv6Network("64:ff9b::/96")
_ISATAP = 0x0000_5EFE
_ISATAP_MASK = 0xFDFF_FFFF
"""All but the bit that says whether the IPv4 address behind it is unique."""


def parse_address(text: str) -> Address | None:
    """An address in its one usual spelling; None for anything else, such as '127.1' or 'fe80::1%eth0'."""
    try:
        return None if "%" in text else ipaddress.ip_address(text)
    except ValueError:
        return None


def kind_of(address: Address) -> Kind:
    """The kind of network that an address lies in; '' for the open internet.

    An address of the well-known NAT64 prefix, as resolvers give them where there is no IPv4, is judged by the IPv4
    address in it.
    """
    for kind, network in _networks(address.version):
        if address in network:
            return kind
    if isinstance(address, ipaddress.IPv4Address):
        return ""
    if address in _NAT64:
        return kind_of(ipaddress.IPv4Address(int(address) & 0xFFFF_FFFF))
    if address not in _GLOBAL_6:
        return "reserved"
    return "tunnel" if int(address) >> 32 & _ISATAP_MASK == _ISATAP else ""


@functools.cache
def _networks(version: int) -> tuple[tuple[Kind, ipaddress.IPv4Network | ipaddress.IPv6Network], ...]:
    """The table for one version of IP."""
    found = [(kind, ipaddress.ip_network(text)) for kind, texts in NETWORKS for text in texts.split()]
    return tuple((kind, network) for kind, network in found if network.version == version)
