//! Linux: a pidfd becomes readable when its process ends, and one epoll
//! descriptor stands for all of them.

use std::{
    collections::{BTreeMap, HashMap},
    io,
    os::fd::{AsFd, BorrowedFd, OwnedFd},
    sync::{Mutex, MutexGuard, PoisonError},
};

use rustix::{
    event::epoll::{self, CreateFlags, Event, EventData, EventFlags},
    event::{PollFd, PollFlags, Timespec, poll},
    io::Errno,
    process::{Pid, PidfdFlags, pidfd_open},
};

use super::{OwnerError, Owners};
use crate::{
    clock::{self, BootId, Clock, SystemClock},
    proc_file,
    registry::Owner,
};

const AT_ONCE: Timespec = Timespec { tv_sec: 0, tv_nsec: 0 };

/// The processes of the running system.
#[derive(Debug)]
pub struct SystemOwners {
    epoll: OwnedFd,
    watched: Mutex<Watched>,
}

#[derive(Debug, Default)]
struct Watched {
    pidfds: BTreeMap<Owner, (u64, OwnedFd)>,
    tokens: HashMap<u64, Owner>,
    last_token: u64,
}

impl SystemOwners {
    /// A watch over nobody.
    ///
    /// # Errors
    /// As the system call.
    pub fn new() -> io::Result<Self> {
        Ok(Self { epoll: epoll::create(CreateFlags::CLOEXEC)?, watched: Mutex::default() })
    }

    /// A file that is readable when somebody has ended.
    ///
    /// # Errors
    /// As the system call.
    pub fn bell(&self) -> io::Result<OwnedFd> {
        self.epoll.try_clone()
    }

    fn lock(&self) -> MutexGuard<'_, Watched> {
        self.watched.lock().unwrap_or_else(PoisonError::into_inner)
    }
}

impl Watched {
    /// Who has this number, if that is known without asking: as long as somebody
    /// has not ended, nobody else gets its number.
    fn living(&self, pid: u32) -> Option<Owner> {
        let [first, last] = [(0, BootId(0)), (u64::MAX, BootId(u128::MAX))].map(|(start, boot_id)| Owner {
            pid,
            start,
            boot_id,
        });
        let mut had_it = self.pidfds.range(first..=last);
        had_it.find(|(_, (_, pidfd))| matches!(has_ended(pidfd.as_fd()), Ok(false))).map(|(owner, _)| *owner)
    }
}

impl Owners for SystemOwners {
    fn find(&self, pid: u32) -> Result<Owner, OwnerError> {
        if let Some(owner) = self.lock().living(pid) {
            return Ok(owner);
        }
        open(pid).map(|(owner, _)| owner)
    }

    fn watch(&self, owner: Owner) -> Result<(), OwnerError> {
        let mut watched = self.lock();
        if watched.pidfds.contains_key(&owner) {
            return Ok(());
        }
        let (now, pidfd) = open(owner.pid)?;
        if now != owner {
            return Err(OwnerError::Ended);
        }
        watched.last_token += 1;
        let token = watched.last_token;
        epoll::add(&self.epoll, &pidfd, EventData::new_u64(token), EventFlags::IN).map_err(failed)?;
        watched.tokens.insert(token, owner);
        watched.pidfds.insert(owner, (token, pidfd));
        Ok(())
    }

    fn unwatch(&self, owner: Owner) {
        let mut watched = self.lock();
        // Closing it takes it out of the epoll set, too.
        if let Some((token, _pidfd)) = watched.pidfds.remove(&owner) {
            watched.tokens.remove(&token);
        }
    }

    fn ended(&self) -> Vec<Owner> {
        let mut watched = self.lock();
        let mut ended = Vec::new();
        loop {
            let mut events: Vec<Event> = Vec::with_capacity(64);
            // An error leaves nothing to tell; the bell goes on ringing.
            let _count =
                epoll::wait(&self.epoll, rustix::buffer::spare_capacity(&mut events), Some(&AT_ONCE));
            if events.is_empty() {
                return ended;
            }
            for event in events {
                if let Some(owner) = watched.tokens.remove(&event.data.u64()) {
                    watched.pidfds.remove(&owner);
                    ended.push(owner);
                }
            }
        }
    }
}

/// The process, and what tells of its end. The order matters: the pidfd first,
/// and after its start time was read it must still live, so that both are of
/// one process.
fn open(pid: u32) -> Result<(Owner, OwnedFd), OwnerError> {
    let raw = i32::try_from(pid).ok().and_then(Pid::from_raw).ok_or(OwnerError::Ended)?;
    let pidfd = pidfd_open(raw, PidfdFlags::empty()).map_err(failed)?;
    let stat = proc_file::read(format!("/proc/{pid}/stat"));
    if has_ended(pidfd.as_fd())? {
        return Err(OwnerError::Ended);
    }
    let stat = stat.map_err(|error| failed(Errno::from_io_error(&error).unwrap_or(Errno::IO)))?;
    let start = parse_start(&String::from_utf8_lossy(&stat))
        .ok_or_else(|| OwnerError::Call(io::Error::new(io::ErrorKind::InvalidData, "/proc/PID/stat")))?;
    let start = clock::start_on_machine(start);
    Ok((Owner { pid, start, boot_id: SystemClock.now().boot_id }, pidfd))
}

fn has_ended(pidfd: BorrowedFd<'_>) -> Result<bool, OwnerError> {
    let mut fds = [PollFd::from_borrowed_fd(pidfd, PollFlags::IN)];
    poll(&mut fds, Some(&AT_ONCE)).map(|ready| ready > 0).map_err(failed)
}

/// pidfd_open(2): EINVAL is what the number of a thread gets (ENOENT since 6.15).
fn failed(errno: Errno) -> OwnerError {
    match errno {
        Errno::SRCH => OwnerError::Ended,
        Errno::INVAL | Errno::NOENT => OwnerError::Thread,
        Errno::MFILE | Errno::NFILE => OwnerError::TooManyFiles,
        errno => OwnerError::Call(errno.into()),
    }
}

/// The 22nd field of proc_pid_stat(5), in clock ticks. The second, the name in
/// parentheses, may itself have blanks and parentheses.
fn parse_start(stat: &str) -> Option<u64> {
    let (_, fields) = stat.rsplit_once(')')?;
    fields.split_ascii_whitespace().nth(19)?.parse().ok()
}

#[cfg(test)]
mod tests {
    use std::process::{Child, Command, Stdio};

    use super::*;

    fn process() -> Child {
        Command::new("cat").stdin(Stdio::piped()).stdout(Stdio::null()).spawn().unwrap()
    }

    fn end(mut child: Child) {
        child.kill().unwrap();
        child.wait().unwrap();
    }

    #[test]
    fn the_start_is_the_twenty_second_field() {
        let stat = "7 (a) b) S 1 3 4 5 6 7 8 9 10 11 12 13 14 15 16 17 18 19 4711 21";
        assert_eq!(parse_start(stat), Some(4711));
        assert_eq!(parse_start("7 (a"), None);
    }

    #[test]
    fn an_owner_is_told_of_when_it_ends_and_once() {
        let owners = SystemOwners::new().unwrap();
        let (first, second) = (process(), process());
        let [one, two] = [&first, &second].map(|child| owners.find(child.id()).unwrap());
        owners.watch(one).unwrap();
        owners.watch(one).unwrap();
        owners.watch(two).unwrap();
        assert_eq!(owners.ended(), []);

        let bell = owners.bell().unwrap();
        let number = first.id();
        assert_eq!(owners.find(number).unwrap(), one, "as it is remembered");
        end(first);
        assert!(matches!(owners.find(number), Err(OwnerError::Ended)), "although it is watched");
        let mut fds = [PollFd::new(&bell, PollFlags::IN)];
        assert_eq!(poll(&mut fds, Some(&Timespec { tv_sec: 10, tv_nsec: 0 })), Ok(1));
        assert_eq!(owners.ended(), [one]);
        assert_eq!(owners.ended(), []);

        owners.unwatch(two);
        end(second);
        assert_eq!(owners.ended(), []);
    }

    #[test]
    fn who_cannot_be_an_owner() {
        let owners = SystemOwners::new().unwrap();
        assert!(matches!(owners.find(u32::MAX), Err(OwnerError::Ended)));
        let mut child = process();
        let owner = owners.find(child.id()).unwrap();
        let earlier = Owner { start: owner.start - 1, ..owner };
        assert!(matches!(owners.watch(earlier), Err(OwnerError::Ended)), "another process had that pid");
        let before = Owner { boot_id: BootId(1), ..owner };
        assert!(matches!(owners.watch(before), Err(OwnerError::Ended)), "before the machine was started");

        // A zombie has ended, although its pid is still taken.
        child.kill().unwrap();
        let pidfd = pidfd_open(Pid::from_child(&child), PidfdFlags::empty()).unwrap();
        poll(&mut [PollFd::new(&pidfd, PollFlags::IN)], None).unwrap();
        assert!(matches!(owners.find(child.id()), Err(OwnerError::Ended)));
        child.wait().unwrap();
        assert!(matches!(owners.watch(owner), Err(OwnerError::Ended)));

        let (send, receive) = std::sync::mpsc::channel();
        let (stop, stopped) = std::sync::mpsc::channel::<()>();
        let thread = std::thread::spawn(move || {
            send.send(rustix::thread::gettid().as_raw_nonzero().get()).unwrap();
            let _dropped = stopped.recv();
        });
        let tid = u32::try_from(receive.recv().unwrap()).unwrap();
        assert!(matches!(owners.find(tid), Err(OwnerError::Thread)));
        drop(stop);
        thread.join().unwrap();
    }
}
