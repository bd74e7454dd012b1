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
