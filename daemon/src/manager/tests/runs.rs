//! What `portlease run` started: own wherever it runs, and no longer than it
//! lives.

use portlease_proto::{BatchRequest, LeaseState};

use super::*;
use crate::{
    doubles::{OTHER_UID, OUR_UID},
    events::After,
    processes::OpenSocket,
};

fn run(pid: u32) -> GetRequest {
    GetRequest { run_pid: std::num::NonZeroU32::new(pid), ..any() }
}

/// A manager, and how much of what happened was read.
struct World {
    doubles: Doubles,
    manager: Manager,
    read: u64,
}

impl World {
    /// With runs 7 and 8.
    fn new() -> Self {
        let doubles = Doubles::default();
        doubles.owners.begin(7);
        doubles.owners.begin(8);
        let (manager, read) = (doubles.manager(), doubles.events.latest());
        let world = Self { doubles, manager, read };
        world.look();
        world
    }

    fn look(&self) {
        self.manager.watch_once();
    }

    /// What has happened since this was asked last, a look included.
    fn told(&mut self) -> Vec<String> {
        self.look();
        let After::Events(events) = self.doubles.events.after(self.read, 100) else { panic!("a gap") };
        self.read = self.doubles.events.latest();
        events.iter().map(|(_, event)| format!("{} {}", event.event, event.service)).collect()
    }

    fn show(&self, name: &str) -> Lease {
        self.manager.show(&key(name)).unwrap()
    }

    fn real(&self, name: &str) -> Option<u16> {
        let lease = self.show(name);
        // A list may be as old as the last one.
        self.doubles.clock.advance(std::time::Duration::from_secs(1));
        let listed = self.manager.list(None).unwrap().into_iter().find(|other| other.id == lease.id);
        assert_eq!(listed.unwrap().real_port, lease.real_port);
        lease.real_port.map(Port::get)
    }

    /// A server that stems from a run.
    fn serve(&self, port: u16, run: u32) -> OpenSocket {
        let server = self.doubles.app(Port::constant(port), "/");
        self.doubles.processes.running().above.insert(server.pid, vec![run, 1]);
        self.doubles.sockets.only_on_loopback();
        server
    }

    /// The daemon starts again.
    fn restart(&mut self) {
        self.manager = self.doubles.manager();
    }
}

#[test]
fn what_a_run_started_is_its_own_wherever_it_runs() {
    let (world, elsewhere) = (World::new(), tempfile::tempdir().unwrap());
    world.manager.lease("other/web", &from_root(&elsewhere));
    let port = world.manager.lease("app/web", &run(7)).port;
    let processes = &world.doubles.processes;
    let server = world.doubles.app(port, &path(&elsewhere));
    let state = || world.show("app/web").state;
    assert_eq!(state(), LeaseState::Taken, "in the root of another project");
    processes.running().ancestors = vec![99, 7, 1];
    assert_eq!(state(), LeaseState::Bound, "under it");
    processes.running().ancestors = vec![1];
    processes.running().leaders = vec![7, 50];
    assert_eq!(state(), LeaseState::Bound, "it lost its parent, and is in the run's process group");
    processes.running().leaders = vec![60, 50];
    assert_eq!(state(), LeaseState::Taken);
    processes.running().above.insert(60, vec![7, 1]);
    assert_eq!(state(), LeaseState::Bound, "in a process group whose leader the run started");
    world.doubles.sockets.clear(port);
    processes.close(server);
    let other = world.doubles.serve(Transport::Tcp, port, OTHER_UID, "/");
    processes.running().above.insert(other.pid, vec![7]);
    assert_eq!(state(), LeaseState::Taken, "another user's");
}

#[test]
fn a_lease_outlives_its_run_and_the_last_run_counts() {
    let mut world = World::new();
    let first = world.manager.lease("app/web", &run(7));
    assert_eq!(first.run_pid, Some(7));
    let commits = || world.doubles.store.commits().len();
    let before = commits();
    assert_eq!(world.manager.lease("app/web", &run(7)), first);
    assert_eq!(world.manager.lease("app/web", &any()), first, "who says nothing of it leaves it alone");
    assert_eq!(commits(), before, "nothing was written");
    let second = world.manager.lease("app/web", &run(8));
    assert_eq!((second.run_pid, second.port, &second.id), (Some(8), first.port, &first.id));
    assert_eq!(world.doubles.owners.watched(), [8], "the former one is nobody's");
    let told = world.told();
    assert_eq!(told, ["lease.granted web", "lease.changed web"]);
    world.doubles.owners.end(8);
    world.manager.expire().unwrap();
    assert_eq!(world.show("app/web"), Lease { run_pid: None, ..first });
    assert_eq!(world.told(), ["lease.changed web"]);
    assert!(world.doubles.store.saved().all().all(|record| record.run.is_none()));
}

#[test]
fn an_owner_that_is_a_run_as_well_ends_its_lease() {
    let world = World::new();
    let owned = GetRequest { owner_pid: run(7).run_pid, ..run(7) };
    world.manager.lease("app/web", &owned);
    world.manager.lease("app/db", &run(7));
    assert_eq!(world.doubles.owners.watched(), [7], "once");
    world.manager.release(&key("app/web").project, Some(&key("app/web").service)).unwrap();
    assert_eq!(world.doubles.owners.watched(), [7], "as long as a lease has it");
    world.manager.lease("app/web", &owned);
    world.doubles.owners.end(7);
    world.manager.expire().unwrap();
    let left: Vec<String> = world.manager.list(None).unwrap().iter().map(|l| l.service.to_string()).collect();
    assert_eq!(left, ["db"]);
}

#[test]
fn a_restarted_daemon_knows_runs_and_forgets_those_that_ended() {
    let mut world = World::new();
    world.manager.lease("app/web", &run(7));
    world.manager.lease("app/db", &run(8));
    world.doubles.owners.end(7);
    world.restart();
    world.read = world.doubles.events.latest();
    world.manager.expire().unwrap();
    assert_eq!(world.told(), ["lease.changed web"]);
    assert_eq!([world.show("app/web").run_pid, world.show("app/db").run_pid], [None, Some(8)]);
    world.doubles.owners.end(8);
    world.manager.expire().unwrap();
    assert_eq!(world.told(), ["lease.changed db"]);
}

#[test]
fn a_run_that_cannot_be_forgotten_is_forgotten_later() {
    let world = World::new();
    world.manager.lease("app/web", &run(7));
    world.doubles.owners.end(7);
    world.doubles.store.fail_after(0);
    assert!(matches!(world.manager.expire(), Err(Error::Store(_))));
    world.manager.expire().unwrap();
    assert_eq!(world.show("app/web").run_pid, None);
}

#[test]
fn a_batch_has_a_run_for_services_that_name_none() {
    let world = World::new();
    let services = [("web".parse().unwrap(), any()), ("db".parse().unwrap(), run(8))];
    let batch = BatchRequest { services: services.into(), run_pid: run(7).run_pid, ..Default::default() };
    let granted = world.manager.get_all(&key("app/web").project, &batch).unwrap();
    let runs: Vec<_> = granted.iter().map(|g| (g.lease.service.as_str(), g.lease.run_pid)).collect();
    assert_eq!(runs, [("db", Some(8)), ("web", Some(7))]);
}

#[test]
fn what_is_no_run() {
    let world = World::new();
    let error = world.manager.refused("app/web", &run(9));
    assert!(matches!(error, Error::BadRun { pid: 9, .. }), "{error:?}");
    assert_eq!(
        error.to_string(),
        "process 9 is not one that was started for a lease: there is no such process"
    );
    assert!(world.manager.is_empty());
}

#[test]
fn a_lease_is_not_stale_while_it_is_run() {
    let (world, root) = (World::new(), tempfile::tempdir().unwrap());
    world.manager.lease("app/web", &GetRequest { run_pid: run(7).run_pid, ..from_root(&root) });
    drop(root);
    assert_eq!(world.show("app/web").state, LeaseState::Reserved);
    assert!(world.manager.condition().gone.is_empty());
    world.doubles.owners.end(7);
    assert_eq!(world.show("app/web").state, LeaseState::Stale);
}

#[test]
fn an_app_that_does_not_heed_its_port_is_found() {
    let mut world = World::new();
    let port = world.manager.lease("app/web", &run(7)).port.get();
    world.told();
    let vite = world.serve(5173, 7);
    world.serve(5174, 99);
    assert_eq!(world.told(), ["lease.changed web"]);
    assert_eq!(world.real("app/web"), Some(5173));
    let finds = world.doubles.processes.running().finds;
    assert!(world.told().is_empty());
    assert_eq!(world.doubles.processes.running().finds, finds, "nothing changed, nobody is looked for");

    // Of two nobody can say which it is.
    let other = world.serve(6006, 7);
    assert_eq!((world.told(), world.real("app/web")), (vec!["lease.changed web".to_owned()], None));
    world.doubles.processes.close(other);
    world.doubles.sockets.clear(Port::constant(6006));
    assert_eq!((world.told().len(), world.real("app/web")), (1, Some(5173)));

    // On its own port there is nothing to remark, whatever else it has open.
    world.serve(port, 7);
    assert_eq!(world.real("app/web"), None);
    assert_eq!(world.told(), ["lease.bound web", "lease.changed web"]);
    world.doubles.sockets.clear(Port::constant(port));
    assert_eq!(world.told(), ["lease.unbound web", "lease.changed web"]);
    world.doubles.processes.close(vite);
    world.doubles.sockets.clear(Port::constant(5173));
    assert_eq!((world.told().len(), world.real("app/web")), (1, None));
}

#[test]
fn a_real_port_goes_with_its_run() {
    let mut world = World::new();
    world.manager.lease("app/web", &run(7));
    world.serve(5173, 7);
    world.told();
    assert_eq!(world.real("app/web"), Some(5173));
    world.doubles.owners.end(7);
    assert_eq!(world.real("app/web"), None);
    assert_eq!(world.told(), ["lease.changed web"], "once");
    // Another run is another tree.
    world.manager.lease("app/web", &run(8));
    world.told();
    assert_eq!(world.real("app/web"), None);
}

#[test]
fn a_real_port_is_not_that_of_the_run_before() {
    let mut world = World::new();
    world.manager.lease("app/web", &run(7));
    world.serve(5173, 7);
    world.told();
    assert_eq!(world.real("app/web"), Some(5173));
    world.manager.lease("app/web", &run(8));
    assert_eq!(world.real("app/web"), None, "before anybody has looked again");
}

#[test]
fn a_debugger_is_not_the_app() {
    let mut world = World::new();
    world.manager.lease("app/web", &run(7));
    world.told();
    for side in [9229, 24678] {
        world.serve(side, 7);
        assert_eq!((world.told().len(), world.real("app/web")), (0, None), "{side}");
    }
    world.serve(3000, 7);
    world.told();
    assert_eq!(world.real("app/web"), Some(3000));
}

#[test]
fn of_several_leases_the_one_whose_app_is_missing_has_the_real_port() {
    let mut world = World::new();
    let web = world.manager.lease("app/web", &run(7)).port.get();
    world.manager.lease("app/api", &run(7));
    world.serve(5173, 7);
    world.told();
    assert_eq!([world.real("app/web"), world.real("app/api")], [None, None]);
    world.serve(web, 7);
    world.told();
    assert_eq!([world.real("app/web"), world.real("app/api")], [None, Some(5173)]);
    // A port that is somebody's is no stray.
    world.doubles.sockets.clear(Port::constant(5173));
    world.manager.lease("other/web", &exactly(Port::constant(5173)));
    world.serve(5173, 7);
    world.told();
    assert_eq!(world.real("app/api"), None);
}

#[test]
fn only_listeners_of_this_user_on_tcp_count() {
    let mut world = World::new();
    world.manager.lease("app/web", &run(7));
    for (transport, uid, port) in [(Transport::Udp, OUR_UID, 5001), (Transport::Tcp, OTHER_UID, 5002)] {
        let server = world.doubles.serve(transport, Port::constant(port), uid, "/");
        world.doubles.processes.running().above.insert(server.pid, vec![7]);
    }
    world.told();
    assert_eq!(world.real("app/web"), None);
    let udp = GetRequest { protocol: Some(portlease_proto::Protocol::Udp), ..run(8) };
    world.manager.lease("app/dns", &udp);
    world.serve(5003, 8);
    world.told();
    assert_eq!(world.real("app/dns"), None, "where its datagrams go cannot be told from a TCP port");
}
