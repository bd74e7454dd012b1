//! `portlease open`

use std::{
    ffi::OsString,
    io,
    os::unix::process::CommandExt,
    process::{Command, Stdio},
};

use portlease_proto::{Lease, LeaseState, Paths, Protocol};

use super::{settled::settled, whose::whose};
use crate::{
    args::OpenArgs,
    exit::{Exit, Failure},
    output, start,
};

/// What opens a URL on this system, if it is there.
const OPENERS: &[&str] = if cfg!(target_os = "macos") { &["open"] } else { &["xdg-open"] };

pub(crate) async fn open(paths: &Paths, args: &OpenArgs) -> Result<(), Failure> {
    let whose = whose(&args.names, &[], "open")?;
    let (project, service) = (settled(paths, &whose).await?, whose.service.unwrap_or_default());
    let lease = start::ask(paths, async |client| client.show(&project, &service).await).await?;
    if lease.protocol == Protocol::Udp {
        let message = format!("{project}/{service} is UDP: no browser opens {}", lease.url);
        return Err(Failure::new(Exit::Failed, message));
    }
    if lease.state != LeaseState::Bound {
        output::note(&format!("{project}/{service} is {}", lease.standing()));
    }
    browse(&lease)
}

fn browse(lease: &Lease) -> Result<(), Failure> {
    let browsers = std::env::var_os("BROWSER").filter(|browsers| !browsers.is_empty());
    let chosen = browsers.iter().flat_map(|list| std::env::split_paths(list)).map(OsString::from);
    for program in chosen.chain(OPENERS.iter().map(OsString::from)) {
        match start_browser(&program, &lease.url) {
            Ok(()) => return Ok(()),
            Err(error) if error.kind() == io::ErrorKind::NotFound => {}
            Err(error) => return Err(Failure::new(Exit::Failed, format!("{}: {error}", program.display()))),
        }
    }
    output::note("there is no browser to open it in: BROWSER names none");
    output::value(&lease.url);
    Ok(())
}

/// It goes on without us, and says nothing here.
fn start_browser(program: &OsString, url: &str) -> io::Result<()> {
    let mut command = Command::new(program);
    command.arg(url).stdin(Stdio::null()).stdout(Stdio::null()).stderr(Stdio::null());
    command.process_group(0).spawn().map(drop)
}
