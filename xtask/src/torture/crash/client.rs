//! One client: it does what a seed tells it, and writes down what it was told.

use std::{
    collections::BTreeSet,
    process::{Child, Command, Stdio},
    sync::atomic::{AtomicBool, Ordering},
    time::Duration,
};

use anyhow::{Result, bail, ensure};
use serde_json::{Value, json};

use super::{
    WINDOW,
    ledger::{Doubt, Known, Ledger},
    strangers::Strangers,
};
use crate::{
    clock,
    torture::{
        daemon::{self, POOL},
        http::{Answer, Connection},
        random::Random,
    },
};

/// For how long a stranger that went may explain that a lease has moved.
const LATELY: Duration = Duration::from_secs(10);
const TTL_S: usize = 3;

/// One client.
pub(crate) struct Client {
    /// What its projects' names begin with.
    pub(crate) prefix: String,
    pub(crate) ledger: Ledger,
    pub(crate) counts: Counts,
    root: String,
    owner: Option<Child>,
    random: Random,
}

/// What came of it.
#[derive(Debug, Clone, Copy, Default)]
pub(crate) struct Counts {
    /// Leases granted anew, or moved.
    pub(crate) granted: u64,
    pub(crate) moved: u64,
    /// All answers that were no refusal.
    pub(crate) answered: u64,
    pub(crate) refused: u64,
    pub(crate) owners: u64,
}

/// What the clients of one round share.
pub(crate) struct Round<'a> {
    pub(crate) strangers: &'a Strangers,
    /// Set before the daemon is killed.
    pub(crate) stop: &'a AtomicBool,
}

impl Client {
    pub(crate) fn new(number: usize, root: String, random: Random) -> Self {
        let prefix = format!("c{number}-");
        Self { prefix, ledger: Ledger::default(), counts: Counts::default(), root, owner: None, random }
    }

    /// Asks until the daemon is gone.
    pub(crate) fn work(&mut self, mut connection: Connection, round: &Round<'_>) -> Result<()> {
        while !round.stop.load(Ordering::SeqCst) {
            if let Err(error) = self.step(&mut connection, round) {
                let broke = error.is::<Broke>();
                return if broke && round.stop.load(Ordering::SeqCst) { Ok(()) } else { Err(error) };
            }
        }
        Ok(())
    }

    fn step(&mut self, connection: &mut Connection, round: &Round<'_>) -> Result<()> {
        match self.random.below(100) {
            0..35 => {
                let name = format!("{}p{}/web", self.prefix, self.random.below(12));
                let body = json!({"root": self.root});
                self.get(connection, round, &name, &body, None)
            }
            35..47 => {
                // In a row of few ports, where strangers are.
                let port = usize::from(POOL.0) + self.random.below(WINDOW);
                let name = format!("{}x{}/web", self.prefix, self.random.below(8));
                let wish = if self.random.below(2) == 0 { "port" } else { "prefer" };
                let body = json!({wish: port, "reset": wish == "port", "root": self.root});
                self.get(connection, round, &name, &body, None)
            }
            47..57 => {
                let seconds = 1 + self.random.below(TTL_S);
                let name = format!("{}t{}/web", self.prefix, self.random.below(6));
                let ttl = Duration::from_secs(seconds as u64);
                self.get(connection, round, &name, &json!({"ttl_s": seconds}), Some(ttl))
            }
            57..67 => {
                let name = format!("{}o{}/web", self.prefix, self.random.below(6));
                let body = json!({"owner_pid": self.owner()?});
                self.get(connection, round, &name, &body, None)
            }
            67..75 => self.renew(connection),
            75..83 => self.release(connection),
            83..95 => self.batch(connection, round),
            95..99 => self.release_project(connection),
            _ => self.end_owner(),
        }
    }

    /// A process that does nothing but live.
    fn owner(&mut self) -> Result<u32> {
        if let Some(owner) = &self.owner {
            return Ok(owner.id());
        }
        let owner = Command::new("cat").stdin(Stdio::piped()).stdout(Stdio::null()).spawn()?;
        Ok(self.owner.insert(owner).id())
    }

    /// Its leases end with it. The daemon may be told a little later, but after
    /// its next start it has to know.
    fn end_owner(&mut self) -> Result<()> {
        let Some(mut owner) = self.owner.take() else { return Ok(()) };
        owner.kill()?;
        owner.wait()?;
        self.counts.owners += 1;
        let prefix = format!("{}o", self.prefix);
        self.ledger.leases.retain(|name, _| !name.starts_with(&prefix));
        Ok(())
    }

    fn ask(
        &mut self,
        connection: &mut Connection,
        method: &str,
        target: &str,
        body: &Value,
        doubt: Doubt,
    ) -> Result<Answer> {
        self.ledger.doubt = Some(doubt);
        let answer =
            connection.ask(method, target, body).map_err(|error| anyhow::Error::new(Broke(error)))?;
        self.ledger.doubt = None;
        ensure!(answer.status < 500, "{method} {target} {body}: {answer:?}");
        if answer.is_success() {
            self.counts.answered += 1;
        } else {
            self.counts.refused += 1;
        }
        Ok(answer)
    }

    fn get(
        &mut self,
        connection: &mut Connection,
        round: &Round<'_>,
        name: &str,
        body: &Value,
        ttl: Option<Duration>,
    ) -> Result<()> {
        let asked = clock::now();
        let doubt = Doubt::Get(name.to_owned(), ttl.map(|ttl| (asked, ttl)));
        let answer = self.ask(connection, "PUT", &format!("/v1/leases/{name}"), body, doubt)?;
        if answer.is_success() {
            self.note(&answer.body, round, asked, ttl, body["reset"] == true)?;
        }
        Ok(())
    }

    /// Writes a lease down, and checks that it could be given.
    fn note(
        &mut self,
        lease: &Value,
        round: &Round<'_>,
        asked: std::time::Instant,
        ttl: Option<Duration>,
        reset: bool,
    ) -> Result<()> {
        let (name, id, port) = daemon::of(lease)?;
        let before = self.ledger.leases.get(&name);
        if before.is_none_or(|before| before.port != port) {
            ensure!(
                !round.strangers.has_had(port, asked),
                "G: {port} was granted while a stranger had it: {lease}"
            );
            self.counts.granted += 1;
        }
        if let Some(before) = before {
            let kept = before.port == port && before.id == id;
            let over = before.term.is_some_and(|(earliest, _)| earliest <= clock::now());
            let moved = lease["changed"]["from"] == before.port && round.strangers.had(before.port, LATELY);
            self.counts.moved += u64::from(moved);
            ensure!(
                kept || over || moved || reset,
                "A: {name} was on {} ({}): {lease}",
                before.port,
                before.id
            );
        }
        // A term that has more than half of its time left goes on.
        let anew = ttl.map(|ttl| (asked + ttl, clock::now() + ttl));
        let term = match (before.filter(|before| before.id == id).and_then(|before| before.term), anew) {
            (Some(before), Some(anew)) => Some((before.0.min(anew.0), before.1.max(anew.1))),
            (_, anew) => anew,
        };
        self.ledger.leases.insert(name, Known { id, port, term });
        Ok(())
    }

    fn some_lease(&mut self, kind: &str) -> Option<String> {
        let prefix = format!("{}{kind}", self.prefix);
        let names: Vec<String> =
            self.ledger.leases.keys().filter(|name| name.starts_with(&prefix)).cloned().collect();
        self.random.one(&names).cloned()
    }

    fn renew(&mut self, connection: &mut Connection) -> Result<()> {
        let Some(name) = self.some_lease("t") else { return Ok(()) };
        let asked = clock::now();
        let seconds = 1 + self.random.below(TTL_S);
        let ttl = Duration::from_secs(seconds as u64);
        let target = format!("/v1/leases/{name}/renew");
        let answer = self.ask(
            connection,
            "POST",
            &target,
            &json!({"ttl_s": seconds}),
            Doubt::Get(name.clone(), Some((asked, ttl))),
        )?;
        let Some(known) = self.ledger.leases.get_mut(&name) else { return Ok(()) };
        match answer.status {
            200 => known.term = Some((asked + ttl, clock::now() + ttl)),
            404 => {
                let over = known.term.is_some_and(|(earliest, _)| earliest <= clock::now());
                ensure!(over, "C: {name} ended before its time");
                self.ledger.leases.remove(&name);
            }
            _ => bail!("a renewal was answered by {answer:?}"),
        }
        Ok(())
    }

    fn release(&mut self, connection: &mut Connection) -> Result<()> {
        let Some(name) = self.some_lease("") else { return Ok(()) };
        self.give_back(connection, &format!("/v1/leases/{name}"), BTreeSet::from([name]))
    }

    fn release_project(&mut self, connection: &mut Connection) -> Result<()> {
        let Some(name) = self.some_lease("b") else { return Ok(()) };
        let project = name.split('/').next().unwrap_or_default();
        let of_it = |name: &&String| name.strip_prefix(project).is_some_and(|rest| rest.starts_with('/'));
        let names = self.ledger.leases.keys().filter(of_it).cloned().collect();
        self.give_back(connection, &format!("/v1/leases/{project}"), names)
    }

    fn give_back(
        &mut self,
        connection: &mut Connection,
        target: &str,
        names: BTreeSet<String>,
    ) -> Result<()> {
        let answer = self.ask(connection, "DELETE", target, &Value::Null, Doubt::Release(names.clone()))?;
        let over = |name: &String| {
            let known = self.ledger.leases.get(name);
            known.is_some_and(|known| known.term.is_some_and(|(earliest, _)| earliest <= clock::now()))
        };
        ensure!(answer.is_success() || names.iter().all(over), "A: {names:?} were answered: {answer:?}");
        self.ledger.leases.retain(|name, _| !names.contains(name));
        Ok(())
    }

    fn batch(&mut self, connection: &mut Connection, round: &Round<'_>) -> Result<()> {
        let project = format!("{}b{}", self.prefix, self.random.below(6));
        let services = 2 + self.random.below(6);
        let names: BTreeSet<String> = (0..services).map(|i| format!("{project}/s{i}")).collect();
        let each: serde_json::Map<String, Value> =
            (0..services).map(|i| (format!("s{i}"), json!({}))).collect();
        let asked = clock::now();
        let contiguous =
            self.random.below(4) == 0 && self.ledger.leases.keys().all(|name| !names.contains(name));
        let body = json!({"services": each, "contiguous": contiguous, "root": self.root});
        let answer =
            self.ask(connection, "PUT", &format!("/v1/projects/{project}"), &body, Doubt::Batch(names))?;
        if answer.is_success() {
            let leases = answer.body["leases"].as_array().map(Vec::as_slice).unwrap_or_default();
            ensure!(leases.len() >= services, "D: {services} were asked for: {answer:?}");
            for lease in leases {
                self.note(lease, round, asked, None, false)?;
            }
        }
        Ok(())
    }
}

impl Drop for Client {
    fn drop(&mut self) {
        let _as_far_as_it_goes = self.end_owner();
    }
}

/// The connection broke in the midst of a request.
#[derive(Debug)]
struct Broke(anyhow::Error);

impl std::fmt::Display for Broke {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        write!(f, "the daemon is gone before it was killed: {:#}", self.0)
    }
}

impl std::error::Error for Broke {}
