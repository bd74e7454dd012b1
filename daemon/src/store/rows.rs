//! Records to rows and back.

use std::{
    collections::BTreeMap,
    time::{Duration, SystemTime},
};

use portlease_proto::{Port, Ttl};
use rusqlite::{Connection, Row, params};

use super::StoreError;
use crate::{
    clock::{BootId, Now},
    registry::{Absence, Change, Cooling, Home, LeaseKey, Life, Owner, Record, Registry, Term},
};

/// The whole registry.
pub(super) fn read(connection: &Connection, now: Now) -> Result<Registry, StoreError> {
    let mut registry = Registry::default();
    let mut leases = connection.prepare(
        "SELECT project, service, id, port, protocol, root, labels, created_ms, renewed_ms, hold,
            ttl_s, until_ms, until_boot, expires_ms, owner_pid, owner_start, owner_boot,
            run_pid, run_start, run_boot, owner_command, after_s FROM lease",
    )?;
    let mut rows = leases.query([])?;
    while let Some(row) = rows.next()? {
        registry.apply(&Change::Put(record(row, now)?));
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
    let mut homes = connection.prepare("SELECT name, root, device, inode, born_ns FROM project")?;
    let mut rows = homes.query([])?;
    while let Some(row) = rows.next()? {
        let project = sense(row.get::<_, String>(0)?.parse())?;
        registry.apply(&Change::Settle(project, home(row)?));
    }
    let mut absences = connection.prepare("SELECT root, counted_ms, since_ms, boot FROM absence")?;
    let mut rows = absences.query([])?;
    while let Some(row) = rows.next()? {
        registry.apply(&Change::Absent(row.get(0)?, absence(row)?));
    }
    Ok(registry)
}

/// Forgets what has cooled long enough by what was just read: a wall clock that
/// is set back later must not bring it back.
pub(super) fn over(
    connection: &Connection,
    registry: &Registry,
    now: Now,
) -> Result<Vec<Change>, StoreError> {
    let mut cooling = connection.prepare("SELECT port FROM cooling")?;
    let ports = cooling.query_map([], |row| row.get::<_, u16>(0))?.collect::<Result<Vec<u16>, _>>()?;
    let ports = ports.into_iter().filter_map(Port::new);
    Ok(ports.filter(|port| registry.cooling(*port, now).is_none()).map(Change::Warm).collect())
}

/// Writes all changes into the transaction that the caller has begun.
/// Terms that are in them were begun under `boot_id`.
pub(super) fn write(connection: &Connection, changes: &[Change], boot_id: BootId) -> Result<(), StoreError> {
    for change in changes {
        match change {
            Change::Put(record) => put(connection, record, boot_id)?,
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
            Change::Settle(project, home) => {
                connection
                    .prepare_cached("INSERT OR REPLACE INTO project VALUES (?1, ?2, ?3, ?4, ?5)")?
                    .execute(params![
                        project.as_str(),
                        home.root,
                        home.device.cast_signed(),
                        home.inode.cast_signed(),
                        home.born_ns,
                    ])?;
            }
            Change::Leave(project) => {
                connection
                    .prepare_cached("DELETE FROM project WHERE name = ?1")?
                    .execute([project.as_str()])?;
            }
            Change::Absent(root, absence) => {
                connection
                    .prepare_cached("INSERT OR REPLACE INTO absence VALUES (?1, ?2, ?3, ?4)")?
                    .execute(params![
                        root,
                        // Rounded down: no lease goes early.
                        i64::try_from(absence.counted.as_millis()).unwrap_or(i64::MAX),
                        ms_rounded_up(absence.since),
                        boot_text(absence.boot_id),
                    ])?;
            }
            Change::Present(root) => {
                connection.prepare_cached("DELETE FROM absence WHERE root = ?1")?.execute([root])?;
            }
        }
    }
    Ok(())
}

fn put(connection: &Connection, record: &Record, boot_id: BootId) -> Result<(), StoreError> {
    warm(connection, record.port)?;
    let Life { term, owner, after } = record.life;
    let (owner, run) = (process_columns(owner)?, process_columns(record.run)?);
    // REPLACE would silently delete another lease of the same port; the unique
    // index on the port has to refuse that.
    connection
        .prepare_cached(
            "INSERT INTO lease (project, service, id, port, protocol, root, labels, created_ms, renewed_ms,
                hold, ttl_s, until_ms, until_boot, expires_ms, owner_pid, owner_start, owner_boot,
                run_pid, run_start, run_boot, owner_command, after_s)
             VALUES (?1, ?2, ?3, ?4, ?5, ?6, ?7, ?8, ?9, ?10, ?11, ?12, ?13, ?14, ?15, ?16, ?17, ?18, ?19, ?20,
                ?21, ?22)
             ON CONFLICT (project, service) DO UPDATE SET
                id = ?3, port = ?4, protocol = ?5, root = ?6, labels = ?7, created_ms = ?8, renewed_ms = ?9,
                hold = ?10, ttl_s = ?11, until_ms = ?12, until_boot = ?13, expires_ms = ?14,
                owner_pid = ?15, owner_start = ?16, owner_boot = ?17,
                run_pid = ?18, run_start = ?19, run_boot = ?20, owner_command = ?21, after_s = ?22",
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
            record.hold,
            term.map(|term| seconds(term.ttl)).transpose()?,
            term.map(|term| ms_rounded_up(term.until)),
            term.map(|_| boot_text(boot_id)),
            term.map(|term| to_ms(term.expires_at)),
            owner.0,
            owner.1,
            owner.2,
            run.0,
            run.1,
            run.2,
            record.owner_command,
            after.map(seconds).transpose()?,
        ])?;
    Ok(())
}

fn warm(connection: &Connection, port: Port) -> Result<(), StoreError> {
    connection.prepare_cached("DELETE FROM cooling WHERE port = ?1")?.execute([port.get()])?;
    Ok(())
}

fn record(row: &Row<'_>, now: Now) -> Result<Record, StoreError> {
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
        hold: row.get(9)?,
        life: Life { term: term(row, now)?, owner: process(row, 14)?, after: after(row)? },
        run: process(row, 17)?,
        owner_command: row.get(20)?,
    })
}

fn term(row: &Row<'_>, now: Now) -> Result<Option<Term>, StoreError> {
    let Some(seconds) = row.get::<_, Option<u32>>(10)? else { return Ok(None) };
    let term = Term {
        ttl: sense(Ttl::from_seconds(seconds.into()))?,
        until: Duration::from_millis(natural(row.get(11)?)?),
        expires_at: from_ms(row.get(13)?),
    };
    Ok(Some(term.restored(boot_id(&row.get::<_, String>(12)?)?, now)))
}

/// A process, from this column and the two after it.
fn process(row: &Row<'_>, column: usize) -> Result<Option<Owner>, StoreError> {
    let Some(pid) = row.get(column)? else { return Ok(None) };
    let boot_id = boot_id(&row.get::<_, String>(column + 2)?)?;
    Ok(Some(Owner { pid, start: natural(row.get(column + 1)?)?, boot_id }))
}

type ProcessColumns = (Option<u32>, Option<i64>, Option<String>);

fn process_columns(process: Option<Owner>) -> Result<ProcessColumns, StoreError> {
    let start = process.map(|process| i64::try_from(process.start)).transpose().map_err(too_large)?;
    Ok((process.map(|process| process.pid), start, process.map(|process| boot_text(process.boot_id))))
}

fn after(row: &Row<'_>) -> Result<Option<Ttl>, StoreError> {
    let seconds = row.get::<_, Option<u32>>(21)?;
    seconds.map(|seconds| sense(Ttl::from_seconds(seconds.into()))).transpose()
}

fn seconds(ttl: Ttl) -> Result<i64, StoreError> {
    i64::try_from(ttl.duration().as_secs()).map_err(too_large)
}

fn home(row: &Row<'_>) -> Result<Home, StoreError> {
    let (device, inode): (i64, i64) = (row.get(2)?, row.get(3)?);
    Ok(Home {
        root: row.get(1)?,
        device: device.cast_unsigned(),
        inode: inode.cast_unsigned(),
        born_ns: row.get(4)?,
    })
}

fn absence(row: &Row<'_>) -> Result<Absence, StoreError> {
    Ok(Absence {
        counted: Duration::from_millis(natural(row.get(1)?)?),
        since: Duration::from_millis(natural(row.get(2)?)?),
        boot_id: boot_id(&row.get::<_, String>(3)?)?,
    })
}

fn boot_text(boot_id: BootId) -> String {
    format!("{:032x}", boot_id.0)
}

fn boot_id(text: &str) -> Result<BootId, StoreError> {
    sense(u128::from_str_radix(text, 16)).map(BootId)
}

fn port(number: u16) -> Result<Port, StoreError> {
    Port::new(number).ok_or_else(|| StoreError::Row("port 0".to_owned()))
}

fn sense<T, E: ToString>(result: Result<T, E>) -> Result<T, StoreError> {
    result.map_err(|error| StoreError::Row(error.to_string()))
}

fn natural(number: i64) -> Result<u64, StoreError> {
    sense(u64::try_from(number))
}

fn too_large(error: std::num::TryFromIntError) -> StoreError {
    StoreError::Row(error.to_string())
}

/// A lease read back must not end a fraction of a millisecond early.
fn ms_rounded_up(time: Duration) -> i64 {
    i64::try_from(time.as_nanos().div_ceil(1_000_000)).unwrap_or(i64::MAX)
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
