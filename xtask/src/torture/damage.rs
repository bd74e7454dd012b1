//! A real registry, damaged at random. The real daemon opens it with every
//! lease that can be read, or puts it aside and says so; it never ends, and
//! never forgets in silence.

use std::{
    fs::{self, File},
    io::{ErrorKind, Write},
    path::Path,
    time::Duration,
};

use anyhow::{Context, Result, ensure};
use serde_json::{Value, json};

use super::{
    Fire,
    daemon::{Home, Leases},
    random::Random,
};
use crate::clock;

/// The index of the log is not damaged: it is as the killed daemon left it.
const NAMES: [&str; 3] = ["registry.db", "registry.db-wal", "registry.db-shm"];
const PAGE: usize = 4096;
/// A flipped bit in a row that still makes sense cannot be told: that row, or
/// the one that it now says it is, and another one of the same page at most.
const MISREAD: usize = 2;

/// The bytes of a registry, of its log and of the log's index.
type Files = [Vec<u8>; 3];

/// What became of the damaged registries.
#[derive(Debug, Default)]
struct Seen {
    whole: u64,
    with_notice: u64,
    put_aside: u64,
    refused: u64,
    misread: u64,
}

pub(super) fn run(fire: &mut Fire<'_>) -> Result<Value> {
    let home = Home::new(fire.program)?;
    let (files, before) = grown(&home, "p")?;
    let (foreign, _) = grown(&Home::new(fire.program)?, "q")?;
    let mut seen = Seen::default();
    for number in 0..fire.cycles {
        let mut damaged = files.clone();
        let what = damage(&mut damaged, &foreign, &mut fire.random);
        clear(&home)?;
        for (name, bytes) in NAMES.iter().zip(&damaged) {
            File::create(home.path(name))?.write_all(bytes)?;
        }
        judge(&home, &before, &mut seen)
            .with_context(|| format!("{what}, number {number}: {}", home.log()))?;
    }
    let Seen { whole, with_notice, put_aside, refused, misread } = seen;
    Ok(json!({
        "opened_whole": whole,
        "opened_with_a_notice": with_notice,
        "put_aside": put_aside,
        "refused_as_newer": refused,
        "opened_with_a_row_misread": misread,
    }))
}

/// A registry of which half is in the log: the daemon was killed.
fn grown(home: &Home, prefix: &str) -> Result<(Files, Leases)> {
    let put = |i: usize| -> Result<()> {
        let body = json!({"labels": {"of": format!("{prefix}{i}")}, "root": "/"});
        let answer = home.ask("PUT", &format!("/v1/leases/{prefix}{i}/web"), &body)?;
        ensure!(answer.status == 201, "{answer:?}");
        Ok(())
    };
    let (daemon, _) = home.start()?;
    for i in 0..60 {
        put(i)?;
    }
    daemon.kill()?;
    let (daemon, _) = home.start()?;
    for i in 60..120 {
        put(i)?;
    }
    let leases = home.leases()?;
    // Before it moves them from the log.
    daemon.kill()?;
    let read = |name: &str| fs::read(home.path(name)).context("the registry");
    let files = [read(NAMES[0])?, read(NAMES[1])?, read(NAMES[2])?];
    ensure!(files.iter().all(|bytes| bytes.len() > PAGE), "nothing in the file or in the log");
    Ok((files, leases))
}

fn clear(home: &Home) -> Result<()> {
    home.clear_log()?;
    for entry in fs::read_dir(home.path(""))? {
        let path = entry?.path();
        if path.file_name().is_some_and(|name| name.to_string_lossy().starts_with("registry.db")) {
            fs::remove_file(path)?;
        }
    }
    Ok(())
}

fn damage(files: &mut Files, foreign: &Files, random: &mut Random) -> String {
    let which = random.below(2);
    let length = files[which].len();
    let page = random.below(length / PAGE) * PAGE;
    match random.below(7) {
        0..3 => {
            let at = if random.below(3) == 0 { random.below(100) } else { random.below(length) };
            files[which][at] ^= 1 << random.below(8);
            format!("a bit at {at} of {}", NAMES[which])
        }
        3 => {
            let length = random.below(length);
            files[which].truncate(length);
            format!("{} cut to {length}", NAMES[which])
        }
        4 => {
            files[which][page..page + PAGE].fill(0);
            format!("a page at {page} of {} zeroed", NAMES[which])
        }
        5 => {
            files[1].clone_from(&foreign[1]);
            "another registry's log".to_owned()
        }
        _ => {
            let other = random.below(length / PAGE) * PAGE;
            for i in 0..PAGE {
                files[which].swap(page + i, other + i);
            }
            format!("pages at {page} and {other} of {} swapped", NAMES[which])
        }
    }
}

fn judge(home: &Home, before: &Leases, seen: &mut Seen) -> Result<()> {
    let mut daemon = home.spawn(&[])?;
    let ready = clock::wait_for(Duration::from_secs(5), || {
        let ended = daemon.ended().ok().flatten().is_some();
        (ended || home.ask("GET", "/v1/health", &Value::Null).is_ok()).then_some(ended)
    });
    if ready.context("it neither answers nor ends")? {
        // The format's number itself was hit: as if a newer version had been here.
        ensure!(home.log().contains("newer portlease"), "it does not start");
        seen.refused += 1;
        return Ok(());
    }
    let health = home.ask("GET", "/v1/health", &Value::Null)?.body;
    let told = health["notices"].as_array().is_some_and(|notices| !notices.is_empty());
    let aside = any_aside(&home.path(""))?;
    ensure!(told == aside, "told {told}, kept aside {aside}: {health}");
    let now = home.leases()?;
    let same = before.iter().filter(|(name, lease)| now.get(*name) == Some(*lease)).count();
    match (told, same) {
        (false, same) if same == before.len() => seen.whole += 1,
        (false, same) if same + MISREAD >= before.len() => seen.misread += 1,
        (true, 0) => seen.put_aside += 1,
        (true, _) => seen.with_notice += 1,
        (false, same) => {
            anyhow::bail!("{} of {} leases were forgotten in silence", before.len() - same, before.len())
        }
    }
    if told {
        place(home, before)?;
    }
    daemon.kill()?;
    // What is there now is sound.
    let (daemon, _) = home.start()?;
    let notices = home.ask("GET", "/v1/health", &Value::Null)?.body["notices"].clone();
    ensure!(notices == json!([]), "it is put aside again: {notices}");
    daemon.kill()
}

/// Who asks again gets the same port again.
fn place(home: &Home, before: &Leases) -> Result<()> {
    for (name, (_, port)) in before.iter().take(3) {
        let answer = home.ask("PUT", &format!("/v1/leases/{name}"), &json!({}))?;
        ensure!(answer.is_success() && answer.body["port"] == *port, "{name} was on {port}: {answer:?}");
    }
    Ok(())
}

fn any_aside(directory: &Path) -> Result<bool> {
    let entries = match fs::read_dir(directory) {
        Err(error) if error.kind() == ErrorKind::NotFound => return Ok(false),
        entries => entries?,
    };
    let names = entries.filter_map(|entry| entry.ok()?.file_name().into_string().ok());
    Ok(names.into_iter().any(|name| name.contains(".damaged-")))
}
