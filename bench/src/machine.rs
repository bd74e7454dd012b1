//! The machine: what it is, and what must be so before ports are counted on it.

use std::{fs, io::Write as _, thread};

use anyhow::{Context, Result, bail};
use rustix::process::{Resource, Rlimit, getrlimit, setrlimit};

use crate::clock;

const EPHEMERAL: &str = "/proc/sys/net/ipv4/ip_local_port_range";
/// Files that the daemon keeps for all but leases, and some more.
const SHARE: usize = 2048;

/// Date, kernel, processors and load, in one line.
pub(crate) fn described() -> String {
    let system = rustix::system::uname();
    let (name, release) = (system.sysname().to_string_lossy(), system.release().to_string_lossy());
    let processors = thread::available_parallelism().map_or(0, usize::from);
    let cpu = fs::read_to_string("/proc/cpuinfo").unwrap_or_default();
    let model = cpu.lines().find_map(|line| line.strip_prefix("model name")).unwrap_or_default();
    let model = model.trim_start_matches(['\t', ' ', ':']);
    let load = fs::read_to_string("/proc/loadavg").unwrap_or_default();
    let load: Vec<&str> = load.split(' ').take(2).collect();
    format!(
        "{}, {name} {release}, {processors} processors ({model}), load {} when it began",
        clock::today(),
        load.join(" and ")
    )
}

/// Says from which ports the kernel serves `bind(0)`. Only in a network of our
/// own: it is the setting of all that run in one.
pub(crate) fn set_ephemeral(first: u16, last: u16) -> Result<()> {
    let [ours, inits] = ["/proc/self/ns/net", "/proc/1/ns/net"].map(fs::read_link);
    if let (Ok(ours), Ok(inits)) = (ours, inits)
        && ours == inits
    {
        bail!("ports are counted in a network namespace of their own: bench/run makes one");
    }
    let set = || {
        fs::OpenOptions::new().write(true).open(EPHEMERAL)?.write_all(format!("{first} {last}").as_bytes())
    };
    set().with_context(|| format!("{EPHEMERAL} cannot be set: run this by bench/run"))
}

/// How many leases one daemon can have here, with what it starts allowed as many
/// open files as may be: each lease takes one, and connections have a share.
pub(crate) fn most_leases() -> Result<usize> {
    let limit = getrlimit(Resource::Nofile);
    setrlimit(Resource::Nofile, Rlimit { current: limit.maximum, maximum: limit.maximum })
        .context("the limit of open files cannot be raised")?;
    let files = usize::try_from(limit.maximum.unwrap_or(u64::MAX)).unwrap_or(usize::MAX);
    Ok(files.saturating_sub(SHARE))
}
