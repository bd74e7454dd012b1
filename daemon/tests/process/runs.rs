//! What `portlease run` started, across kill -9.

use rustix::io::Errno;
use serde_json::{Value, json};

use crate::{
    daemon::{Daemon, Home},
    support::{plain::listen_plainly, run::Run},
};

fn get(daemon: &mut Daemon<'_>, name: &str, body: &Value) -> Value {
    daemon.ask("PUT", &format!("/v1/leases/{name}"), &body.to_string()).json(201)
}

fn show(daemon: &mut Daemon<'_>, name: &str) -> Value {
    daemon.ask("GET", &format!("/v1/leases/{name}"), "").json(200)
}

#[test]
fn a_killed_daemon_knows_runs_and_forgets_those_that_ended_meanwhile() {
    let home = Home::new();
    let mut daemon = home.start();
    let (lives, mut dies) = (Run::serving(home.ports.at(0)), Run::serving(home.ports.at(1)));
    get(&mut daemon, "a/lives", &json!({"port": home.ports.at(2), "run_pid": lives.pid()}));
    get(&mut daemon, "a/dies", &json!({"port": home.ports.at(3), "run_pid": dies.pid()}));
    daemon.kill();
    // What it started lives on, and is nobody's.
    dies.end_first();

    let mut daemon = home.start();
    let dead = show(&mut daemon, "a/dies");
    assert_eq!((&dead["run_pid"], &dead["port"]), (&Value::Null, &json!(home.ports.at(3))));
    assert_eq!(show(&mut daemon, "a/lives")["run_pid"], lives.pid());
    let mut events = daemon.events("").started();
    drop(lives);
    let message = events.until(|message| message.data["service"] == "lives");
    assert_eq!(message.event, "lease.changed");
    assert_eq!(show(&mut daemon, "a/lives")["run_pid"], Value::Null);
}

#[test]
fn a_killed_daemon_holds_again_what_no_run_is_to_have() {
    let home = Home::new();
    let mut daemon = home.start();
    let mut run = Run::serving(home.ports.at(0));
    let (held, run_for) = (home.ports.at(1), home.ports.at(2));
    get(&mut daemon, "a/held", &json!({"port": held, "hold": true}));
    get(&mut daemon, "a/run", &json!({"port": run_for, "hold": true, "run_pid": run.pid()}));
    daemon.kill();
    listen_plainly(held).expect("it went with its daemon");

    let daemon = home.start();
    assert_eq!(listen_plainly(held).unwrap_err(), Errno::ADDRINUSE);
    listen_plainly(run_for).expect("the run still lives");
    daemon.kill();
    run.end_first();

    let mut daemon = home.start();
    assert_eq!(show(&mut daemon, "a/run")["run_pid"], Value::Null);
    assert_eq!(listen_plainly(run_for).unwrap_err(), Errno::ADDRINUSE);
}
