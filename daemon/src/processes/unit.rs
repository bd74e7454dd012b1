//! The container or service that a process runs in, as the path of its cgroup
//! tells. Pure.

use portlease_proto::Unit;

/// Managers of containers and how the directories are named that they make:
/// this before the id.
const CONTAINERS: [(&str, &str); 7] = [
    ("docker-", "docker"),
    ("libpod-payload-", "podman"),
    ("libpod-", "podman"),
    ("cri-containerd-", "containerd"),
    ("nerdctl-", "containerd"),
    ("containerd-", "containerd"),
    ("crio-", "crio"),
];

/// What `/proc/PID/cgroup` (cgroups(7)) tells: one line, or with version 1 one
/// for each controller. A container says more than the service that runs it.
pub(super) fn parse(cgroup: &str) -> Option<Unit> {
    let paths = || cgroup.lines().filter_map(|line| line.splitn(3, ':').nth(2));
    paths().find_map(container).or_else(|| paths().find_map(systemd))
}

fn container(path: &str) -> Option<Unit> {
    let parts: Vec<&str> = path.split('/').collect();
    (0..parts.len()).rev().find_map(|at| {
        let (part, above) = (parts[at], at.checked_sub(1).map_or("", |above| parts[above]));
        if let Some(name) = part.strip_prefix("lxc.payload.") {
            return unit("lxc", name);
        }
        let plain = part.strip_suffix(".scope").unwrap_or(part);
        let named =
            CONTAINERS.iter().find_map(|(prefix, manager)| Some((*manager, plain.strip_prefix(prefix)?)));
        let (manager, id) = match (named, above) {
            (Some(named), _) => named,
            (None, "docker") => ("docker", part),
            (None, "lxc") if !part.is_empty() => return unit("lxc", part),
            (None, above) if above.contains("pod") => ("containerd", part),
            (None, _) => return None,
        };
        let is_id = id.len() >= 12 && id.bytes().all(|byte| byte.is_ascii_hexdigit());
        is_id.then(|| unit(manager, &id[..12])).flatten()
    })
}

/// The innermost unit, unless it is no more than the login itself.
fn systemd(path: &str) -> Option<Unit> {
    let part = path.split('/').rev().find(|part| part.ends_with(".service") || part.ends_with(".scope"))?;
    let login = part.starts_with("session-") || part.starts_with("user@") || part == "init.scope";
    if login { None } else { unit("systemd", part) }
}

fn unit(manager: &str, name: &str) -> Option<Unit> {
    Some(Unit { manager: manager.to_owned(), name: name.to_owned() })
}

#[cfg(test)]
mod tests {
    use super::*;

    const ID: &str = "0123456789abcdef0123456789abcdef0123456789abcdef0123456789abcdef";

    #[test]
    fn paths_as_they_are_found() {
        for (path, expected) in [
            ("0::/", None),
            ("", None),
            ("garbage", None),
            ("0::/user.slice/user-1000.slice/session-3.scope", None),
            ("0::/user.slice/user-1000.slice/user@1000.service/init.scope", None),
            (
                "0::/user.slice/user-1000.slice/user@1000.service/app.slice/app-code-12.scope",
                Some("systemd app-code-12.scope"),
            ),
            ("0::/system.slice/nginx.service", Some("systemd nginx.service")),
            ("0::/system.slice/docker-ID.scope", Some("docker 0123456789ab")),
            ("12:pids:/docker/ID\n1:name=systemd:/docker/ID\n0::/", Some("docker 0123456789ab")),
            ("9:memory:/\n8:pids:/docker/ID", Some("docker 0123456789ab")),
            ("0::/../../system.slice/docker-ID.scope/init", Some("docker 0123456789ab")),
            ("0::/machine.slice/libpod-ID.scope/container", Some("podman 0123456789ab")),
            (
                "0::/user.slice/user-1.slice/user@1.service/user.slice/libpod-ID.scope",
                Some("podman 0123456789ab"),
            ),
            (
                "0::/kubepods.slice/kubepods-pod7.slice/cri-containerd-ID.scope",
                Some("containerd 0123456789ab"),
            ),
            ("0::/kubepods/burstable/pod7c-1/ID", Some("containerd 0123456789ab")),
            ("0::/kubepods.slice/kubepods-pod7.slice/crio-ID.scope", Some("crio 0123456789ab")),
            ("0::/lxc.payload.web/system.slice/nginx.service", Some("lxc web")),
            ("1:name=systemd:/lxc/web", Some("lxc web")),
            ("0::/system.slice/docker.service", Some("systemd docker.service")),
            ("0::/docker/notanid", None),
        ] {
            let unit = parse(&path.replace("ID", ID)).map(|unit| format!("{} {}", unit.manager, unit.name));
            assert_eq!(unit.as_deref(), expected, "{path}");
        }
    }
}
