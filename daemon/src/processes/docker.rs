//! docker-proxy: the process that holds a port for a container. Pure.

use std::net::IpAddr;

use portlease_proto::Port;

/// What a docker-proxy forwards, by its own command line.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Forward {
    /// The port of this machine.
    pub port: Port,
    /// The container's address.
    pub address: IpAddr,
    /// The container's port.
    pub container_port: Port,
}

impl Forward {
    /// `docker-proxy -proto tcp -host-ip 0.0.0.0 -host-port 8080
    /// -container-ip 172.17.0.2 -container-port 80`, if that is what it is.
    pub fn of(arguments: &[impl AsRef<str>]) -> Option<Self> {
        let program = arguments.first()?.as_ref();
        if program.rsplit('/').next() != Some("docker-proxy") {
            return None;
        }
        let value = |name: &str| {
            let at = arguments.iter().position(|word| word.as_ref().trim_start_matches('-') == name)?;
            arguments.get(at + 1).map(AsRef::as_ref)
        };
        Some(Self {
            port: value("host-port")?.parse().ok()?,
            address: value("container-ip")?.parse().ok()?,
            container_port: value("container-port")?.parse().ok()?,
        })
    }

    /// As [`Forward::of`], from a command line in one piece.
    pub fn of_line(command: &str) -> Option<Self> {
        Self::of(&command.split_ascii_whitespace().collect::<Vec<_>>())
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn command_lines_of_docker_proxy() {
        let line = "/usr/bin/docker-proxy -proto tcp -host-ip 0.0.0.0 -host-port 8080 \
                    -container-ip 172.17.0.2 -container-port 80 -use-listen-fd";
        let forward = Forward::of_line(line).unwrap();
        assert_eq!((forward.port, forward.container_port), (Port::constant(8080), Port::constant(80)));
        assert_eq!(forward.address.to_string(), "172.17.0.2");
        for other in ["", "docker-proxy", "docker-proxy -host-port", "node docker-proxy -host-port 8080"] {
            assert_eq!(Forward::of_line(other), None, "{other}");
        }
    }
}
