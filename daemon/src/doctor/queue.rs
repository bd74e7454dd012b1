//! Does the app accept what is waiting?

use portlease_proto::Check;

use super::Facts;

pub(super) fn check(facts: &Facts) -> Option<Check> {
    const ID: &str = "queue";
    let queues = || facts.listeners().filter_map(|socket| Some((socket, socket.queue?)));
    queues().next()?;
    let Some((socket, queue)) = queues().find(|(_, queue)| queue.is_full()) else {
        return Some(Check::ok(ID, "its queue has room"));
    };
    let summary = format!(
        "{} does not accept connections: its queue is full ({} wait, {} may)",
        facts.name_of(socket),
        queue.waiting,
        queue.most
    );
    let fix =
        match facts.holder_of(socket).filter(|holder| holder.stopped).and_then(|holder| holder.process.pid) {
            Some(pid) => format!("let it go on: kill -CONT {pid}"),
            None => format!("it hangs or is overrun; restart it: portlease stop {}", facts.report.port),
        };
    Some(Check::fail(ID, summary, fix))
}
