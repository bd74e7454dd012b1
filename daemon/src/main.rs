//! `portleased`: the daemon alone, in the foreground. `portlease daemon` is the
//! same.

use anyhow::Context;
use portleased::{daemon, log, paths};

fn main() -> anyhow::Result<()> {
    log::init();
    let paths = paths::from_env().context("there is no home directory: set HOME or PORTLEASE_HOME")?;
    let options = daemon::Options { paths, detach: false, compat: Default::default() };
    daemon::run(&options, |_ready| {})?;
    Ok(())
}
