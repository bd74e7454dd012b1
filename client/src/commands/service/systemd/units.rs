//! The units as they are embedded, made those of this user and program. Pure.

use std::path::Path;

use portlease_proto::Port;

pub(super) const SERVICE: &str = "portlease.service";
pub(super) const UNIX: &str = "portlease.socket";
pub(super) const TCP: &str = "portlease-tcp.socket";

const EMBEDDED: [(&str, &str); 3] = [
    (SERVICE, include_str!("../../../../../systemd/portlease.service")),
    (UNIX, include_str!("../../../../../systemd/portlease.socket")),
    (TCP, include_str!("../../../../../systemd/portlease-tcp.socket")),
];
/// The port in the embedded unit.
const PORT: &str = ":62893";

/// A unit's file.
#[derive(Debug, PartialEq, Eq)]
pub(super) struct Unit {
    pub(super) name: &'static str,
    pub(super) text: String,
}

/// What differs from user to user.
#[derive(Debug, Default)]
pub(super) struct Settings<'a> {
    /// The program that the service starts.
    pub(super) program: &'a str,
    /// Where the API is over TCP.
    pub(super) port: Option<Port>,
    /// Variables that say where the files are, which the user's shell may have
    /// and systemd has not.
    pub(super) environment: Vec<(&'static str, String)>,
}

/// All units.
pub(super) fn units(settings: &Settings<'_>) -> Vec<Unit> {
    EMBEDDED.map(|(name, text)| Unit { name, text: fill(text, settings) }).into()
}

fn fill(text: &str, settings: &Settings<'_>) -> String {
    let mut filled = String::with_capacity(text.len());
    for line in text.lines() {
        if line.starts_with("ExecStart=") {
            for (name, value) in &settings.environment {
                filled.push_str(&format!("Environment={}\n", quote(&format!("{name}={value}"))));
            }
            filled.push_str(&format!("ExecStart={} daemon\n", quote(settings.program)));
        } else if let (Some(port), true) = (settings.port, line.starts_with("ListenStream=")) {
            filled.push_str(&line.replace(PORT, &format!(":{port}")));
            filled.push('\n');
        } else {
            filled.push_str(line);
            filled.push('\n');
        }
    }
    filled
}

/// One word of a command line: quotes (systemd.syntax(7)) and specifiers
/// (systemd.unit(5)). The name of a program is not searched for variables.
fn quote(word: &str) -> String {
    let mut quoted = String::from("\"");
    for letter in word.chars() {
        match letter {
            '"' | '\\' => quoted.extend(['\\', letter]),
            '%' => quoted.push_str("%%"),
            letter => quoted.push(letter),
        }
    }
    quoted.push('"');
    quoted
}

/// What can stand in a unit: its lines end where a line ends.
pub(super) fn fits(path: &Path) -> Option<&str> {
    path.to_str().filter(|text| !text.chars().any(char::is_control))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn with_the_path_the_port_and_the_environment() {
        let settings = Settings {
            program: "/opt/my \"100%\" tools\\portlease",
            port: Some(Port::constant(7000)),
            environment: vec![("XDG_STATE_HOME", "/data/state".to_owned())],
        };
        let [service, unix, tcp] = units(&settings).try_into().unwrap();
        assert!(service.text.contains("\nExecStart=\"/opt/my \\\"100%%\\\" tools\\\\portlease\" daemon\n"));
        assert!(service.text.contains("\nEnvironment=\"XDG_STATE_HOME=/data/state\"\nExecStart="));
        assert_eq!(service.text.matches("ExecStart=").count(), 1);
        assert_eq!(unix.text, EMBEDDED[1].1);
        assert!(
            tcp.text.contains("\nListenStream=127.0.0.1:7000\nListenStream=[::1]:7000\n"),
            "{}",
            tcp.text
        );
    }

    /// What the daemon checks (`activation`), and what each of them is for.
    #[test]
    fn the_embedded_ones_say_what_the_daemon_needs() {
        let [service, unix, tcp] = EMBEDDED.map(|(_, text)| text);
        for line in ["Type=notify", "Sockets=portlease.socket portlease-tcp.socket", "NoNewPrivileges=yes"] {
            assert!(service.lines().any(|found| found == line), "{line}");
        }
        assert!(service.contains("AF_NETLINK") && service.contains("\nWatchdogSec="));
        for blinding in ["\nPrivateUsers=", "\nProtect", "\nPrivateTmp", "\nStateDirectory="] {
            assert!(!service.contains(blinding), "{blinding}");
        }
        assert!(unix.contains("\nFileDescriptorName=unix\nSocketMode=0600\nDirectoryMode=0700\n"));
        assert!(unix.contains("ListenStream=%t/portlease/portlease.sock\n"));
        assert!(tcp.contains("\nFileDescriptorName=tcp\n"));
        assert_eq!(tcp.matches(PORT).count(), 2);
    }

    #[test]
    fn a_path_of_two_lines_fits_nowhere() {
        assert_eq!(fits(Path::new("/a b")), Some("/a b"));
        assert_eq!(fits(Path::new("/a\nExecStart=/b")), None);
    }
}
