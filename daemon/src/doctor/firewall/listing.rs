//! What the programs that know the firewall's rules said.

/// What one of them printed, or why it did not.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Listing {
    /// Who was asked.
    pub program: Program,
    /// All that it printed.
    pub output: Result<String, Unread>,
}

/// A program that prints rules, with what it is told.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Program {
    /// iptables, IPv4; mostly a face of nftables.
    IptablesSave,
    /// iptables, IPv6.
    Ip6tablesSave,
    /// iptables of before nftables, IPv4.
    IptablesLegacySave,
    /// iptables of before nftables, IPv6.
    Ip6tablesLegacySave,
    /// nftables, for programs.
    NftJson,
    /// nftables, for people.
    NftText,
    /// The packet filter of macOS.
    PfCtl,
}

/// Why the rules are not known.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Unread {
    /// Only root may read them.
    NotRoot,
    /// The program is not there, or somebody else than root may have put it
    /// there.
    Missing,
    /// It failed, or took too long.
    Failed,
}

impl Program {
    /// Its name, then its arguments.
    #[must_use]
    pub fn words(self) -> &'static [&'static str] {
        match self {
            Self::IptablesSave => &["iptables-save"],
            Self::Ip6tablesSave => &["ip6tables-save"],
            Self::IptablesLegacySave => &["iptables-legacy-save"],
            Self::Ip6tablesLegacySave => &["ip6tables-legacy-save"],
            Self::NftJson => &["nft", "-j", "-a", "list", "ruleset"],
            Self::NftText => &["nft", "-a", "list", "ruleset"],
            Self::PfCtl => &["pfctl", "-sr"],
        }
    }

    /// What changes the rules that it prints.
    pub(super) fn editor(self) -> &'static str {
        match self {
            Self::IptablesSave => "iptables",
            Self::Ip6tablesSave => "ip6tables",
            Self::IptablesLegacySave => "iptables-legacy",
            Self::Ip6tablesLegacySave => "ip6tables-legacy",
            Self::NftJson | Self::NftText => "nft",
            Self::PfCtl => "pfctl",
        }
    }

    pub(super) fn is_ipv6_alone(self) -> bool {
        matches!(self, Self::Ip6tablesSave | Self::Ip6tablesLegacySave)
    }
}
