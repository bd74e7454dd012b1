//! `portlease open`

use std::{
    io,
    os::unix::process::CommandExt,
    path::Path,
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
    let browsers = std::env::var_os("BROWSER").unwrap_or_default();
    let browsers = browsers.to_string_lossy();
    for browser in browsers.split(':').filter(|browser| !browser.is_empty()).chain(OPENERS.iter().copied()) {
        let Some((program, args)) = command_line(browser, &lease.url) else {
            output::note(&format!("BROWSER: a quotation mark is missing in {browser}"));
            continue;
        };
        match start_browser(&program, &args) {
            Ok(()) => return Ok(()),
            Err(error) if error.kind() == io::ErrorKind::NotFound => {}
            Err(error) => return Err(Failure::new(Exit::Failed, format!("{program}: {error}"))),
        }
    }
    output::note("there is no browser to open it in: BROWSER names none");
    output::value(&lease.url);
    Ok(())
}

/// A program and its arguments, the URL in the place of `%s` or after them; none
/// if what is quoted does not end.
fn command_line(browser: &str, url: &str) -> Option<(String, Vec<String>)> {
    // A file's name may have blanks.
    if browser.contains('/') && Path::new(browser).is_file() {
        return Some((browser.to_owned(), vec![url.to_owned()]));
    }
    let mut words = shlex::split(browser)?.into_iter();
    let program = words.next().unwrap_or_default();
    let args: Vec<String> = words.collect();
    let takes_it = args.iter().any(|arg| arg.contains("%s"));
    let args = args.iter().map(|arg| arg.replace("%s", url));
    Some((program, args.chain((!takes_it).then(|| url.to_owned())).collect()))
}

/// It goes on without us, and says nothing here.
fn start_browser(program: &str, args: &[String]) -> io::Result<()> {
    let mut command = Command::new(program);
    command.args(args).stdin(Stdio::null()).stdout(Stdio::null()).stderr(Stdio::null());
    command.process_group(0).spawn().map(drop)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn where_the_url_goes() {
        for (browser, expected) in [
            ("firefox", "firefox|U"),
            ("firefox -P 'my work' --new-tab", "firefox|-P|my work|--new-tab|U"),
            ("chromium --app=%s", "chromium|--app=U"),
            ("open -a Safari %s -g", "open|-a|Safari|U|-g"),
            ("sh -c 'x \"$0\"' %s", "sh|-c|x \"$0\"|U"),
        ] {
            let (program, args) = command_line(browser, "U").unwrap();
            assert_eq!([vec![program], args].concat().join("|"), expected, "{browser}");
        }
        assert_eq!(command_line("firefox 'a", "U"), None);
    }

    #[test]
    fn a_file_with_a_blank_in_its_name_is_one_word() {
        let temp = tempfile::tempdir().unwrap();
        let path = temp.path().join("my browser");
        std::fs::File::create(&path).unwrap();
        let path = path.to_str().unwrap();
        assert_eq!(command_line(path, "U"), Some((path.to_owned(), vec!["U".to_owned()])));
    }
}
