//! Several commands at once find no daemon and start one, which is killed
//! meanwhile.

use std::{
    process::{Child, Stdio},
    time::Duration,
};

use anyhow::{Context, Result, ensure};

use super::ledger::{Doubt, Known, Ledger};
use crate::{
    clock,
    torture::{
        daemon::{self, Home},
        random::Random,
    },
};

pub(super) const PREFIX: &str = "cli";
const AT_ONCE: usize = 3;

#[derive(Default)]
pub(super) struct Race {
    pub(super) ledger: Ledger,
    pub(super) granted: u64,
}

impl Race {
    pub(super) fn cycle(&mut self, home: &Home, random: &mut Random) -> Result<()> {
        let project = format!("{PREFIX}{}", random.below(40));
        let begun = (0..AT_ONCE).map(|_| {
            let mut command = home.command(&[], &["get", &project, "--json"]);
            Ok(command.stdout(Stdio::piped()).stderr(Stdio::piped()).spawn()?)
        });
        let commands: Vec<Child> = begun.collect::<Result<_>>()?;
        let mut killed = 0;
        if random.below(3) > 0 {
            clock::pause(Duration::from_micros(random.below(120_000) as u64));
            killed = home.kill_all()?;
        }
        let name = format!("{project}/default");
        for command in commands {
            let output = command.wait_with_output()?;
            if output.status.success() {
                let lease = serde_json::from_slice(&output.stdout).context("what get --json says")?;
                self.note(&name, &daemon::of(&lease)?)?;
            } else {
                let said = String::from_utf8_lossy(&output.stderr);
                ensure!(killed > 0, "a command failed although nobody killed the daemon: {said}");
                self.ledger.doubt = Some(Doubt::Get(name.clone(), None));
            }
        }
        let alive = home.kill_all()?;
        ensure!(alive <= 1, "{alive} daemons serve one registry");
        Ok(())
    }

    fn note(&mut self, name: &str, lease: &(String, String, u16)) -> Result<()> {
        ensure!(lease.0 == name, "{name} was asked for: {lease:?}");
        let known = Known { id: lease.1.clone(), port: lease.2, term: None };
        match self.ledger.leases.get(name) {
            Some(before) => ensure!(
                (&before.id, before.port) == (&known.id, known.port),
                "A: {name} was {before:?}, and is {known:?}"
            ),
            None => self.granted += 1,
        }
        self.ledger.leases.insert(name.to_owned(), known);
        Ok(())
    }
}
