//! What a client asks over one way in, in one round.

use std::net::{Ipv4Addr, TcpListener};

use anyhow::{Context, Result, ensure};

use super::{
    CEILING, EXISTING, FREE, GET, GET_BATCH, GRANT, HELLO, KNOWN, LIST, OURS, RELEASE, THEIRS, UNKNOWN, keep,
    lane::Lane, stand::Stand,
};
use crate::{
    load::{self, Load, Plan},
    place::Place,
    portauth,
    questions::Questions,
    report::Section,
    wire::{self, Framing},
};

type Operation = fn(&Stand, Lane, &mut Section) -> Result<()>;

/// All that is asked over a way in.
pub(super) fn of(lane: Lane) -> Vec<Operation> {
    let mut all: Vec<Operation> = vec![ceiling, get];
    if lane.is_closed() {
        all.extend([grant_and_release as Operation, batch, list, free, known, unknown]);
    }
    // portauth ends the connection after each answer, and several at once it lets wait.
    if lane.tcp && !lane.keep_alive && lane.clients == 1 {
        all.push(theirs);
    }
    all
}

fn ceiling(stand: &Stand, lane: Lane, section: &mut Section) -> Result<()> {
    existing(stand, lane, section, CEILING, HELLO, stand.ceiling(lane))
}

fn get(stand: &Stand, lane: Lane, section: &mut Section) -> Result<()> {
    existing(stand, lane, section, GET, OURS, stand.ours(lane))
}

fn existing(
    stand: &Stand,
    lane: Lane,
    section: &mut Section,
    what: &str,
    who: &str,
    place: &Place,
) -> Result<()> {
    let requests = [wire::http(place, "PUT", EXISTING, Some("{}"), lane.keep_alive)];
    let load = ask(lane, place, &requests, 200, lane.count(stand.each))?;
    keep(section, what, lane, place, who, &load);
    Ok(())
}

/// New leases, and their end.
fn grant_and_release(stand: &Stand, lane: Lane, section: &mut Section) -> Result<()> {
    let (place, names) = (stand.ours(lane), format!("new-{}", lane.clients));
    let questions = Questions::of_leases(place, &names, lane.count(stand.each / 2), lane.keep_alive);
    let granted = ask(lane, place, &questions.get, 201, questions.get.len())?;
    keep(section, GRANT, lane, place, OURS, &granted);
    let released = ask(lane, place, &questions.release, 204, questions.release.len())?;
    keep(section, RELEASE, lane, place, OURS, &released);
    Ok(())
}

fn batch(stand: &Stand, lane: Lane, section: &mut Section) -> Result<()> {
    let (place, names) = (stand.ours(lane), format!("batch-{}", lane.clients));
    let questions = Questions::of_batches(place, &names, lane.count(stand.each / 32), lane.keep_alive);
    let granted = ask(lane, place, &questions.get, 201, questions.get.len())?;
    keep(section, GET_BATCH, lane, place, OURS, &granted);
    ask(lane, place, &questions.release, 204, questions.release.len())?;
    Ok(())
}

fn list(stand: &Stand, lane: Lane, section: &mut Section) -> Result<()> {
    let place = stand.ours(lane);
    let requests = [wire::http(place, "GET", "/v1/leases", None, lane.keep_alive)];
    let load = ask(lane, place, &requests, 200, lane.count(stand.each / 100))?;
    keep(section, LIST, lane, place, OURS, &load);
    Ok(())
}

fn free(stand: &Stand, lane: Lane, section: &mut Section) -> Result<()> {
    look_up(stand, lane, section, FREE, stand.free)
}

fn known(stand: &Stand, lane: Lane, section: &mut Section) -> Result<()> {
    look_up(stand, lane, section, KNOWN, stand.held.local_addr()?.port())
}

fn look_up(stand: &Stand, lane: Lane, section: &mut Section, what: &str, port: u16) -> Result<()> {
    let place = stand.ours(lane);
    let requests = [wire::http(place, "GET", &format!("/v1/ports/{port}"), None, lane.keep_alive)];
    // Whose it is, is known from then on.
    let first = ask(lane, place, &requests, 200, 1)?;
    let report: serde_json::Value = serde_json::from_slice(first.bodies.first().context("no answer")?)?;
    ensure!(report["free"] == (what == FREE), "port {port}: {report}");
    let load = ask(lane, place, &requests, 200, lane.count(stand.each / 2))?;
    keep(section, what, lane, place, OURS, &load);
    Ok(())
}

/// Listeners that nobody has asked for yet, each of them once.
fn unknown(stand: &Stand, lane: Lane, section: &mut Section) -> Result<()> {
    let place = stand.ours(lane);
    let listeners: Vec<TcpListener> = (0..lane.count(stand.each / 100))
        .map(|_| TcpListener::bind((Ipv4Addr::LOCALHOST, 0)))
        .collect::<Result<_, _>>()?;
    let path = |held: &TcpListener| anyhow::Ok(format!("/v1/ports/{}", held.local_addr()?.port()));
    let requests = listeners
        .iter()
        .map(|held| Ok(wire::http(place, "GET", &path(held)?, None, lane.keep_alive)))
        .collect::<Result<Vec<_>>>()?;
    let load = ask(lane, place, &requests, 200, requests.len())?;
    keep(section, UNKNOWN, lane, place, OURS, &load);
    Ok(())
}

/// What portauth can be asked of the same, if it is there. What it leased is
/// given back, so that the next round finds it as this one did.
fn theirs(stand: &Stand, lane: Lane, section: &mut Section) -> Result<()> {
    let Some(portauth) = &stand.portauth else { return Ok(()) };
    let project = ["existing".to_owned()];
    portauth::port(portauth.request(&project, 1)?.bodies.first().context("no answer")?)?;
    let mut keep = |what, load: &Load| keep(section, what, lane, &portauth.place, THEIRS, load);
    keep(GET, &portauth.request(&project, stand.each / 2)?);
    // It writes all of its registry anew for each.
    let projects: Vec<String> = (0..(stand.each / 20).max(1)).map(|index| format!("new-{index}")).collect();
    let granted = portauth.request(&projects, projects.len())?;
    granted.bodies.iter().try_for_each(|body| portauth::port(body).map(drop))?;
    keep(GRANT, &granted);
    keep(RELEASE, &portauth.release(&projects)?);
    Ok(())
}

fn ask(lane: Lane, place: &Place, requests: &[Vec<u8>], status: u16, count: usize) -> Result<Load> {
    let Lane { clients, keep_alive, pace, .. } = lane;
    let framing = Framing::Http;
    load::run(&Plan { place, framing, requests, count, clients, keep_alive, pace, status })
}
