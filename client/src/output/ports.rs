//! The machine's listeners in columns, at most 80 characters wide.

use portlease_proto::{LeaseState, Listener, escape};

use super::value;

/// What a terminal shows without folding lines.
const WIDTH: usize = 80;
/// The most of a column but the last.
const COLUMN: usize = 24;

/// Prints listeners; with `fixes` what binds each to this machine.
pub(crate) fn ports(listeners: &[Listener], fixes: bool) {
    for line in lines(listeners, fixes) {
        value(&line);
    }
}

/// Listeners that differ by their addresses alone share a line.
struct Line<'a> {
    listener: &'a Listener,
    addresses: Vec<String>,
}

fn lines(listeners: &[Listener], fixes: bool) -> Vec<String> {
    let lines = merged(listeners);
    let rows: Vec<[String; 5]> = lines.iter().map(cells).collect();
    let head = ["PORT", "ADDRESS", "REACH", "LEASE", "HOLDER"].map(str::to_owned);
    let width = |column: usize| {
        rows.iter().chain([&head]).map(|row| row[column].chars().count()).max().unwrap_or_default()
    };
    let widths: Vec<usize> = (0..4).map(width).collect();
    let mut out = vec![line(&head, &widths)];
    for (row, Line { listener, .. }) in rows.iter().zip(&lines) {
        out.push(line(row, &widths));
        if let Some(fix) = listener.fix.as_ref().filter(|_| fixes) {
            out.push(format!("       to keep it to this machine: {}", escape(fix)));
        }
    }
    out
}

fn merged(listeners: &[Listener]) -> Vec<Line<'_>> {
    let mut lines: Vec<Line<'_>> = Vec::new();
    for listener in listeners {
        let address = listener.address.to_string();
        let same = |line: &&mut Line<'_>| {
            let other = line.listener;
            (other.port, other.transport, other.state, other.exposed, &other.holder)
                == (listener.port, listener.transport, listener.state, listener.exposed, &listener.holder)
        };
        // They are sorted by port, so the ones to join are near the end.
        let near = lines.iter_mut().rev().take_while(|line| line.listener.port == listener.port);
        match near.into_iter().find(same) {
            Some(line) if line.addresses.contains(&address) => {}
            Some(line) => line.addresses.push(address),
            None => lines.push(Line { listener, addresses: vec![address] }),
        }
    }
    lines
}

fn cells(line: &Line<'_>) -> [String; 5] {
    let listener = line.listener;
    let lease = listener.lease.as_ref().map(|lease| match lease.state {
        LeaseState::Taken => format!("{}/{} (taken)", lease.project, lease.service),
        _ => format!("{}/{}", lease.project, lease.service),
    });
    let holder = listener.holder.as_ref().map(|holder| match (&holder.command, holder.pid) {
        (Some(command), Some(pid)) => format!("{pid} {}", without_directory(command)),
        _ => format!("of user {}", holder.user.as_deref().unwrap_or("unknown")),
    });
    [
        format!("{}/{}", listener.port, listener.transport),
        cut(&line.addresses.join(" "), COLUMN + 16),
        if listener.exposed { "exposed" } else { "local" }.to_owned(),
        cut(&lease.unwrap_or_else(|| "-".to_owned()), COLUMN),
        escape(&holder.unwrap_or_default()),
    ]
}

/// There is little room, and where a program lies tells little.
fn without_directory(command: &str) -> &str {
    let program = command.split(' ').next().unwrap_or_default();
    &command[program.rfind('/').map_or(0, |slash| slash + 1)..]
}

fn line(row: &[String; 5], widths: &[usize]) -> String {
    let mut line = String::new();
    for (cell, width) in row.iter().zip(widths) {
        line.push_str(&format!("{cell:<width$}  "));
    }
    let room = WIDTH.saturating_sub(line.chars().count());
    line.push_str(&cut(&row[4], room.max(8)));
    line.trim_end().to_owned()
}

fn cut(text: &str, most: usize) -> String {
    match text.chars().count() > most {
        true => text.chars().take(most.saturating_sub(1)).chain(['…']).collect(),
        false => text.to_owned(),
    }
}

#[cfg(test)]
mod tests {
    use insta::assert_snapshot;
    use portlease_proto::{Holder, Port, SocketState, Transport};

    use super::*;

    fn listener(port: u16, transport: Transport, address: &str, command: Option<&str>) -> Listener {
        let holder = Holder {
            pid: command.map(|_| 4711),
            command: command.map(str::to_owned),
            user: Some("ada".to_owned()),
            ..Holder::default()
        };
        Listener {
            port: Port::constant(port),
            transport,
            address: address.parse().unwrap(),
            dual_stack: None,
            state: SocketState::Listening,
            exposed: !address.starts_with("127") && address != "::1",
            holder: Some(holder),
            lease: None,
            well_known: None,
            fix: command
                .filter(|command| command.contains("vite"))
                .map(|_| "vite --host 127.0.0.1".to_owned()),
        }
    }

    #[test]
    fn columns() {
        let (tcp, udp) = (Transport::Tcp, Transport::Udp);
        let vite = "node /home/ada/code/a-long-directory-name/node_modules/.bin/vite --host";
        let listeners = [
            listener(631, tcp, "127.0.0.1", None),
            listener(3000, tcp, "0.0.0.0", Some(vite)),
            listener(3000, tcp, "::", Some(vite)),
            listener(5432, tcp, "127.0.0.1", Some("/usr/bin/postgres\u{1b}[2J")),
            listener(5432, tcp, "::1", Some("/usr/bin/postgres\u{1b}[2J")),
            listener(5432, udp, "::1", Some("/usr/bin/postgres\u{1b}[2J")),
        ];
        assert_snapshot!(lines(&listeners, false).join("\n"), @r"
        PORT      ADDRESS        REACH    LEASE  HOLDER
        631/tcp   127.0.0.1      local    -      of user ada
        3000/tcp  0.0.0.0 ::     exposed  -      4711 node /home/ada/code/a-long-direct…
        5432/tcp  127.0.0.1 ::1  local    -      4711 postgres\u{1b}[2J
        5432/udp  ::1            local    -      4711 postgres\u{1b}[2J
        ");
        let fixes = lines(&listeners, true);
        assert_eq!(fixes[3], "       to keep it to this machine: vite --host 127.0.0.1");
        assert!(lines(&listeners, true).iter().all(|line| line.chars().count() <= WIDTH));
    }
}
