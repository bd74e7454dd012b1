//! What single operations ask of the kernel, told apart exactly: a server is
//! watched by strace, the next operation is sent when all of its threads sleep,
//! and what counts is from its arrival to its answer. What the server does by
//! itself, by the clock, comes to few of them: a call counts that three of four
//! made.

use std::{
    collections::BTreeMap,
    fs::{self, File},
    io::{BufRead, BufReader, Read},
    process::{Child, Command, Stdio},
    time::Duration,
};

use anyhow::{Context, Result, bail, ensure};
use rustix::process::{Pid, Signal, kill_process};
use tempfile::TempDir;

use crate::{clock, servers::PATIENCE};

/// How often each system call was made.
pub(crate) type Calls = BTreeMap<String, u32>;

/// What is thrown away: a server's first times fill caches and start threads.
const FIRST: usize = 8;
/// A thread that is about to be woken looks asleep for a moment.
const LOOKS: usize = 3;
const BETWEEN_LOOKS: Duration = Duration::from_micros(300);

/// A process under strace.
struct Trace {
    pid: u32,
    strace: Child,
    lines: File,
    /// A line that has not ended yet.
    rest: String,
    _directory: TempDir,
}

/// What the lines of strace have in them that tell an operation's arrival and
/// its answer.
pub(crate) struct Marks {
    pub(crate) arrival: &'static str,
    pub(crate) answer: &'static str,
}

/// What `count` operations usually ask of a process each, `operation`
/// being told which one it is. Returns when the server has answered, at least.
pub(crate) fn each(
    pid: u32,
    count: usize,
    marks: &Marks,
    mut operation: impl FnMut(usize) -> Result<()>,
) -> Result<Calls> {
    let mut trace = Trace::attach(pid)?;
    let mut all = Vec::with_capacity(count);
    let done: Result<()> = (0..count).try_for_each(|index| {
        trace.at_rest()?;
        trace.seen()?;
        operation(index)?;
        trace.at_rest()?;
        all.extend(between(&trace.seen()?, marks).map(counted));
        Ok(())
    });
    trace.end()?;
    done?;
    ensure!(all.len() > count / 2, "strace shows {} of {count} operations", all.len());
    Ok(usual(&all[FIRST..]))
}

/// What a command usually asks, run `count` times from nothing. It is
/// given the words that come before it.
pub(crate) fn command(
    count: usize,
    mut run: impl FnMut(&mut Command) -> Result<std::process::Output>,
) -> Result<Calls> {
    let directory = tempfile::tempdir()?;
    let path = directory.path().join("calls");
    let mut all = Vec::with_capacity(count);
    for _ in 0..count {
        let output = run(Command::new("strace").args(["-f", "-o"]).arg(&path).arg("--")).context("strace")?;
        ensure!(output.status.success(), "{}", String::from_utf8_lossy(&output.stderr));
        all.push(counted(&fs::read_to_string(&path)?));
    }
    Ok(usual(&all))
}

impl Trace {
    /// Once strace watches all threads that there are.
    fn attach(pid: u32) -> Result<Self> {
        let directory = tempfile::tempdir()?;
        let path = directory.path().join("calls");
        let lines = File::create_new(&path).and_then(|_| File::open(&path))?;
        let mut command = Command::new("strace");
        command.args(["-f", "-o"]).arg(&path).args(["-p", &pid.to_string()]);
        let mut strace = command.stderr(Stdio::piped()).spawn().context("strace")?;
        let mut says = BufReader::new(strace.stderr.take().context("no stderr")?);
        let mut line = String::new();
        while !line.contains("attached") {
            line.clear();
            if says.read_line(&mut line)? == 0 {
                bail!("strace cannot watch process {pid}");
            }
        }
        // Until it ends it may say more.
        std::thread::spawn(move || std::io::copy(&mut says, &mut std::io::sink()));
        Ok(Self { pid, strace, lines, rest: String::new(), _directory: directory })
    }

    /// Returns when no thread of the process has anything to do.
    fn at_rest(&self) -> Result<()> {
        let until = clock::now() + PATIENCE;
        let mut looks = 0;
        while looks < LOOKS {
            looks = if sleeps(self.pid)? { looks + 1 } else { 0 };
            ensure!(clock::now() < until, "process {} is never at rest", self.pid);
            clock::pause(BETWEEN_LOOKS);
        }
        Ok(())
    }

    /// What was asked since this was called last.
    fn seen(&mut self) -> Result<String> {
        self.lines.read_to_string(&mut self.rest)?;
        let whole = self.rest.rfind('\n').map_or(0, |at| at + 1);
        let rest = self.rest.split_off(whole);
        Ok(std::mem::replace(&mut self.rest, rest))
    }

    /// Lets go of the process.
    fn end(&mut self) -> Result<()> {
        let id = Pid::from_raw(i32::try_from(self.strace.id())?).context("strace has no id")?;
        kill_process(id, Signal::INT)?;
        self.strace.wait()?;
        Ok(())
    }
}

/// Whether all threads of a process sleep. One that strace has stopped does not.
fn sleeps(pid: u32) -> Result<bool> {
    let threads = fs::read_dir(format!("/proc/{pid}/task")).context("the server has ended")?;
    for thread in threads {
        // It may end meanwhile.
        let Ok(stat) = fs::read_to_string(thread?.path().join("stat")) else { return Ok(false) };
        // The name before the state may have parentheses itself.
        if stat.rsplit_once(") ").is_none_or(|(_, after)| !after.starts_with('S')) {
            return Ok(false);
        }
    }
    Ok(true)
}

/// The lines of an operation, with those that have its marks.
fn between<'a>(lines: &'a str, marks: &Marks) -> Option<&'a str> {
    let from = lines[..lines.find(marks.arrival)?].rfind('\n').map_or(0, |at| at + 1);
    let lines = &lines[from..];
    let answer = lines.find(marks.answer)?;
    let end = answer + lines[answer..].find('\n')?;
    // The answer counts, also where another thread did something meanwhile.
    Some(lines[..end].trim_end_matches("<unfinished ...>"))
}

/// Calls by name, where they end.
fn counted(lines: &str) -> Calls {
    let mut calls = Calls::new();
    for name in lines.lines().filter_map(counts) {
        *calls.entry(name.to_owned()).or_default() += 1;
    }
    calls
}

/// The name of the call that a line tells the end of, if it counts.
fn counts(line: &str) -> Option<&str> {
    let (_thread, call) = line.split_once(' ')?;
    let call = call.trim_start();
    let name = match call.strip_prefix("<... ") {
        Some(resumed) => resumed.split_once(" resumed>")?.0,
        None if call.ends_with("<unfinished ...>") => return None,
        None => call.split_once('(')?.0,
    };
    let is_name = !name.is_empty() && name.bytes().all(|byte| byte.is_ascii_alphanumeric() || byte == b'_');
    // Timers, and who waits for whom: as the threads happen to run.
    let is_wait = matches!(name, "epoll_wait" | "epoll_pwait" | "futex" | "restart_syscall");
    // The kernel tells of sockets that ended when it likes, and a dump has other flags.
    let is_news = name == "recvfrom" && (call.contains("nlmsg_flags=0,") || call.contains(" = -1 EAGAIN"));
    // The standard library asks of every file that it closes, in a debug build.
    let is_debug = name == "fcntl" && (call.contains("F_GETFD") || call.contains("(flags FD_CLOEXEC)"));
    (is_name && !is_wait && !is_news && !is_debug).then_some(name)
}

/// Of each name what three of four took, at least: disturbances only add.
fn usual(all: &[Calls]) -> Calls {
    let names: std::collections::BTreeSet<&String> = all.iter().flat_map(Calls::keys).collect();
    let of = |name: &String| {
        let mut counts: Vec<u32> = all.iter().map(|calls| calls.get(name).copied().unwrap_or(0)).collect();
        counts.sort_unstable();
        counts[(counts.len() - 1) / 4]
    };
    names.into_iter().map(|name| (name.clone(), of(name))).filter(|(_, count)| *count > 0).collect()
}

#[cfg(test)]
mod tests {
    use super::*;

    fn calls<const N: usize>(all: [(&str, u32); N]) -> Calls {
        all.into_iter().map(|(name, count)| (name.to_owned(), count)).collect()
    }

    #[test]
    fn straces_lines_are_counted_once_each() {
        let lines = "12 epoll_wait(3,  <unfinished ...>\n\
                     13    openat(AT_FDCWD, \"(\", O_RDONLY) = 9\n\
                     12    <... epoll_wait resumed>[{}], 1024, 10) = 1\n\
                     12    write(4, \"read(5\", 6) = 6\n\
                     12    --- SIGCHLD {si_signo=SIGCHLD} ---\n\
                     13    +++ exited with 0 +++\n";
        assert_eq!(counted(lines), calls([("openat", 1), ("write", 1)]));
    }

    #[test]
    fn what_another_run_would_not_have_is_not_counted() {
        let lines = "12 epoll_wait(3, [], 1024, 10) = 0\n\
                     12 <... epoll_wait resumed>[], 1024, 10) = 1\n\
                     12 futex(0x1, FUTEX_WAKE_PRIVATE, 1) = 1\n\
                     12 fcntl(7, F_GETFD)           = 0x1 (flags FD_CLOEXEC)\n\
                     12 recvfrom(9, 0x7ffc, 512, 0, NULL, NULL) = -1 EAGAIN (Resource temporarily unavailable)\n\
                     12 recvfrom(9, [{nlmsg_len=380, nlmsg_type=SOCK_DIAG_BY_FAMILY, nlmsg_flags=0, nlmsg_seq=0\n\
                     12 fcntl(7, F_SETLK, {})       = 0\n";
        assert_eq!(counted(lines), calls([("fcntl", 1)]));
    }

    #[test]
    fn an_operation_is_from_its_arrival_to_its_answer() {
        let marks = Marks { arrival: "\"PUT /v1", answer: "\"HTTP/1.1 " };
        let lines = "1 close(3) = 0\n1 recvfrom(4, \"PUT /v1\") = 7\n1 bind(5) = 0\n\
                     1 writev(4, \"HTTP/1.1 200\" <unfinished ...>\n1 sendto(6) = 1\n";
        let found = between(lines, &marks).unwrap();
        assert_eq!(counted(found), calls([("recvfrom", 1), ("bind", 1), ("writev", 1)]));
        assert_eq!(between("1 close(3) = 0\n1 writev(4, \"HTTP/1.1 200\") = 9\n", &marks), None);
    }

    #[test]
    fn what_comes_by_the_clock_is_left_out() {
        let quiet = || calls([("bind", 3), ("writev", 1)]);
        let disturbed = || calls([("bind", 5), ("writev", 1), ("fsync", 1)]);
        assert_eq!(usual(&[quiet(), disturbed(), quiet(), disturbed(), disturbed()]), quiet());
        assert_eq!(usual(&[]), Calls::new());
    }

    /// The whole of it, on a program whose calls are known.
    #[test]
    fn a_process_that_reads_is_told_from_one_at_rest() {
        let mut cat = Command::new("cat").stdin(Stdio::piped()).stdout(Stdio::piped()).spawn().unwrap();
        assert!(sleeps(cat.id()).is_ok());
        drop(cat.stdin.take());
        cat.wait().unwrap();
        assert!(sleeps(cat.id()).is_err());
    }
}
