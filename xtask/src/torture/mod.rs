//! The real program under fire: it is started, asked, killed and looked at
//! from outside, and what it promises is checked.

mod crash;
mod daemon;
mod damage;
mod faults;
mod http;
mod load;
mod pids;
mod random;
mod soak;
mod start;

use std::{
    fs::File,
    io::Write,
    path::{Path, PathBuf},
    process::{Command, Stdio},
};

use anyhow::{Context, Result, bail, ensure};
use rustix::thread::{UnshareFlags, unshare_unsafe};
use serde_json::{Map, Value, json};

use crate::{clock, output};
use random::Random;

/// What to do, and how much of it.
#[derive(Debug, clap::Args)]
pub(crate) struct Args {
    /// What is done on each change (if nothing is said).
    #[arg(long, conflicts_with = "release")]
    each_change: bool,
    /// What is done before a release.
    #[arg(long)]
    release: bool,
    /// Only this part, or these.
    #[arg(long, value_name = "NAME")]
    only: Vec<String>,
    /// Repeat the decisions of an earlier run.
    #[arg(long)]
    seed: Option<u64>,
    /// How many rounds of each part, in place of its own number.
    #[arg(long)]
    cycles: Option<usize>,
    /// The program; if not given, the one beside this one.
    #[arg(long, value_name = "PATH")]
    program: Option<PathBuf>,
    /// Keep the figures here, as JSON.
    #[arg(long, value_name = "PATH")]
    report: Option<PathBuf>,
}

/// What a part is given.
pub(crate) struct Fire<'a> {
    program: &'a Path,
    random: Random,
    cycles: usize,
    /// Whether the figures of a release are asked for.
    release: bool,
}

/// One kind of trouble.
struct Part {
    name: &'static str,
    about: &'static str,
    /// Rounds on each change, and before a release.
    cycles: [usize; 2],
    root: bool,
    run: fn(&mut Fire<'_>) -> Result<Value>,
}

const PARTS: &[Part] = &[
    Part {
        name: "crash",
        about: "SIGKILL at any instant, under load",
        cycles: [300, 10_000],
        root: false,
        run: crash::run,
    },
    Part {
        name: "start",
        about: "SIGKILL with 10,000 leases",
        cycles: [3, 100],
        root: false,
        run: start::run,
    },
    Part {
        name: "faults",
        about: "disks, limits and clocks that fail",
        cycles: [1, 20],
        root: true,
        run: faults::run,
    },
    Part {
        name: "damage",
        about: "a registry whose bytes were changed",
        cycles: [100, 1000],
        root: false,
        run: damage::run,
    },
    Part {
        name: "pids",
        about: "a process that has the number of one that is to be stopped",
        cycles: [20, 1000],
        root: true,
        run: pids::run,
    },
    Part {
        name: "load",
        about: "1,000 leases, 200 idle and 64 slow connections, a round a second",
        cycles: [30, 600],
        root: false,
        run: load::run,
    },
    Part {
        name: "soak",
        about: "ordinary use at a steady rate, a round a second",
        cycles: [5, 7200],
        root: false,
        run: soak::run,
    },
];

/// Runs the parts that were asked for.
///
/// # Errors
/// The first promise that was not kept, with the seed.
pub(crate) fn run(args: &Args) -> Result<()> {
    let unknown = args.only.iter().find(|name| PARTS.iter().all(|part| part.name != **name));
    if let Some(name) = unknown {
        let names: Vec<_> = PARTS.iter().map(|part| part.name).collect();
        bail!("there is no part {name:?}; there are {}", names.join(", "));
    }
    let program = program(args.program.as_deref())?;
    let is_root = rustix::process::geteuid().is_root();
    if is_root {
        leave_namespaces()?;
    }
    let seed = args.seed.unwrap_or_else(clock::seed);
    output::note(&format!("{} with seed {seed}", program.display()));
    let mut figures = Map::new();
    for part in PARTS.iter().filter(|part| args.only.is_empty() || args.only.iter().any(|n| n == part.name)) {
        let cycles = args.cycles.unwrap_or(part.cycles[usize::from(args.release)]);
        if part.root && !is_root {
            output::note(&format!("{}: skipped, it needs root", part.name));
            continue;
        }
        if cycles == 0 {
            continue;
        }
        output::note(&format!("{}: {}, {cycles} rounds", part.name, part.about));
        let begun = clock::now();
        let mut fire = Fire { program: &program, random: Random::new(seed), cycles, release: args.release };
        let found = (part.run)(&mut fire).with_context(|| {
            format!(
                "{}: repeat with cargo xtask torture --only {} --seed {seed} --cycles {cycles}",
                part.name, part.name
            )
        })?;
        let seconds = (begun.elapsed().as_secs_f64() * 10.0).round() / 10.0;
        output::value(&format!("{}: {found} in {seconds} s", part.name));
        figures.insert(part.name.to_owned(), json!({"rounds": cycles, "seconds": seconds, "figures": found}));
    }
    if let Some(path) = &args.report {
        let report = json!({
            "date": clock::date(), "seed": seed, "program": build(&program), "machine": machine(), "parts": figures,
        });
        writeln!(File::create(path)?, "{report:#}")?;
    }
    Ok(())
}

/// The program that was built together with this one.
fn program(given: Option<&Path>) -> Result<PathBuf> {
    let path = match given {
        Some(path) => path.to_owned(),
        None => std::env::current_exe()?.with_file_name("portlease"),
    };
    path.canonicalize()
        .with_context(|| format!("{}: build it first: cargo build -p portlease", path.display()))
}

/// No socket of the machine is part of it, and no mount of ours is seen there.
#[expect(unsafe_code, reason = "only unsharing the file table can confuse Rust, and it stays shared")]
fn leave_namespaces() -> Result<()> {
    // SAFETY: the flags are not `FILES`.
    unsafe { unshare_unsafe(UnshareFlags::NEWNET | UnshareFlags::NEWNS) }?;
    run_quietly(Command::new("mount").args(["--make-rprivate", "/"]))?;
    run_quietly(Command::new("ip").args(["link", "set", "lo", "up"]))
}

/// Runs a command of the system, which must succeed.
fn run_quietly(command: &mut Command) -> Result<()> {
    let output = command.stdin(Stdio::null()).output().with_context(|| format!("{command:?}"))?;
    ensure!(output.status.success(), "{command:?}: {}", String::from_utf8_lossy(&output.stderr));
    Ok(())
}

/// Which build it is: debug builds check more and are slower.
fn build(program: &Path) -> String {
    let profile = program.parent().and_then(Path::file_name).unwrap_or_default();
    format!("{} build", profile.display())
}

fn machine() -> String {
    let uname = rustix::system::uname();
    let cores = std::thread::available_parallelism().map_or(0, std::num::NonZero::get);
    format!("Linux {}, {cores} cores", uname.release().to_string_lossy())
}
