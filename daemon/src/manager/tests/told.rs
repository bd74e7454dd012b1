//! What was told of a port a moment ago, told again: only if it is still so.

use std::time::Duration;

use portlease_proto::{Parent, Port, PortReport};

use crate::{
    doubles::{Asked, Doubles, OUR_UID},
    manager::{Extent, Manager, known::FRESH},
    processes::{OpenSocket, Outline, Program, Trace},
    sockets::Transport,
};

const PORT: Port = Port::constant(3000);
const PARENT: u32 = 7;

/// A server that a shell has started.
fn started(doubles: &Doubles) -> OpenSocket {
    let open = doubles.serve(Transport::Tcp, PORT, OUR_UID, "/srv");
    let mut running = doubles.processes.running();
    let parents = vec![Parent { pid: PARENT, name: "zsh".to_owned() }];
    running.traces.insert(open.pid, Trace { parents, ..Trace::default() });
    let program = Program { started: 90, places: [1, 2, 3, 4] };
    let server = Outline { program, name: "node".to_owned(), parent: PARENT, stopped: false };
    running.outlines.insert(open.pid, server);
    running.outlines.insert(PARENT, Outline { name: "zsh".to_owned(), parent: 1, ..Outline::default() });
    running.outlines.insert(1, Outline { name: "init".to_owned(), ..Outline::default() });
    open
}

fn told(manager: &Manager) -> PortReport {
    manager.port(PORT, Extent::Serving).unwrap()
}

fn again(manager: &Manager) -> Option<PortReport> {
    manager.try_port(PORT, Extent::Serving).unwrap()
}

#[test]
fn it_takes_no_reading_that_could_wait() {
    let doubles = Doubles::default();
    let manager = doubles.manager();
    started(&doubles);
    assert_eq!(again(&manager), None, "nothing was told yet");
    let first = told(&manager);
    assert_eq!(first.holders[0].parents.len(), 1);
    let (readings, before) = (doubles.processes.running().readings, doubles.sockets.kernel().asked);
    assert_eq!(again(&manager), Some(first));
    assert_eq!(doubles.processes.running().readings, readings);
    let asked = Asked { probe: before.probe + 2, serving: before.serving + 1, ..before };
    assert_eq!(doubles.sockets.kernel().asked, asked);
    assert_eq!(manager.try_port(PORT, Extent::All).unwrap(), None, "connections take longer");

    doubles.clock.advance(FRESH);
    assert_eq!(again(&manager), None, "a moment is over");
}

#[test]
fn whatever_has_changed_is_found_out_anew() {
    type Change = fn(&Doubles, OpenSocket);
    fn outline(doubles: &Doubles, pid: u32, change: fn(&mut Outline)) {
        change(doubles.processes.running().outlines.get_mut(&pid).unwrap());
    }
    let changes: [(&str, Change); 9] = [
        ("the socket is closed", |doubles, open| doubles.processes.close(open)),
        ("the number is another process's", |doubles, open| {
            outline(doubles, open.pid, |outline| outline.program.started = 91);
        }),
        ("it runs another program", |doubles, open| {
            outline(doubles, open.pid, |outline| outline.program.places[2] = 5);
        }),
        ("it is stopped", |doubles, open| outline(doubles, open.pid, |outline| outline.stopped = true)),
        ("its parent has ended", |doubles, open| {
            outline(doubles, open.pid, |outline| outline.parent = 1);
            doubles.processes.running().outlines.remove(&PARENT);
        }),
        ("its parent's number is another's", |doubles, _| {
            outline(doubles, PARENT, |outline| outline.program.started = 91);
        }),
        ("its parent has another name", |doubles, _| {
            outline(doubles, PARENT, |outline| outline.name = "vim".to_owned());
        }),
        ("another one came to the port", |doubles, _| {
            doubles.serve(Transport::Udp, PORT, OUR_UID, "/srv");
        }),
        ("it has ended", |doubles, open| {
            doubles.processes.running().outlines.remove(&open.pid);
            doubles.processes.running().processes.remove(&open.pid);
        }),
    ];
    for (what, change) in changes {
        let doubles = Doubles::default();
        let manager = doubles.manager();
        let open = started(&doubles);
        told(&manager);
        assert!(again(&manager).is_some(), "{what}");
        change(&doubles, open);
        assert_eq!(again(&manager), None, "{what}");
    }
    // What is above those that are told of does not matter.
    let doubles = Doubles::default();
    let manager = doubles.manager();
    started(&doubles);
    told(&manager);
    outline(&doubles, 1, |outline| outline.name = "other".to_owned());
    assert!(again(&manager).is_some());
}

/// A name that is found while the process changes is not remembered as its.
#[test]
fn what_does_not_fit_together_is_not_remembered() {
    let doubles = Doubles::default();
    let manager = doubles.manager();
    started(&doubles);
    let name = "bash".to_owned();
    doubles.processes.running().outlines.insert(PARENT, Outline { name, ..Outline::default() });
    told(&manager);
    assert_eq!(again(&manager), None);
}

#[test]
fn an_app_that_becomes_another_program_has_its_command() {
    let doubles = Doubles::default();
    let manager = doubles.manager();
    let open = started(&doubles);
    let command = |report: PortReport| report.holders[0].process.command.clone().unwrap();
    let rewrite = |command: &str| {
        let mut running = doubles.processes.running();
        running.processes.get_mut(&open.pid).unwrap().holder.command = Some(command.to_owned());
    };
    assert_eq!(command(told(&manager)), format!("server-{}", open.pid));
    rewrite("after exec");
    doubles.processes.running().outlines.get_mut(&open.pid).unwrap().program.places[0] = 9;
    assert_eq!(again(&manager), None);
    assert_eq!(command(told(&manager)), "after exec");
    assert_eq!(command(again(&manager).unwrap()), "after exec");

    // In place: nothing shows that it has changed, but time goes on.
    rewrite("server: ready");
    assert_eq!(command(told(&manager)), "after exec");
    doubles.clock.advance(FRESH - Duration::from_millis(1));
    assert_eq!(command(told(&manager)), "after exec");
    doubles.clock.advance(Duration::from_millis(1));
    assert_eq!(command(told(&manager)), "server: ready");
}

#[test]
fn what_a_lease_is_judged_by_runs_the_same_program_as_before() {
    let doubles = Doubles::default();
    let manager = doubles.manager();
    let root = tempfile::tempdir().unwrap();
    let request = portlease_proto::GetRequest { root: Some(super::path(&root)), ..super::exactly(PORT) };
    manager.lease("app/web", &request);
    let open = started(&doubles);
    let state = || manager.lease("app/web", &portlease_proto::GetRequest::default()).state;
    doubles.processes.running().processes.get_mut(&open.pid).unwrap().cwd = Some(super::path(&root).into());
    assert_eq!(state(), portlease_proto::LeaseState::Bound);
    let finds = doubles.processes.running().finds;
    assert_eq!(state(), portlease_proto::LeaseState::Bound);
    assert_eq!(doubles.processes.running().finds, finds);
    doubles.processes.running().outlines.get_mut(&open.pid).unwrap().program.started = 91;
    assert_eq!(state(), portlease_proto::LeaseState::Bound);
    assert_eq!(doubles.processes.running().finds, finds + 1, "it was looked for anew");
}
