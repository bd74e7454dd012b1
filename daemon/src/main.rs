//! `portleased`: the daemon alone, in the foreground. `portlease daemon` is the
//! same.

use anyhow::Context;
use portleased::{daemon, log, paths};

fn main() -> anyhow::Result<()> {
    log::init();
    let paths = paths::from_env().context("there is no home directory: set HOME or PORTLEASE_HOME")?;
    daemon::run(&daemon::Options { paths, detach: false }, |_ready| {})?;
    Ok(())
}
