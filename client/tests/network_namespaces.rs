//! Leases are of one network namespace: a registry serves one, and daemons that
//! share a network never grant a port twice, whatever else they do not share.
#![cfg(all(target_os = "linux", feature = "cli"))]
#![expect(clippy::unwrap_used, reason = "what does not work in a test fails it")]

#[path = "support/netns.rs"]
mod netns;
mod support;

use std::{
    collections::BTreeSet,
    os::unix::net::UnixStream,
    process::{Child, Stdio},
};

use rustix::process::Signal;

use netns::in_new_netns;
use support::{Home, Ran};

const EXE: &str = env!("CARGO_BIN_EXE_portlease");
const ELSEWHERE: &str = "another network namespace";

#[test]
#[ignore = "needs root: .ci/run runs it"]
fn one_registry_in_two_namespaces() {
    let home = Home::new(vec![EXE.into()], "");
    let (port, daemon) = in_new_netns(|| {
        let port = home.run(&["get", "app"]).port().unwrap();
        (port, home.run(&["status", "--json"]).json()["endpoint"]["pid"].to_string())
    });
    in_new_netns(|| {
        for (args, code) in [(["get", "app"], 69), (["daemon", "--json"], 1)] {
            let refused = home.run(&args);
            assert_eq!((refused.code, refused.stdout.as_str()), (code, ""), "{args:?}: {refused:?}");
            for part in [ELSEWHERE, &daemon, "PORTLEASE_HOME="] {
                assert!(refused.stderr.contains(part), "{args:?}: no {part:?}: {refused:?}");
            }
        }
        assert_eq!(home.daemons().len(), 1);
        home.kill(Signal::KILL);
        assert_eq!(home.run(&["get", "app"]).port(), Ok(port), "its leases go where its daemon goes");
    });
}

/// A daemon that shares nothing but the network and its own home.
struct Contained<'a>(Child, &'a Home);

impl<'a> Contained<'a> {
    fn start(home: &'a Home) -> Self {
        let mut command =
            home.command(&["--mount", "--pid", "--fork", "--kill-child", "--mount-proc", EXE, "daemon"]);
        let mut child = command.stdout(Stdio::null()).stderr(Stdio::null()).spawn().unwrap();
        while UnixStream::connect(home.dir().join("run/portlease.sock")).is_err() {
            assert_eq!(child.try_wait().unwrap(), None, "it ended");
            std::thread::yield_now();
        }
        Self(child, home)
    }

    fn run(&self, args: &[&str]) -> Ran {
        let mut command = self.1.command(&["--mount", EXE]);
        Ran::from(command.args(args).output().unwrap())
    }
}

impl Drop for Contained<'_> {
    fn drop(&mut self) {
        // Its own child goes with it.
        self.0.kill().unwrap();
        self.0.wait().unwrap();
    }
}

#[test]
#[ignore = "needs root: .ci/run runs it"]
fn a_container_that_shares_the_network_alone() {
    in_new_netns(|| {
        let config = "pool = \"21000-21099\"\n[limits]\nkept_percent = 0";
        let home = Home::new(vec![EXE.into()], config);
        let inner = Home::new(vec!["unshare".into()], config);
        let contained = Contained::start(&inner);
        let port = home.run(&["get", "app", "--port", "21005"]).port().unwrap();
        let refused = contained.run(&["get", "app", "--port", "21005"]);
        assert_eq!(refused.code, 4, "{refused:?}");
        let mut ports = BTreeSet::from([port]);
        for i in 0..20 {
            let name = format!("app{i}");
            for granted in [home.run(&["get", &name]), contained.run(&["get", &name])] {
                assert!(ports.insert(granted.port().unwrap()), "granted twice: {granted:?}");
            }
        }
        drop(contained);
    });
}
