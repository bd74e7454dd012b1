//! What `portlease run` starts, with real processes: own, found, forgotten.

use serde_json::{Value, json};

use crate::{server::TestServer, support::run::Run};

fn states(server: &TestServer, name: &str) -> (String, Value, Value) {
    let lease = server.get(&format!("/v1/leases/{name}")).json(200);
    (lease["state"].as_str().unwrap().to_owned(), lease["run_pid"].clone(), lease["real_port"].clone())
}

#[test]
fn what_a_run_started_is_its_own_though_it_lost_its_parent() {
    let server = TestServer::start();
    let (port, root) = (server.ports.at(0), server.dir().canonicalize().unwrap());
    server.put("myapp/web", &json!({"port": port, "root": root}).to_string()).json(201);
    let mut run = Run::serving(port);
    assert_eq!(states(&server, "myapp/web").0, "taken", "it runs outside of the root");
    let lease = server.put("myapp/web", &json!({"run_pid": run.pid()}).to_string()).json(200);
    assert_eq!((&lease["state"], &lease["run_pid"]), (&json!("bound"), &json!(run.pid())));
    assert_eq!(states(&server, "myapp/web").0, "bound");
    // A second server of the same run needs no parent, either; another run has no part in it.
    let other = Run::serving(server.ports.at(1));
    server
        .put("myapp/api", &json!({"port": server.ports.at(2), "run_pid": other.pid()}).to_string())
        .json(201);
    assert_eq!(states(&server, "myapp/web").0, "bound");

    let mut events = server.events("/v1/events?project=myapp", "").started();
    run.end_first();
    let message = events.until(|message| message.data["service"] == "web");
    assert_eq!(message.event, "lease.changed");
    let (state, run_pid, _) = states(&server, "myapp/web");
    assert_eq!((state.as_str(), run_pid), ("taken", Value::Null), "the lease is there, and its run is not");
}

#[test]
fn an_app_that_listens_elsewhere_is_found_and_told_of() {
    let server = TestServer::start();
    let (port, other) = (server.ports.at(0), server.ports.at(1));
    let mut events = server.events("/v1/events", "").started();
    let run = Run::serving(other);
    server.put("myapp/web", &json!({"port": port, "run_pid": run.pid()}).to_string()).json(201);
    events.expect("lease.granted");
    assert_eq!(events.expect("lease.changed").data["service"], "web");
    assert_eq!(states(&server, "myapp/web"), ("reserved".to_owned(), json!(run.pid()), json!(other)));
    assert_eq!(server.list()["leases"][0]["real_port"], other);
    assert_eq!(server.get(&format!("/v1/ports/{port}")).json(200)["lease"]["real_port"], other);
    let again = server.put("myapp/web", &json!({"run_pid": run.pid()}).to_string()).json(200);
    assert_eq!(again["real_port"], other);
    drop(run);
    events.expect("lease.changed");
    assert_eq!(states(&server, "myapp/web"), ("reserved".to_owned(), Value::Null, Value::Null));
}

#[test]
fn what_is_no_run_is_refused() {
    let server = TestServer::start();
    let pid = u32::MAX;
    let problem = server
        .refused(422, "invalid_request", || server.put("myapp/web", &json!({"run_pid": pid}).to_string()));
    assert_eq!(
        problem["detail"],
        format!("process {pid} is not one that was started for a lease: there is no such process")
    );
    let (send, tid) = std::sync::mpsc::channel();
    let (stop, stopped) = std::sync::mpsc::channel::<()>();
    let thread = std::thread::spawn(move || {
        send.send(rustix::thread::gettid().as_raw_nonzero().get()).unwrap();
        let _dropped = stopped.recv();
    });
    let body = json!({"services": {"web": {}}, "run_pid": tid.recv().unwrap()}).to_string();
    server.refused(422, "invalid_request", || server.ask("PUT", "/v1/projects/myapp", &body));
    drop(stop);
    thread.join().unwrap();
}
