//! Requests for several leases at once, and the bodies of the other requests.

use std::{collections::BTreeMap, num::NonZeroU32};

use serde::{Deserialize, Deserializer, Serialize};

use crate::{
    GetRequest, Identified, Identify, Lease, Port, PortRange, ProjectName, Protocol, ServiceName, Ttl,
    distinct::{Distinct, Object},
    natural,
};

/// The most leases that one request may ask for.
pub const MAX_BATCH: usize = 1024;

/// Several services of one project, all or none.
#[derive(Debug, Clone, PartialEq, Eq, Default, Serialize, Deserialize)]
#[cfg_attr(feature = "openapi", derive(utoipa::ToSchema))]
#[serde(deny_unknown_fields)]
pub struct BatchRequest {
    /// What is asked of each service.
    #[serde(deserialize_with = "services")]
    pub services: BTreeMap<ServiceName, GetRequest>,
    /// Give them ports that follow one another, in the order of their names:
    /// numbers in those count by their value. Only the first may have `prefer`,
    /// which is where the block is to begin.
    #[serde(default, skip_serializing_if = "crate::get::is_false")]
    #[cfg_attr(feature = "openapi", schema(default = false))]
    pub contiguous: bool,
    /// The directory of the project, for those services that name none.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    #[cfg_attr(feature = "openapi", schema(pattern = "^/"))]
    pub root: Option<String>,
    /// That the project is named after its root, by this: see the same field
    /// of the request for one lease. Needs `root`, and no service may name
    /// another one.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub identify: Option<Identify>,
    /// The process that `portlease run` started, for those services that name
    /// none.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    #[cfg_attr(feature = "openapi", schema(value_type = Option<u32>, minimum = 1))]
    pub run_pid: Option<NonZeroU32>,
}

impl BatchRequest {
    /// The services in the order in which a block has them: `web-2` comes
    /// before `web-10`.
    #[must_use]
    pub fn in_block_order(&self) -> Vec<(&ServiceName, &GetRequest)> {
        let mut services: Vec<_> = self.services.iter().collect();
        services.sort_by(|(a, _), (b, _)| natural::compare(a.as_str(), b.as_str()));
        services
    }

    /// Whether its parts go together.
    ///
    /// # Errors
    /// What does not, in words that name the fields.
    pub fn check(&self) -> Result<(), String> {
        match self.services.len() {
            0 => return Err("services is empty".to_owned()),
            1..=MAX_BATCH => {}
            _ => return Err(format!("services names more than {MAX_BATCH}")),
        }
        if self.root.as_ref().is_some_and(|root| !root.starts_with('/')) {
            return Err("root is not an absolute path".to_owned());
        }
        if self.identify.is_some() && self.root.is_none() {
            return Err("identify needs root".to_owned());
        }
        let mut exact: Vec<Port> = self.services.values().filter_map(|request| request.port).collect();
        exact.sort_unstable();
        if let Some([port, _]) = exact.array_windows().find(|[one, next]| one == next) {
            return Err(format!("services asks for port {port} twice"));
        }
        let mut range = None;
        for (place, (name, request)) in self.in_block_order().into_iter().enumerate() {
            request.check().map_err(|why| format!("services.{name}: {why}"))?;
            if request.identify.is_some() {
                return Err(format!(
                    "services.{name}: identify belongs beside services: it names the project"
                ));
            }
            if self.identify.is_some() && request.root.is_some() {
                return Err(format!(
                    "services.{name}: with identify the project has one root, beside services"
                ));
            }
            if self.contiguous && request.port.is_some() {
                return Err(format!(
                    "services.{name}: contiguous leaves no choice of a single port; a range can be given"
                ));
            }
            if self.contiguous && place > 0 && !request.prefer.is_empty() {
                return Err(format!(
                    "services.{name}: contiguous services begin where the first of them prefers"
                ));
            }
            if self.contiguous && *range.get_or_insert(request.range) != request.range {
                return Err("contiguous services need the same range".to_owned());
            }
        }
        Ok(())
    }
}

fn services<'de, D: Deserializer<'de>>(
    deserializer: D,
) -> Result<BTreeMap<ServiceName, GetRequest>, D::Error> {
    let services = Distinct::<ServiceName, Object<GetRequest>>::deserialize(deserializer)?;
    Ok(services.0.into_iter().map(|(name, request)| (name, request.0)).collect())
}

/// The leases of one project.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
#[cfg_attr(feature = "openapi", derive(utoipa::ToSchema))]
pub struct ProjectLeases {
    /// The project, which with `identify` may be another one than was named.
    pub project: ProjectName,
    /// The leases that were asked for, sorted by service.
    pub leases: Vec<Lease>,
    /// Why they are of this project and no other; once, when that is new.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub identified: Option<Identified>,
}

/// Anonymous leases: ports for tests, under no name. They must end by
/// themselves, so one of `ttl_s` and `owner_pid` is needed.
#[derive(Debug, Clone, PartialEq, Eq, Default, Serialize, Deserialize)]
#[cfg_attr(feature = "openapi", derive(utoipa::ToSchema))]
#[serde(deny_unknown_fields)]
pub struct AnonymousRequest {
    /// How many; one when not given.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    #[cfg_attr(feature = "openapi", schema(value_type = Option<u32>, minimum = 1, maximum = 1024))]
    pub count: Option<NonZeroU32>,
    /// Give ports that follow one another.
    #[serde(default, skip_serializing_if = "crate::get::is_false")]
    #[cfg_attr(feature = "openapi", schema(default = false))]
    pub contiguous: bool,
    /// A range to choose from in place of the pool.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub range: Option<PortRange>,
    /// Where the ports must be free; both when not given.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub protocol: Option<Protocol>,
    /// The leases end so many seconds after they were last renewed.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub ttl_s: Option<Ttl>,
    /// The leases end with this process.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    #[cfg_attr(feature = "openapi", schema(value_type = Option<u32>, minimum = 1))]
    pub owner_pid: Option<NonZeroU32>,
    /// Whether the daemon keeps the ports by sockets until the app binds them.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub hold: Option<bool>,
    /// Text to keep beside the leases.
    #[serde(
        default,
        skip_serializing_if = "Option::is_none",
        deserialize_with = "crate::get::distinct_labels"
    )]
    #[cfg_attr(feature = "openapi", schema(schema_with = crate::openapi::labels))]
    pub labels: Option<BTreeMap<String, String>>,
}

impl AnonymousRequest {
    /// How many leases are asked for.
    #[must_use]
    pub fn count(&self) -> usize {
        self.count.map_or(1, |count| usize::try_from(count.get()).unwrap_or(usize::MAX))
    }

    /// Whether its fields go together.
    ///
    /// # Errors
    /// What does not, in words that name the fields.
    pub fn check(&self) -> Result<(), String> {
        if self.ttl_s.is_none() && self.owner_pid.is_none() {
            return Err("an anonymous lease needs an end: ttl_s or owner_pid".to_owned());
        }
        if self.count() > MAX_BATCH {
            return Err(format!("count is more than {MAX_BATCH}"));
        }
        self.each().check()
    }

    /// What is asked of each of them.
    #[must_use]
    pub fn each(&self) -> GetRequest {
        GetRequest {
            range: self.range,
            protocol: self.protocol,
            ttl_s: self.ttl_s,
            owner_pid: self.owner_pid,
            hold: self.hold,
            labels: self.labels.clone(),
            ..GetRequest::default()
        }
    }
}

/// A renewal; `{}` renews for as long as before.
#[derive(Debug, Clone, PartialEq, Eq, Default, Serialize, Deserialize)]
#[cfg_attr(feature = "openapi", derive(utoipa::ToSchema))]
#[serde(deny_unknown_fields)]
pub struct RenewRequest {
    /// The lease's new TTL.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub ttl_s: Option<Ttl>,
}

#[cfg(test)]
mod tests {
    use super::*;

    fn batch(text: &str) -> Result<BatchRequest, String> {
        let request: BatchRequest = serde_json::from_str(text).map_err(|e| e.to_string())?;
        request.check()?;
        Ok(request)
    }

    #[test]
    fn what_no_batch_may_be() {
        for (text, named) in [
            ("{}", "missing field `services`"),
            (r#"{"services": {}}"#, "services is empty"),
            (r#"{"services": []}"#, "an object"),
            (r#"{"services": {"web": {}, "web": {}}}"#, "duplicate key \"web\""),
            (r#"{"services": {"web": []}}"#, "an object"),
            (r#"{"services": {"we b": {}}}"#, "invalid service name"),
            (r#"{"services": {"web": {"prot": 1}}}"#, "unknown field `prot`"),
            (r#"{"services": {"web": {"root": "/", "identify": "directory"}}}"#, "belongs beside services"),
            (r#"{"services": {"web": {}}, "identify": "manifest"}"#, "identify needs root"),
            (r#"{"services": {"web": {"root": "/b"}}, "root": "/a", "identify": "manifest"}"#, "one root"),
            (r#"{"services": {"web": {"root": "x"}}}"#, "services.web: root is not an absolute path"),
            (r#"{"services": {"web": {}}, "root": "x"}"#, "root is not an absolute path"),
            (r#"{"services": {"web": {"port": 1}}, "contiguous": true}"#, "services.web: contiguous"),
            (r#"{"services": {"a": {"range": "1-9"}, "b": {}}, "contiguous": true}"#, "the same range"),
            (r#"{"services": {"a-10": {"prefer": 9}, "a-2": {}}, "contiguous": true}"#, "services.a-10"),
            (r#"{"services": {"a": {"port": 9}, "b": {"port": 9}}}"#, "port 9 twice"),
            (r#"{"service": {}}"#, "unknown field `service`"),
        ] {
            let error = batch(text).unwrap_err();
            assert!(error.contains(named), "{text}: {error}");
        }
        assert_eq!(batch(r#"{"services": {"b": {}, "a": {"port": 3000}}}"#).unwrap().services.len(), 2);
    }

    #[test]
    fn anonymous_leases_must_end() {
        let check = |text: &str| -> Result<usize, String> {
            let request: AnonymousRequest = serde_json::from_str(text).map_err(|e| e.to_string())?;
            request.check()?;
            Ok(request.count())
        };
        assert!(check("{}").unwrap_err().contains("ttl_s or owner_pid"));
        assert!(check(r#"{"ttl_s": 1, "count": 1025}"#).unwrap_err().contains("more than 1024"));
        assert!(check(r#"{"ttl_s": 1, "count": 0}"#).unwrap_err().contains("nonzero"));
        assert_eq!(check(r#"{"ttl_s": 60}"#), Ok(1));
        assert_eq!(check(r#"{"owner_pid": 60, "count": 7}"#), Ok(7));
    }
}
