//! Leases as a file: what `export` writes and `import` reads.

use std::{
    collections::{BTreeMap, BTreeSet},
    fmt,
};

use serde::{Deserialize, Serialize};

use crate::{Port, ProjectName, Protocol, ServiceName, Ttl, get};

/// Leases that can be made anew elsewhere.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
#[cfg_attr(feature = "openapi", derive(utoipa::ToSchema))]
#[serde(deny_unknown_fields)]
pub struct Export {
    /// The version of this format: 1.
    #[cfg_attr(feature = "openapi", schema(minimum = 1, maximum = 1))]
    pub version: u32,
    /// The leases, by project and service. Those that end with a process, and
    /// the anonymous ones, are not among them.
    pub leases: Vec<ExportedLease>,
}

/// One lease.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
#[cfg_attr(feature = "openapi", derive(utoipa::ToSchema))]
#[serde(deny_unknown_fields)]
pub struct ExportedLease {
    /// Whose it is.
    pub project: ProjectName,
    /// The service inside the project.
    pub service: ServiceName,
    /// Its port.
    pub port: Port,
    /// Where the port is kept free.
    #[serde(default)]
    pub protocol: Protocol,
    /// The directory of the project, an absolute path.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    #[cfg_attr(feature = "openapi", schema(pattern = "^/"))]
    pub root: Option<String>,
    /// Whether the project is that of the root, whatever the root is called.
    #[serde(default, skip_serializing_if = "get::is_false")]
    pub identified: bool,
    /// Text beside the lease.
    #[serde(default, skip_serializing_if = "BTreeMap::is_empty")]
    pub labels: BTreeMap<String, String>,
    /// Whether the daemon keeps the port by a socket until the app binds it.
    #[serde(default, skip_serializing_if = "get::is_false")]
    pub hold: bool,
    /// It ends so many seconds after it was last renewed, or imported.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub ttl_s: Option<Ttl>,
}

impl Export {
    /// The version of the format that this is.
    pub const VERSION: u32 = 1;

    /// Whether it can be imported: each lease for itself, and none twice.
    ///
    /// # Errors
    /// What is wrong, in words that name the lease.
    pub fn check(&self) -> Result<(), String> {
        if self.version != Self::VERSION {
            return Err(format!(
                "version {} of the format is not known; this is {}",
                self.version,
                Self::VERSION
            ));
        }
        let (mut names, mut ports) = (BTreeSet::new(), BTreeSet::new());
        for lease in &self.leases {
            let ExportedLease { project, service, port, .. } = lease;
            let request = crate::GetRequest {
                protocol: Some(lease.protocol),
                hold: Some(lease.hold),
                root: lease.root.clone(),
                labels: Some(lease.labels.clone()),
                ..crate::GetRequest::default()
            };
            request.check().map_err(|why| format!("{project}/{service}: {why}"))?;
            if project.is_anonymous() {
                return Err(format!("{project}/{service}: anonymous leases cannot be imported"));
            }
            if lease.identified && lease.root.is_none() {
                return Err(format!("{project}/{service}: identified needs root"));
            }
            if !names.insert((project, service)) {
                return Err(format!("{project}/{service} is there twice"));
            }
            if !ports.insert(port) {
                return Err(format!("{project}/{service}: port {port} is there twice"));
            }
        }
        Ok(())
    }
}

/// What an import did, lease by lease in the order of the file.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
#[cfg_attr(feature = "openapi", derive(utoipa::ToSchema))]
pub struct ImportReport {
    /// What became of each.
    pub leases: Vec<Imported>,
}

/// What became of one lease of an import.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
#[cfg_attr(feature = "openapi", derive(utoipa::ToSchema))]
pub struct Imported {
    /// Whose it is.
    pub project: ProjectName,
    /// The service inside the project.
    pub service: ServiceName,
    /// The port that it has now.
    pub port: Port,
    /// What was done.
    pub outcome: Outcome,
    /// Why it is not the port of the file, in words.
    #[cfg_attr(feature = "openapi", schema(required))]
    pub because: Option<String>,
}

/// What an import did about a lease.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize, Deserialize)]
#[cfg_attr(feature = "openapi", derive(utoipa::ToSchema))]
#[serde(rename_all = "lowercase")]
pub enum Outcome {
    /// There was one of that name, and it is as it was.
    Kept,
    /// It is new, with the port of the file.
    Granted,
    /// It is new, with another port.
    Moved,
    /// An outcome that this version does not know.
    #[serde(other)]
    Unknown,
}

impl fmt::Display for Outcome {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.pad(match self {
            Self::Kept => "kept",
            Self::Granted => "granted",
            Self::Moved => "moved",
            Self::Unknown => "unknown",
        })
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn what_cannot_be_imported_is_named() {
        let check = |version: u32, leases: &str| -> Result<(), String> {
            let text = format!(r#"{{"version": {version}, "leases": [{leases}]}}"#);
            serde_json::from_str::<Export>(&text).map_err(|error| error.to_string())?.check()
        };
        let web = r#"{"project": "a", "service": "web", "port": 9000}"#;
        assert_eq!(check(1, web), Ok(()));
        let db = r#"{"project": "a", "service": "db", "port": 9000}"#;
        let root = r#"{"project": "a", "service": "web", "port": 9000, "root": "x"}"#;
        let udp = r#"{"project": "a", "service": "web", "port": 9000, "protocol": "udp", "hold": true}"#;
        let anonymous = r#"{"project": "-", "service": "web", "port": 9000}"#;
        let identified = r#"{"project": "a", "service": "web", "port": 9000, "identified": true}"#;
        for (version, leases, named) in [
            (2, web.to_owned(), "version 2"),
            (1, format!("{web}, {web}"), "a/web is there twice"),
            (1, format!("{web}, {db}"), "a/db: port 9000 is there twice"),
            (1, root.to_owned(), "a/web: root is not an absolute path"),
            (1, udp.to_owned(), "a/web: hold needs tcp"),
            (1, anonymous.to_owned(), "anonymous leases"),
            (1, identified.to_owned(), "identified needs root"),
            (1, r#"{"project": "a", "service": "web", "port": 0}"#.to_owned(), "1 to 65535"),
            (1, r#"{"project": "a", "service": "web", "port": 1, "ports": 2}"#.to_owned(), "unknown field"),
        ] {
            let error = check(version, &leases).unwrap_err();
            assert!(error.contains(named), "{leases}: {error}");
        }
    }
}
