//! Whatever happens in whatever order: no port is in two leases, the store has
//! what the manager answers with, and a port that is granted was free.

use std::time::Duration;

use portlease_proto::{LeaseState, PortRange, Protocol};
use proptest::{
    prelude::{Just, Strategy, TestCaseError, prop},
    prop_assert, prop_assert_eq, prop_oneof, proptest,
};

use super::*;
use crate::{
    clock::Clock,
    doubles::{OTHER_UID, OUR_UID},
    manager::Settings,
    sockets::SocketError,
    store::Store,
};

/// Fewer ports than names, so that they run out.
const FEW: PortRange = PortRange::constant(20100, 20106);

#[derive(Debug, Clone)]
enum Step {
    Get { name: String, request: GetRequest },
    Release { name: String, whole_project: bool },
    Serve { port: Port, transport: Transport, uid: u32 },
    Leave { port: Port },
    Clear { port: Port },
    ClaimElsewhere { port: Port, claimed: bool },
    KernelFails { fails: bool },
    StoreFails { good: usize },
    StoreGoes,
    Wait { seconds: u64 },
    Restart,
}

fn some_port() -> impl Strategy<Value = Port> {
    // Two of them outside the pool.
    (FEW.first().get()..=FEW.last().get() + 2).prop_map(Port::constant)
}

fn some_name() -> impl Strategy<Value = String> {
    (0..3_u8, 0..3_u8).prop_map(|(project, service)| format!("p{project}/s{service}"))
}

fn some_request() -> impl Strategy<Value = GetRequest> {
    let wish = prop_oneof![
        4 => Just(GetRequest::default()),
        2 => some_port().prop_map(exactly),
        2 => prop::collection::vec(some_port(), 1..3).prop_map(|ports| prefer(&ports)),
    ];
    let protocol = prop_oneof![
        6 => Just(None),
        1 => Just(Some(Protocol::Tcp)),
        1 => Just(Some(Protocol::Udp)),
        1 => Just(Some(Protocol::Both)),
    ];
    let flags = (prop::bool::weighted(0.2), prop::bool::weighted(0.2), prop::bool::weighted(0.2));
    (wish, protocol, flags).prop_map(|(wish, protocol, (reset, strict, explain))| GetRequest {
        protocol,
        reset,
        strict,
        explain,
        ..wish
    })
}

fn step() -> impl Strategy<Value = Step> {
    let transport = prop_oneof![2 => Just(Transport::Tcp), 1 => Just(Transport::Udp)];
    let uid = prop_oneof![Just(OUR_UID), Just(OTHER_UID)];
    prop_oneof![
        12 => (some_name(), some_request()).prop_map(|(name, request)| Step::Get { name, request }),
        3 => (some_name(), prop::bool::ANY)
            .prop_map(|(name, whole_project)| Step::Release { name, whole_project }),
        3 => (some_port(), transport, uid)
            .prop_map(|(port, transport, uid)| Step::Serve { port, transport, uid }),
        1 => some_port().prop_map(|port| Step::Leave { port }),
        3 => some_port().prop_map(|port| Step::Clear { port }),
        2 => (some_port(), prop::bool::ANY)
            .prop_map(|(port, claimed)| Step::ClaimElsewhere { port, claimed }),
        1 => prop::bool::weighted(0.3).prop_map(|fails| Step::KernelFails { fails }),
        1 => (0..2_usize).prop_map(|good| Step::StoreFails { good }),
        1 => Just(Step::StoreGoes),
        2 => (1..70_u64).prop_map(|seconds| Step::Wait { seconds }),
        1 => Just(Step::Restart),
    ]
}

struct World {
    doubles: Doubles,
    manager: Manager,
}

impl World {
    fn new() -> Self {
        let doubles = Doubles::default();
        Self { manager: Self::start(&doubles), doubles }
    }

    fn start(doubles: &Doubles) -> Manager {
        doubles.manager_with(Settings {
            pool: Pool::from(FEW),
            leases_per_project: 16,
            ..Settings::default()
        })
    }

    fn take(&mut self, step: &Step) -> Result<(), TestCaseError> {
        let Self { doubles, manager } = self;
        match step {
            Step::Get { name, request } => return self.get(&key(name), request),
            Step::Release { name, whole_project } => return self.release(&key(name), *whole_project),
            Step::Serve { port, transport, uid } => _ = doubles.serve(*transport, *port, *uid, "/code"),
            Step::Leave { port } => doubles.sockets.leave(*port),
            Step::Clear { port } => doubles.sockets.clear(*port),
            Step::ClaimElsewhere { port, claimed: false } => {
                doubles.sockets.kernel().claimed_elsewhere.remove(port);
            }
            // Nobody else can claim what is ours.
            Step::ClaimElsewhere { port, claimed: true } if manager.claimed().contains(port) => {}
            Step::ClaimElsewhere { port, claimed: true } => {
                doubles.sockets.kernel().claimed_elsewhere.insert(*port);
            }
            Step::KernelFails { fails } => {
                let failure = fails.then_some((|| SocketError::Garbled("a test")) as fn() -> SocketError);
                doubles.sockets.kernel().fails = failure;
            }
            Step::StoreFails { good } => doubles.store.fail_after(*good),
            Step::StoreGoes => doubles.store.take_away(),
            Step::Wait { seconds } => doubles.clock.advance(Duration::from_secs(*seconds)),
            // What is not in the store is lost then, and must not be here.
            Step::Restart if !doubles.store.in_place() => {}
            Step::Restart => *manager = Self::start(doubles),
        }
        Ok(())
    }

    fn get(&self, key: &LeaseKey, request: &GetRequest) -> Result<(), TestCaseError> {
        let Self { doubles, manager } = self;
        let before = manager.lock().registry.clone();
        let now = doubles.clock.now();
        let result = match manager.try_get(key, request).transpose() {
            Some(result) => result,
            None => {
                prop_assert_eq!(&manager.lock().registry, &before);
                manager.get(key, request)
            }
        };
        let Ok(Granted { lease, created }) = result else {
            prop_assert_eq!(&manager.lock().registry, &before);
            return Ok(());
        };

        let kernel = doubles.sockets.kernel();
        let on_port = || kernel.rows.iter().filter(|row| row.port == lease.port);
        let occupied = on_port().any(|row| row.occupies(lease.protocol));
        prop_assert!(kernel.fails.is_none());
        prop_assert_eq!(created, before.find(key).is_none());
        prop_assert_eq!(lease.state, if occupied { LeaseState::Bound } else { LeaseState::Reserved });
        prop_assert!(request.port.is_none_or(|port| port == lease.port));
        prop_assert!(request.protocol.is_none_or(|protocol| protocol == lease.protocol));
        let had = before.find(key).map(|record| record.port);
        if had == Some(lease.port) {
            prop_assert_eq!(lease.changed, None);
            return Ok(());
        }
        prop_assert_eq!(
            lease.changed.as_ref().map(|change| (change.from, change.to)),
            had.map(|from| (from, lease.port))
        );
        prop_assert!(!occupied, "{} was occupied", lease.port);
        prop_assert_eq!(before.at(lease.port), None);
        prop_assert!(!kernel.claimed_elsewhere.contains(&lease.port));
        let cooling = before.cooling(lease.port, now);
        prop_assert!(cooling.is_none_or(|project| *project == key.project));
        let named = request.port == Some(lease.port) || request.prefer.contains(&lease.port);
        prop_assert!(named || FEW.contains(lease.port));
        if !named && cooling.is_none() && lease.protocol != Protocol::Udp {
            prop_assert_eq!(on_port().filter(|row| row.transport == Transport::Tcp).count(), 0);
        }
        Ok(())
    }

    fn release(&self, key: &LeaseKey, whole_project: bool) -> Result<(), TestCaseError> {
        let before = self.manager.lock().registry.clone();
        let service = (!whole_project).then_some(&key.service);
        let released = self.manager.release(&key.project, service);
        let registry = &self.manager.lock().registry;
        match released {
            Err(_) => prop_assert_eq!(registry, &before),
            Ok(()) if whole_project => prop_assert_eq!(registry.of_project(&key.project).count(), 0),
            Ok(()) => {
                prop_assert_eq!(registry.find(key), None);
                prop_assert_eq!(registry.len(), before.len() - 1);
            }
        }
        Ok(())
    }

    fn check(&self) -> Result<(), TestCaseError> {
        let inner = self.manager.lock();
        let mut ports: Vec<Port> = inner.registry.all().map(|record| record.port).collect();
        ports.sort_unstable();
        prop_assert!(ports.is_sorted_by(|a, b| a < b), "a port in two leases: {:?}", ports);
        let claimed = inner.kept.claimed();
        prop_assert!(claimed.iter().all(|port| ports.contains(port)), "a claim without a lease");
        if self.doubles.store.in_place() {
            prop_assert_eq!(&inner.registry, &self.doubles.store.saved());
        }
        let elsewhere = &self.doubles.sockets.kernel().claimed_elsewhere;
        prop_assert!(claimed.iter().all(|port| !elsewhere.contains(port)), "claimed twice");
        Ok(())
    }
}

proptest! {
    #[test]
    fn leases_ports_claims_and_store_agree(steps in prop::collection::vec(step(), 1..80)) {
        let mut world = World::new();
        for step in &steps {
            world.take(step)?;
            world.check()?;
        }
    }
}
