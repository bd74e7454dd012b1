//! One port explained, in lines.

use portlease_proto::{BusyReason, PortHolder, PortReport, Socket, SocketState, escape};

use super::value;

/// The most sockets that are listed; a busy server has thousands.
const SOCKETS: usize = 20;

/// Prints what is on a port.
pub(crate) fn who(report: &PortReport) {
    for line in lines(report) {
        value(&line);
    }
}

/// Says who a process is, where it does not get into what a command prints.
pub(crate) fn holder(holder: &PortHolder) {
    let mut lines = Lines::default();
    add_holder(&mut lines, holder);
    for line in lines.0 {
        eprintln!("{line}");
    }
}

fn lines(report: &PortReport) -> Vec<String> {
    let mut lines = Lines::default();
    lines.add("port", &format!("{} {}", report.port, standing(report)));
    if let Some(why) = &report.excluded {
        lines.add("", &format!("not given to projects: {why}"));
    }
    if let Some(name) = &report.well_known {
        lines.add("usually", name);
    }
    if let Some(lease) = &report.lease {
        lines.add("lease", &format!("{}/{}, {}", lease.project, lease.service, lease.standing()));
    }
    for (i, socket) in report.sockets.iter().take(SOCKETS).enumerate() {
        lines.add(if i == 0 { "sockets" } else { "" }, &describe(socket));
    }
    if let Some(more) = report.sockets.len().checked_sub(SOCKETS + 1) {
        lines.add("", &format!("and {} more: add --json", more + 1));
    }
    for holder in &report.holders {
        add_holder(&mut lines, holder);
    }
    lines.0
}

/// Lines with a key in front; what others wrote is made harmless here.
#[derive(Default)]
struct Lines(Vec<String>);

impl Lines {
    fn add(&mut self, key: &str, text: &str) {
        self.0.push(format!("{key:<9} {}", escape(text)));
    }
}

fn standing(report: &PortReport) -> &'static str {
    match report.reason {
        None if report.free => "is free",
        None | Some(BusyReason::Unknown) => "is not free",
        Some(BusyReason::InUse) => "is in use",
        Some(BusyReason::Bound) => "is bound, and nothing listens on it",
        Some(BusyReason::Connected) => "is in use by connections, and nothing listens on it",
        Some(BusyReason::Leftovers) => "is blocked by closed connections: it is free again in a minute",
        Some(BusyReason::Privileged) => "may only be bound by root",
        Some(BusyReason::Unseen) => "is in use by something that cannot be seen",
    }
}

fn describe(socket: &Socket) -> String {
    let mut text = format!("{} {}", socket.transport, socket.address);
    if socket.dual_stack == Some(true) {
        text.push_str(" (IPv4, too)");
    }
    text.push_str(&format!(" {}", socket.state));
    if let Some(remote) = socket.remote {
        text.push_str(&format!(", other end {remote}"));
    }
    if socket.exposed {
        text.push_str(", exposed");
    }
    if let Some(queue) = socket.queue.filter(|queue| queue.is_full()) {
        text.push_str(&format!(", its queue is full ({} wait)", queue.waiting));
    }
    match (socket.pid, &socket.user, socket.state) {
        (Some(pid), ..) => text.push_str(&format!(" (pid {pid})")),
        (None, Some(user), _) => text.push_str(&format!(" (user {user})")),
        (None, None, SocketState::TimeWait) => {}
        (None, None, _) => text.push_str(" (no process has it open)"),
    }
    text
}

fn add_holder(lines: &mut Lines, holder: &PortHolder) {
    let process = &holder.process;
    lines.add("holder", &process.to_string());
    if let Some(since) = &process.since {
        lines.add("", &format!("since {since}"));
    }
    if !holder.parents.is_empty() {
        let parents: Vec<String> =
            holder.parents.iter().map(|parent| format!("{} ({})", parent.name, parent.pid)).collect();
        lines.add("", &format!("started by {}", parents.join(", by ")));
    }
    if let Some(unit) = &holder.unit {
        lines.add("", &format!("in {unit}"));
    }
    if let Some(pid) = process.pid.filter(|_| holder.stopped) {
        lines.add("", &format!("stopped, so it answers nobody: kill -CONT {pid}"));
    }
    for remark in &holder.remarks {
        lines.add("", remark);
    }
}

#[cfg(test)]
mod tests {
    use insta::assert_snapshot;
    use portlease_proto::{Holder, Parent, Port, Queue, Transport, Unit};

    use super::*;

    fn report() -> PortReport {
        PortReport {
            port: Port::constant(3000),
            free: true,
            reason: None,
            excluded: None,
            sockets: Vec::new(),
            holders: Vec::new(),
            lease: None,
            well_known: None,
        }
    }

    fn socket(state: SocketState) -> Socket {
        Socket {
            transport: Transport::Tcp,
            address: "::".parse().unwrap(),
            dual_stack: Some(true),
            state,
            exposed: true,
            remote: None,
            queue: Some(Queue { waiting: 2, most: 1 }),
            user: Some("ada".to_owned()),
            inode: Some(77),
            pid: Some(4711),
        }
    }

    #[test]
    fn a_free_port_is_one_line() {
        assert_eq!(lines(&report()), ["port      3000 is free"]);
    }

    #[test]
    fn text_of_others_is_escaped() {
        let evil = "\u{1b}]0;pwned\u{7}\u{202e}x\nroot".to_owned();
        let process = Holder {
            pid: Some(4711),
            command: Some(evil.clone()),
            user: Some(evil.clone()),
            cwd: Some(evil.clone()),
            since: Some(evil.clone()),
        };
        let holder = PortHolder {
            process,
            parents: vec![Parent { pid: 1, name: evil.clone() }],
            unit: Some(Unit { manager: "systemd".to_owned(), name: evil.clone() }),
            stopped: true,
            remarks: vec![evil.clone()],
            inodes: vec![77],
        };
        let report = PortReport {
            holders: vec![holder],
            excluded: Some(evil.clone()),
            well_known: Some(evil.clone()),
            sockets: vec![Socket { user: Some(evil), pid: None, ..socket(SocketState::Bound) }],
            ..report()
        };
        let lines = lines(&report);
        assert_eq!(
            lines.iter().filter(|line| line.contains("\\u{1b}]0;pwned\\u{7}\\u{202e}x\\u{a}root")).count(),
            8
        );
        assert!(lines.iter().all(|line| *line == escape(line)), "{lines:?}");
    }

    #[test]
    fn a_busy_server_is_cut_short() {
        let busy = PortReport { sockets: vec![socket(SocketState::Connected); 25], ..report() };
        assert_eq!(lines(&busy).len(), 22);
        assert_eq!(lines(&busy).last().unwrap(), "          and 5 more: add --json");
        let whole = PortReport { sockets: vec![socket(SocketState::Connected); 20], ..report() };
        assert_eq!(lines(&whole).len(), 21);
    }

    #[test]
    fn sockets_in_words() {
        let time_wait = Socket {
            remote: Some("127.0.0.1:50000".parse().unwrap()),
            address: "127.0.0.1".parse().unwrap(),
            dual_stack: None,
            exposed: false,
            queue: None,
            user: None,
            pid: None,
            ..socket(SocketState::TimeWait)
        };
        let closing = Socket { state: SocketState::Closing, ..time_wait.clone() };
        let unseen = Socket { pid: None, queue: None, ..socket(SocketState::Listening) };
        let text: Vec<String> =
            [&socket(SocketState::Listening), &unseen, &time_wait, &closing].map(describe).into();
        assert_snapshot!(text.join("\n"), @r"
        tcp :: (IPv4, too) listening, exposed, its queue is full (2 wait) (pid 4711)
        tcp :: (IPv4, too) listening, exposed (user ada)
        tcp 127.0.0.1 time-wait, other end 127.0.0.1:50000
        tcp 127.0.0.1 closing, other end 127.0.0.1:50000 (no process has it open)
        ");
    }
}
