//! Registries of every earlier format, opened by a daemon that is killed while
//! it does so: whatever it comes to, no lease of theirs is lost.

use std::{fs::File, io::Write, path::Path, time::Duration};

use anyhow::{Context, Result, ensure};
use rusqlite::{Connection, OpenFlags};

use crate::{
    clock,
    torture::{
        daemon::{Home, Leases},
        random::Random,
    },
};

const FORMATS: [&[u8]; 6] = [
    include_bytes!("../../../../daemon/src/store/formats/1.db"),
    include_bytes!("../../../../daemon/src/store/formats/2.db"),
    include_bytes!("../../../../daemon/src/store/formats/3.db"),
    include_bytes!("../../../../daemon/src/store/formats/4.db"),
    include_bytes!("../../../../daemon/src/store/formats/5.db"),
    include_bytes!("../../../../daemon/src/store/formats/6.db"),
];

#[derive(Default)]
pub(super) struct Migration {
    pub(super) killed: u64,
}

impl Migration {
    pub(super) fn cycle(&mut self, program: &Path, random: &mut Random) -> Result<()> {
        let home = Home::new(program)?;
        let bytes = random.one(&FORMATS).copied().unwrap_or(FORMATS[0]);
        File::create(home.path("registry.db"))?.write_all(bytes)?;
        let before = lasting(&home.path("registry.db"))?;
        for _ in 0..4 {
            let daemon = home.spawn(&[])?;
            clock::pause(Duration::from_micros(random.below(40_000) as u64));
            daemon.kill().with_context(|| home.log())?;
            self.killed += 1;
        }
        let (daemon, _) = home.start_soon()?;
        let now = home.leases()?;
        for (name, lease) in &before {
            ensure!(now.get(name) == Some(lease), "A: {name} was {lease:?}, and is {:?}", now.get(name));
        }
        daemon.kill()
    }
}

/// The leases that do not end by themselves: those with a term or an owner may
/// be over since the file was made.
fn lasting(path: &Path) -> Result<Leases> {
    let registry = Connection::open_with_flags(path, OpenFlags::SQLITE_OPEN_READ_ONLY)?;
    let may_end = registry.prepare("SELECT ttl_s, owner_pid FROM lease").is_ok();
    let only = if may_end { "WHERE ttl_s IS NULL AND owner_pid IS NULL" } else { "" };
    let mut rows =
        registry.prepare(&format!("SELECT project || '/' || service, id, port FROM lease {only}"))?;
    let leases = rows.query_map([], |row| Ok((row.get(0)?, (row.get(1)?, row.get(2)?))))?;
    let leases = leases.collect::<Result<Leases, _>>()?;
    ensure!(!leases.is_empty(), "a registry of no leases shows nothing");
    Ok(leases)
}
