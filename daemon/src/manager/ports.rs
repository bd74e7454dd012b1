//! The machine's listeners, joined with leases and holders.

use std::collections::HashMap;

use portlease_proto::{Holder, Lease, Listener, Port, SocketState};

use super::{
    Error, Manager,
    holders::{Names, transport},
    identify::{Occupancy, Occupant},
    view,
};
use crate::{
    frameworks::loopback_fix,
    registry::Record,
    sockets::{SocketDetail, SocketRow},
    well_known,
};

impl Manager {
    /// Every socket of the machine that has a port and is no TCP connection,
    /// by port. Reads the whole socket table and may walk all processes.
    ///
    /// # Errors
    /// [`Error::Sockets`], also when the table that came back is not whole.
    pub fn ports(&self) -> Result<Vec<Listener>, Error> {
        let edges = &self.edges;
        let mut table = self.listeners.read(edges.sockets.as_ref(), edges.clock.as_ref())?.to_vec();
        self.leave_out_holds(&mut table);
        let occupants = self.recognise(table.iter().map(|detail| detail.row).collect());
        let leases = self.leases_on(&occupants);
        let mut names = Names::new(edges.processes.as_ref());
        let mut listeners: Vec<Listener> = table
            .iter()
            .zip(&occupants)
            .map(|(detail, occupant)| listener(detail, occupant, &leases, &mut names))
            .collect();
        listeners.sort_by_key(|listener| (listener.port, listener.transport, listener.address));
        Ok(listeners)
    }

    /// The leases whose ports these sockets are on.
    fn leases_on(&self, occupants: &[Occupant]) -> HashMap<Port, Lease> {
        let now = self.edges.clock.now();
        let facts: Vec<(Record, view::Sight)> = {
            let mut inner = self.lock();
            inner.sweep(&self.edges, now);
            let mut on_ports: HashMap<Port, Vec<Occupant>> = HashMap::new();
            for occupant in occupants {
                if let Some(record) = inner.registry.at(occupant.row.port) {
                    let sockets = on_ports.entry(record.port).or_default();
                    sockets.extend(occupant.row.occupies(record.protocol).then(|| occupant.clone()));
                }
            }
            let judge = |(port, sockets): (Port, Vec<Occupant>)| {
                let record = inner.registry.at(port)?;
                let occupancy = match sockets.is_empty() {
                    true => Occupancy::Idle,
                    false => inner.judge(&self.edges, record, &sockets),
                };
                Some((record.clone(), inner.sight(record, occupancy)))
            };
            on_ports.into_iter().filter_map(judge).collect()
        };
        // Looks at each root, which may lie on a slow disk: without the lock.
        let show = |(record, sight): (Record, _)| (record.port, view::lease(&record, sight, now));
        facts.into_iter().map(show).collect()
    }
}

fn listener(
    detail: &SocketDetail,
    occupant: &Occupant,
    leases: &HashMap<Port, Lease>,
    names: &mut Names<'_>,
) -> Listener {
    let SocketRow { port, address, transport: name_space, uid, .. } = detail.row;
    let holder = match &occupant.process {
        Some(process) => process.holder.clone(),
        None => Holder { user: uid.map(|uid| names.of(uid)), ..Holder::default() },
    };
    let exposed = detail.is_exposed();
    let fix = holder.command.as_deref().filter(|_| exposed && detail.state == SocketState::Listening);
    Listener {
        port,
        transport: transport(name_space),
        address,
        dual_stack: detail.dual_stack,
        state: detail.state,
        exposed,
        fix: fix.and_then(|command| loopback_fix(command, port)),
        holder: Some(holder),
        lease: leases.get(&port).cloned(),
        well_known: well_known::name(port),
    }
}
