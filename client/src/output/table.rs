//! Leases in columns.

use std::time::{Duration, SystemTime};

use portlease_proto::{Lease, escape};

/// A line for the heads, and one for each lease.
pub(crate) fn table(leases: &[Lease], now: SystemTime) -> Vec<String> {
    let ends: Vec<String> = leases.iter().map(|lease| ends(lease, now).unwrap_or_default()).collect();
    // Most leases stay, so that the column is there only when it tells something.
    let has_ends = ends.iter().any(|end| !end.is_empty());
    let columns = |[project, service, port, state]: [&str; 4], end: &str, holder: &str| {
        let mut columns = [project, service, port, state].map(str::to_owned).to_vec();
        columns.extend(has_ends.then(|| end.to_owned()));
        columns.push(holder.to_owned());
        columns
    };
    let row = |(lease, end): (&Lease, &String)| {
        let (port, state) = (lease.port.to_string(), lease.state.to_string());
        columns([lease.project.as_str(), lease.service.as_str(), &port, &state], end, &holder(lease))
    };
    let head = columns(["PROJECT", "SERVICE", "PORT", "STATE"], "ENDS", "HOLDER");
    let rows: Vec<Vec<String>> = std::iter::once(head).chain(leases.iter().zip(&ends).map(row)).collect();
    let width =
        |column: usize| rows.iter().filter_map(|row| row.get(column)).map(|cell| cell.chars().count()).max();
    let widths: Vec<usize> = (0..4 + usize::from(has_ends)).filter_map(width).collect();
    rows.iter().map(|row| line(row, &widths)).collect()
}

fn line(row: &[String], widths: &[usize]) -> String {
    let mut line = String::new();
    for (place, cell) in row.iter().enumerate() {
        match widths.get(place) {
            Some(width) => line.push_str(&format!("{cell:<width$}  ")),
            None => line.push_str(cell),
        }
    }
    line.trim_end().to_owned()
}

fn holder(lease: &Lease) -> String {
    const MOST: usize = 60;
    let holder = lease.holder.as_ref().map(|holder| escape(&holder.to_string()));
    let owner = || lease.owner.as_ref().map(|owner| escape(&format!("for {owner}")));
    let holder = holder.or_else(|| lease.remark()).or_else(owner).unwrap_or_default();
    match holder.char_indices().nth(MOST) {
        Some((end, _)) => format!("{}…", &holder[..end]),
        None => holder,
    }
}

/// How a lease ends by itself, if it does.
fn ends(lease: &Lease, now: SystemTime) -> Option<String> {
    let end = lease.expires_at.as_deref().and_then(|end| humantime::parse_rfc3339(end).ok());
    let time = end.map(|end| format!("in {}", rough(end.duration_since(now).unwrap_or_default())));
    let owner = lease.owner_pid.map(|pid| format!("with pid {pid}"));
    match (time, owner) {
        (Some(time), Some(owner)) => Some(format!("{time} or {owner}")),
        (time, owner) => time.or(owner),
    }
}

/// A length of time in one unit, rounded down: what is promised is at least this.
pub(crate) fn rough(time: Duration) -> String {
    match time.as_secs() {
        seconds @ ..60 => format!("{seconds} s"),
        seconds @ 60..3600 => format!("{} min", seconds / 60),
        seconds @ 3600..172_800 => format!("{} h", seconds / 3600),
        seconds => format!("{} days", seconds / 86_400),
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn lease(expires_at: Option<&str>, owner_pid: Option<u32>) -> Lease {
        let text = include_str!("../../../proto/tests/golden/lease_reserved.json");
        let mut lease: Lease = serde_json::from_str(text).unwrap();
        lease.expires_at = expires_at.map(str::to_owned);
        lease.owner_pid = owner_pid;
        lease
    }

    #[test]
    fn how_a_lease_ends() {
        let now = humantime::parse_rfc3339("2026-10-14T12:00:00Z").unwrap();
        for (expires_at, owner, expected) in [
            (None, None, None),
            (Some("2026-10-14T12:09:59Z"), None, Some("in 9 min")),
            (Some("2026-10-14T12:00:59.9Z"), None, Some("in 59 s")),
            (Some("2026-10-14T11:00:00Z"), None, Some("in 0 s")),
            (Some("2026-10-16T11:59:59Z"), None, Some("in 47 h")),
            (Some("2026-10-21T12:00:00Z"), None, Some("in 7 days")),
            (None, Some(42), Some("with pid 42")),
            (Some("2026-10-14T13:00:00Z"), Some(42), Some("in 1 h or with pid 42")),
        ] {
            assert_eq!(ends(&lease(expires_at, owner), now).as_deref(), expected);
        }
        let lines = table(&[lease(None, None), lease(None, Some(42))], now);
        assert!(lines[0].ends_with("STATE     ENDS         HOLDER"), "{lines:?}");
        assert!(lines[2].ends_with("with pid 42"), "{lines:?}");
        assert!(!table(&[lease(None, None)], now)[0].contains("ENDS"));
    }
}
