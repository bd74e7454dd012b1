//! `portleased`: the daemon alone, in the foreground. `portlease daemon` is the
//! same.

use anyhow::Context;
use portleased::{config::Overrides, daemon, log, paths};

fn main() -> anyhow::Result<()> {
    log::init();
    let paths = paths::from_env().context("there is no home directory: set HOME or PORTLEASE_HOME")?;
    let overrides = Overrides::of_variables(|name| std::env::var_os(name))?;
    let options = daemon::Options { paths, detach: false, overrides, compat: Default::default() };
    daemon::run(&options, |_ready| {})?;
    Ok(())
}
