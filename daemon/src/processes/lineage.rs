//! Who started a process: its parents up to one that a person knows, a shell,
//! a terminal, an editor or a service manager. Pure.

use portlease_proto::Parent;

/// No chain of parents is longer in what is shown.
const MOST: usize = 24;

/// What `/proc/PID/stat` tells.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(super) struct Stat {
    pub(super) name: String,
    /// As ps(1) has it: `R`, `S`, `T` …
    pub(super) state: char,
    pub(super) parent: u32,
    /// Whose process group it is in.
    pub(super) group: u32,
    /// Whose session it is in.
    pub(super) session: u32,
}

impl Stat {
    /// proc_pid_stat(5). The second field, the name in parentheses, may itself
    /// have blanks and parentheses.
    pub(super) fn parse(text: &str) -> Option<Self> {
        let (_, rest) = text.split_once('(')?;
        let (name, fields) = rest.rsplit_once(')')?;
        let mut fields = fields.split_ascii_whitespace();
        let state = fields.next()?.chars().next()?;
        let mut number = || fields.next()?.parse().ok();
        let (parent, group, session) = (number()?, number()?, number()?);
        Some(Self { name: name.to_owned(), state, parent, group, session })
    }

    /// Whether a signal or a debugger has stopped it.
    pub(super) fn is_stopped(&self) -> bool {
        matches!(self.state, 'T' | 't')
    }
}

/// The parents, from the process `first` on. `stat` and `arguments` tell what
/// is known of a process.
pub(super) fn parents(
    first: u32,
    stat: impl Fn(u32) -> Option<Stat>,
    arguments: impl Fn(u32) -> Vec<String>,
) -> Vec<Parent> {
    let mut parents = Vec::new();
    let mut pid = first;
    while pid > 0 && parents.len() < MOST {
        let Some(stat) = stat(pid) else { break };
        let last = is_known(&stat.name) || is_shell(&stat.name) && is_typed_into(&arguments(pid));
        parents.push(Parent { pid, name: stat.name });
        if last {
            break;
        }
        pid = stat.parent;
    }
    parents
}

/// Terminals, editors and service managers, by the beginning of their names,
/// of which the kernel keeps 15 bytes.
fn is_known(name: &str) -> bool {
    const BEGINNINGS: [&str; 23] = [
        "gnome-terminal",
        "xfce4-terminal",
        "tmux",
        "containerd-shim",
        "systemd",
        "supervisord",
        "runsv",
        "s6-",
        "sshd",
        "PM2",
        "code-",
        "jetbrains",
        "wezterm",
        "konsole",
        "alacritty",
        "ghostty",
        "terminator",
        "zellij",
        "dockerd",
        "containerd",
        "conmon",
        "cron",
        "launchd",
    ];
    const NAMES: [&str; 22] = [
        "init",
        "kitty",
        "foot",
        "xterm",
        "urxvt",
        "tilix",
        "screen",
        "SCREEN",
        "login",
        "code",
        "codium",
        "cursor",
        "windsurf",
        "zed",
        "vim",
        "nvim",
        "emacs",
        "idea",
        "webstorm",
        "pycharm",
        "rubymine",
        "sublime_text",
    ];
    NAMES.contains(&name) || BEGINNINGS.iter().any(|beginning| name.starts_with(beginning))
}

fn is_shell(name: &str) -> bool {
    ["sh", "bash", "dash", "zsh", "fish", "ksh", "mksh", "tcsh", "csh", "nu", "pwsh"].contains(&name)
}

/// Whether a shell reads from a person, not from a script or from `-c`.
fn is_typed_into(arguments: &[String]) -> bool {
    arguments
        .iter()
        .skip(1)
        .all(|word| word.starts_with('-') && (word.starts_with("--") || !word.contains('c')))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn what_stat_tells() {
        let stat = |name: &str, state, parent| {
            Some(Stat { name: name.to_owned(), state, parent, group: 12, session: 11 })
        };
        assert_eq!(Stat::parse("12 (node) S 7 12 11 0 -1"), stat("node", 'S', 7));
        assert_eq!(Stat::parse("12 (a) b) (c) T 9 12 11"), stat("a) b) (c", 'T', 9));
        assert_eq!(Stat::parse("12 (node) S 7 12"), None);
        assert_eq!(Stat::parse("12 (node"), None);
        assert_eq!(Stat::parse("12 (node) S"), None);
        assert_eq!(Stat::parse(""), None);
        assert!(Stat::parse("1 (a) T 1 1 1").unwrap().is_stopped());
        assert!(!Stat::parse("1 (a) S 1 1 1").unwrap().is_stopped());
    }

    /// The processes from the holder's parent on, as `name arguments`.
    #[track_caller]
    fn check(processes: &[&str], shown: &[&str]) {
        let at = |pid: u32| processes.get(pid as usize - 10).copied();
        let stat = |pid| {
            let name = at(pid)?.split(' ').next()?.to_owned();
            Some(Stat { name, state: 'S', parent: pid + 1, group: 1, session: 1 })
        };
        let arguments = |pid| at(pid).unwrap_or_default().split(' ').map(str::to_owned).collect();
        let names: Vec<String> = parents(10, stat, arguments).into_iter().map(|parent| parent.name).collect();
        assert_eq!(names, shown);
    }

    #[test]
    fn the_chain_ends_with_what_a_person_knows() {
        check(&["npm run", "zsh", "kitty", "systemd"], &["npm", "zsh"]);
        check(&["sh -c vite", "npm run dev", "bash --login -i", "sshd"], &["sh", "npm", "bash"]);
        check(
            &["bash ./start.sh", "bash -lc ./start.sh", "tmux: server", "systemd"],
            &["bash", "bash", "tmux:"],
        );
        check(&["node x", "code --ms-enable", "init"], &["node", "code"]);
        check(&["gunicorn", "systemd --user", "systemd"], &["gunicorn", "systemd"]);
        check(&["a", "b"], &["a", "b"]);
        check(&[], &[]);
    }

    #[test]
    fn no_chain_goes_on_for_ever() {
        let stat = |_| Some(Stat { name: "a".to_owned(), state: 'S', parent: 5, group: 5, session: 5 });
        assert_eq!(parents(5, stat, |_| Vec::new()).len(), MOST);
    }
}
