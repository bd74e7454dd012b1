//! Which service is commonly found on a port: the tools that people run, then
//! what the machine's `/etc/services` says.

use std::{collections::HashMap, sync::LazyLock};

use portlease_proto::Port;

use crate::allocator;

/// What developers have on their machines, under the names that they know it
/// by; `/etc/services` has old or no names for these.
const COMMON: &[(u16, &str)] = &[
    (22, "SSH"),
    (53, "DNS"),
    (80, "HTTP"),
    (443, "HTTPS"),
    (631, "printing (CUPS)"),
    (1025, "Mailpit, MailHog (SMTP)"),
    (1433, "SQL Server"),
    (1521, "Oracle Database"),
    (1883, "MQTT"),
    (2375, "Docker"),
    (2379, "etcd"),
    (3000, "dev servers (Next.js, Rails, Express)"),
    (3306, "MySQL, MariaDB"),
    (4200, "Angular dev server"),
    (4222, "NATS"),
    (4317, "OpenTelemetry (gRPC)"),
    (4318, "OpenTelemetry (HTTP)"),
    (4321, "Astro dev server"),
    (5000, "dev servers (Flask); AirPlay on macOS"),
    (5173, "Vite dev server"),
    (5353, "mDNS"),
    (5432, "PostgreSQL"),
    (5672, "RabbitMQ"),
    (6006, "Storybook, TensorBoard"),
    (6379, "Redis"),
    (7000, "AirPlay on macOS; Cassandra"),
    (8000, "dev servers (Django, uvicorn)"),
    (8080, "HTTP, the other port"),
    (8081, "Metro (React Native)"),
    (8888, "Jupyter"),
    (9000, "PHP-FPM, MinIO"),
    (9042, "Cassandra"),
    (9090, "Prometheus"),
    (9092, "Kafka"),
    (9200, "Elasticsearch"),
    (9229, "Node.js inspector"),
    (11211, "memcached"),
    (11434, "Ollama"),
    (15672, "RabbitMQ management"),
    (27017, "MongoDB"),
];

/// The machine's own list, read once.
static SERVICES: LazyLock<HashMap<u16, String>> =
    LazyLock::new(|| parse(&std::fs::read_to_string("/etc/services").unwrap_or_default()));

/// The name of the service that is commonly found on `port`.
#[must_use]
pub fn name(port: Port) -> Option<String> {
    let number = port.get();
    if let Some((_, name)) = COMMON.iter().find(|(common, _)| *common == number) {
        return Some((*name).to_owned());
    }
    let tool = allocator::tool(port).map(str::to_owned);
    tool.or_else(|| SERVICES.get(&number).cloned())
}

/// services(5): a name, then port/protocol. The first name of a port stands.
fn parse(text: &str) -> HashMap<u16, String> {
    let mut names = HashMap::new();
    for line in text.lines() {
        let mut words = line.split('#').next().unwrap_or_default().split_ascii_whitespace();
        let (Some(name), Some(place)) = (words.next(), words.next()) else { continue };
        let number = place.split_once('/').and_then(|(number, _)| number.parse().ok());
        if let Some(number) = number {
            names.entry(number).or_insert_with(|| name.to_owned());
        }
    }
    names
}

/// For `fuzz/`.
#[cfg(fuzzing)]
pub(crate) fn fuzz(text: &str) {
    let _names = parse(text);
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn tools_have_the_names_that_people_know() {
        assert_eq!(name(Port::constant(5432)).as_deref(), Some("PostgreSQL"));
        assert_eq!(name(Port::constant(22000)).as_deref(), Some("Syncthing"));
        assert_eq!(name(Port::constant(20100)), None);
        assert!(COMMON.is_sorted_by_key(|(port, _)| port));
    }

    #[test]
    fn the_lines_of_etc_services() {
        let names =
            parse("# a comment\n\nssh\t22/tcp\t\t# SSH\nother 22/udp\nbad\nbad x/tcp\nhttp 80/tcp www\n");
        assert_eq!((names.len(), names[&22].as_str(), names[&80].as_str()), (2, "ssh", "http"));
    }
}
