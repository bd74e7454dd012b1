//! The formats of the registry, oldest first. A format that was once released
//! is never changed; the next one is added at the end.

use rusqlite::Connection;

use super::StoreError;

/// Marks a SQLite file as a portlease registry ("PLSE").
pub(super) const APPLICATION_ID: u32 = 0x504c_5345;

const MIGRATIONS: &[&str] = &[
    // 1
    "CREATE TABLE lease (
        project TEXT NOT NULL,
        service TEXT NOT NULL,
        id TEXT NOT NULL UNIQUE,
        port INTEGER NOT NULL UNIQUE CHECK (port BETWEEN 1 AND 65535),
        protocol TEXT NOT NULL,
        root TEXT,
        labels TEXT NOT NULL,
        created_ms INTEGER NOT NULL,
        renewed_ms INTEGER NOT NULL,
        PRIMARY KEY (project, service)
    ) STRICT, WITHOUT ROWID;
    CREATE TABLE cooling (
        port INTEGER NOT NULL PRIMARY KEY CHECK (port BETWEEN 1 AND 65535),
        project TEXT NOT NULL,
        released_ms INTEGER NOT NULL
    ) STRICT;",
    // 2: leases that end by themselves, and holds. `until_ms` and `owner_start` count from the start
    // of the machine that the boot id beside them names. `stream` counts the starts of the daemon.
    "ALTER TABLE lease ADD COLUMN hold INTEGER NOT NULL DEFAULT 0;
    ALTER TABLE lease ADD COLUMN ttl_s INTEGER;
    ALTER TABLE lease ADD COLUMN until_ms INTEGER;
    ALTER TABLE lease ADD COLUMN until_boot TEXT;
    ALTER TABLE lease ADD COLUMN expires_ms INTEGER;
    ALTER TABLE lease ADD COLUMN owner_pid INTEGER;
    ALTER TABLE lease ADD COLUMN owner_start INTEGER;
    ALTER TABLE lease ADD COLUMN owner_boot TEXT;
    CREATE TABLE stream (epoch INTEGER NOT NULL) STRICT;
    INSERT INTO stream VALUES (0);",
    // 3: which directory a project's name belongs to. The numbers are those of the file system, as signed ones.
    "CREATE TABLE project (
        name TEXT NOT NULL PRIMARY KEY,
        root TEXT NOT NULL,
        device INTEGER NOT NULL,
        inode INTEGER NOT NULL,
        born_ns INTEGER
    ) STRICT, WITHOUT ROWID;",
    // 4: the process that `portlease run` started for a lease. `run_start` counts as `owner_start` does.
    "ALTER TABLE lease ADD COLUMN run_pid INTEGER;
    ALTER TABLE lease ADD COLUMN run_start INTEGER;
    ALTER TABLE lease ADD COLUMN run_boot TEXT;",
    // 5: for how long a root is gone. `since_ms` counts from the start of the machine that the boot id names.
    "CREATE TABLE absence (
        root TEXT NOT NULL PRIMARY KEY,
        counted_ms INTEGER NOT NULL,
        since_ms INTEGER NOT NULL,
        boot TEXT NOT NULL
    ) STRICT, WITHOUT ROWID;",
    // 6: what the owner was called when it asked, and how long a lease lives on without it.
    "ALTER TABLE lease ADD COLUMN owner_command TEXT;
    ALTER TABLE lease ADD COLUMN after_s INTEGER;",
    // 7: no index of ids, which nobody looks leases up by: a third of what a new lease wrote. SQLite drops
    // no such index, so the table is made anew.
    "CREATE TABLE lease_anew (
        project TEXT NOT NULL,
        service TEXT NOT NULL,
        id TEXT NOT NULL,
        port INTEGER NOT NULL UNIQUE CHECK (port BETWEEN 1 AND 65535),
        protocol TEXT NOT NULL,
        root TEXT,
        labels TEXT NOT NULL,
        created_ms INTEGER NOT NULL,
        renewed_ms INTEGER NOT NULL,
        hold INTEGER NOT NULL DEFAULT 0,
        ttl_s INTEGER,
        until_ms INTEGER,
        until_boot TEXT,
        expires_ms INTEGER,
        owner_pid INTEGER,
        owner_start INTEGER,
        owner_boot TEXT,
        run_pid INTEGER,
        run_start INTEGER,
        run_boot TEXT,
        owner_command TEXT,
        after_s INTEGER,
        PRIMARY KEY (project, service)
    ) STRICT, WITHOUT ROWID;
    INSERT INTO lease_anew SELECT project, service, id, port, protocol, root, labels, created_ms, renewed_ms,
        hold, ttl_s, until_ms, until_boot, expires_ms, owner_pid, owner_start, owner_boot,
        run_pid, run_start, run_boot, owner_command, after_s FROM lease;
    DROP TABLE lease;
    ALTER TABLE lease_anew RENAME TO lease;",
];

/// The latest format.
pub(super) const KNOWN: u32 = MIGRATIONS.len() as u32;

/// Brings a database from its format to the latest, step by step, in one
/// transaction.
pub(super) fn migrate(connection: &mut Connection) -> Result<(), StoreError> {
    let transaction = connection.transaction_with_behavior(rusqlite::TransactionBehavior::Immediate)?;
    let from: u32 = transaction.pragma_query_value(None, "user_version", |row| row.get(0))?;
    if from == KNOWN {
        return Ok(());
    }
    for step in MIGRATIONS.iter().skip(from as usize) {
        transaction.execute_batch(step)?;
    }
    transaction.pragma_update(None, "application_id", APPLICATION_ID)?;
    transaction.pragma_update(None, "user_version", KNOWN)?;
    transaction.commit()?;
    Ok(())
}
