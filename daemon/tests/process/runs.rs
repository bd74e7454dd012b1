//! What `portlease run` started, across kill -9.

use serde_json::{Value, json};

use crate::{
    daemon::{Daemon, Home},
    support::run::Run,
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
