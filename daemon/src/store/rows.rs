//! Records to rows and back.

use std::{
    collections::BTreeMap,
    time::{Duration, SystemTime},
};

use portlease_proto::Port;
use rusqlite::{Connection, Row, params};

use super::StoreError;
use crate::{
    clock::Now,
    registry::{Change, Cooling, LeaseKey, Record, Registry},
};

/// The whole registry.
pub(super) fn read(connection: &Connection, now: Now) -> Result<Registry, StoreError> {
    let mut registry = Registry::default();
    let mut leases = connection.prepare(
        "SELECT project, service, id, port, protocol, root, labels, created_ms, renewed_ms FROM lease",
    )?;
    let mut rows = leases.query([])?;
    while let Some(row) = rows.next()? {
        registry.apply(&Change::Put(record(row)?));
    }
    let mut cooling = connection.prepare("SELECT port, project, released_ms FROM cooling")?;
    let mut rows = cooling.query([])?;
    while let Some(row) = rows.next()? {
        let project: String = row.get(1)?;
        let released_at = from_ms(row.get(2)?);
        let cooling = Cooling::restored(port(row.get(0)?)?, sense(project.parse())?, released_at, now);
        if now.boot < cooling.until {
            registry.apply(&Change::Cool(cooling));
        }
    }
    Ok(registry)
}

/// Writes all changes into the transaction that the caller has begun.
pub(super) fn write(connection: &Connection, changes: &[Change]) -> Result<(), StoreError> {
    for change in changes {
        match change {
            Change::Put(record) => put(connection, record)?,
            Change::Remove(key) => {
                connection
                    .prepare_cached("DELETE FROM lease WHERE project = ?1 AND service = ?2")?
                    .execute(params![key.project.as_str(), key.service.as_str()])?;
            }
            Change::Cool(cooling) => {
                connection.prepare_cached("INSERT OR REPLACE INTO cooling VALUES (?1, ?2, ?3)")?.execute(
                    params![cooling.port.get(), cooling.project.as_str(), to_ms(cooling.released_at)],
                )?;
            }
            Change::Warm(port) => warm(connection, *port)?,
        }
    }
    Ok(())
}

fn put(connection: &Connection, record: &Record) -> Result<(), StoreError> {
    warm(connection, record.port)?;
    // REPLACE would silently delete another lease of the same port; the unique
    // index on the port has to refuse that.
    connection
        .prepare_cached(
            "INSERT INTO lease VALUES (?1, ?2, ?3, ?4, ?5, ?6, ?7, ?8, ?9)
             ON CONFLICT (project, service) DO UPDATE SET
                id = ?3, port = ?4, protocol = ?5, root = ?6, labels = ?7, created_ms = ?8, renewed_ms = ?9",
        )?
        .execute(params![
            record.key.project.as_str(),
            record.key.service.as_str(),
            record.id,
            record.port.get(),
            record.protocol.as_str(),
            record.root,
            sense(serde_json::to_string(&record.labels))?,
            to_ms(record.created_at),
            to_ms(record.renewed_at),
        ])?;
    Ok(())
}

fn warm(connection: &Connection, port: Port) -> Result<(), StoreError> {
    connection.prepare_cached("DELETE FROM cooling WHERE port = ?1")?.execute([port.get()])?;
    Ok(())
}

fn record(row: &Row<'_>) -> Result<Record, StoreError> {
    let text = |column: usize| row.get::<_, String>(column);
    let labels: BTreeMap<String, String> = sense(serde_json::from_str(&text(6)?))?;
    Ok(Record {
        key: LeaseKey { project: sense(text(0)?.parse())?, service: sense(text(1)?.parse())? },
        id: text(2)?,
        port: port(row.get(3)?)?,
        protocol: sense(text(4)?.parse())?,
        root: row.get(5)?,
        labels,
        created_at: from_ms(row.get(7)?),
        renewed_at: from_ms(row.get(8)?),
    })
}

fn port(number: u16) -> Result<Port, StoreError> {
    Port::new(number).ok_or_else(|| StoreError::Row("port 0".to_owned()))
}

fn sense<T, E: ToString>(result: Result<T, E>) -> Result<T, StoreError> {
    result.map_err(|error| StoreError::Row(error.to_string()))
}

fn to_ms(time: SystemTime) -> i64 {
    let since = time.duration_since(SystemTime::UNIX_EPOCH).unwrap_or_default();
    i64::try_from(since.as_millis()).unwrap_or(i64::MAX)
}

/// A time that the calendar cannot write (a damaged row) becomes the epoch.
fn from_ms(ms: i64) -> SystemTime {
    const YEAR_9999_MS: u64 = 253_402_300_799_000;
    let ms = u64::try_from(ms).ok().filter(|ms| *ms <= YEAR_9999_MS).unwrap_or(0);
    SystemTime::UNIX_EPOCH + Duration::from_millis(ms)
}
