//! The client: prepared requests over raw sockets, on one thread, so that it
//! costs less than what it measures. One client blocks in `read`, as real ones
//! do; several are driven by one `poll`.

use std::{
    io::{ErrorKind, Read, Write},
    time::{Duration, Instant},
};

use anyhow::{Context, Result, bail};
use hdrhistogram::Histogram;
use rustix::event::{PollFd, PollFlags, Timespec, poll};

use crate::{
    clock,
    place::{Place, Stream},
    wire::{Answer, Framing},
};

/// The longest latency that is told from a longer one.
const LONGEST: Duration = Duration::from_secs(60);

/// When a request is sent.
#[derive(Debug, Clone, Copy, PartialEq)]
pub(crate) enum Pace {
    /// As soon as a connection has its answer: how much can be done.
    Closed,
    /// So many a second, whatever the answers do. Latency counts from when a
    /// request was due, so one that had to wait for others tells of it.
    PerSecond(f64),
}

/// What is to be asked.
#[derive(Debug, Clone)]
pub(crate) struct Plan<'a> {
    pub(crate) place: &'a Place,
    pub(crate) framing: Framing,
    /// One after the other, and from the first again.
    pub(crate) requests: &'a [Vec<u8>],
    pub(crate) count: usize,
    /// How many connections ask at once.
    pub(crate) clients: usize,
    pub(crate) keep_alive: bool,
    pub(crate) pace: Pace,
    /// Any other status is an error.
    pub(crate) status: u16,
}

/// What came of it.
#[derive(Debug)]
pub(crate) struct Load {
    pub(crate) seconds: f64,
    /// In nanoseconds.
    pub(crate) latency: Histogram<u64>,
    pub(crate) bodies: Vec<Vec<u8>>,
}

impl Load {
    pub(crate) fn microseconds(&self, percentile: f64) -> f64 {
        float(self.latency.value_at_percentile(percentile)) / 1e3
    }

    pub(crate) fn per_second(&self) -> f64 {
        float(self.latency.len()) / self.seconds
    }
}

#[expect(clippy::cast_precision_loss, reason = "far below 2^53")]
pub(crate) fn float(number: u64) -> f64 {
    number as f64
}

/// A histogram of latencies in nanoseconds, exact to three digits.
pub(crate) fn histogram() -> Result<Histogram<u64>> {
    Ok(Histogram::new_with_max(u64::try_from(LONGEST.as_nanos())?, 3)?)
}

/// Asks, and waits for all answers.
pub(crate) fn run(plan: &Plan<'_>) -> Result<Load> {
    Driver::new(plan)?.drive().with_context(|| format!("asking {}", plan.place))
}

struct Connection {
    stream: Option<Stream>,
    answer: Answer,
    since: Instant,
}

struct Driver<'a> {
    plan: &'a Plan<'a>,
    connections: Vec<Connection>,
    idle: Vec<usize>,
    busy: Vec<usize>,
    begun: Instant,
    sent: usize,
    latency: Histogram<u64>,
    bodies: Vec<Vec<u8>>,
    buffer: Vec<u8>,
}

impl<'a> Driver<'a> {
    fn new(plan: &'a Plan<'a>) -> Result<Self> {
        let mut connections = Vec::with_capacity(plan.clients);
        for _ in 0..plan.clients {
            let stream = if plan.keep_alive { Some(plan.connect()?) } else { None };
            connections.push(Connection { stream, answer: Answer::new(plan.framing), since: clock::now() });
        }
        Ok(Self {
            plan,
            connections,
            idle: (0..plan.clients).rev().collect(),
            busy: Vec::with_capacity(plan.clients),
            begun: clock::now(),
            sent: 0,
            latency: histogram()?,
            bodies: Vec::with_capacity(plan.count),
            buffer: vec![0; 64 * 1024],
        })
    }

    fn drive(mut self) -> Result<Load> {
        self.begun = clock::now();
        while self.bodies.len() < self.plan.count {
            self.send()?;
            for index in self.ready()? {
                if self.receive(index)? {
                    self.idle.push(index);
                } else {
                    self.busy.push(index);
                }
            }
        }
        let seconds = clock::now().duration_since(self.begun).as_secs_f64();
        Ok(Load { seconds, latency: self.latency, bodies: self.bodies })
    }

    /// When the next request is to be sent.
    fn due(&self) -> Option<Instant> {
        match self.plan.pace {
            Pace::Closed => None,
            #[expect(clippy::cast_precision_loss, reason = "far below 2^53")]
            Pace::PerSecond(rate) => Some(self.begun + Duration::from_secs_f64(self.sent as f64 / rate)),
        }
    }

    fn send(&mut self) -> Result<()> {
        while self.sent < self.plan.count {
            let Some(index) = self.idle.last().copied() else { break };
            let now = clock::now();
            let since = self.due().unwrap_or(now);
            if since > now {
                break;
            }
            self.idle.pop();
            let connection = &mut self.connections[index];
            connection.since = since;
            connection.answer.clear();
            if connection.stream.is_none() {
                connection.stream = Some(self.plan.connect()?);
            }
            let request = &self.plan.requests[self.sent % self.plan.requests.len()];
            let stream = connection.stream.as_mut().context("no connection")?;
            stream.write_all(request)?;
            self.sent += 1;
            self.busy.push(index);
        }
        Ok(())
    }

    /// Takes those out of `busy` that can be read without waiting.
    fn ready(&mut self) -> Result<Vec<usize>> {
        if self.plan.blocks() {
            return Ok(std::mem::take(&mut self.busy));
        }
        let timeout = match self.due() {
            Some(due) if self.sent < self.plan.count && !self.idle.is_empty() => {
                Some(Timespec::try_from(due.saturating_duration_since(clock::now()))?)
            }
            _ => None,
        };
        let streams = self.busy.iter().filter_map(|index| self.connections[*index].stream.as_ref());
        let mut fds: Vec<PollFd<'_>> = streams.map(|stream| PollFd::new(stream, PollFlags::IN)).collect();
        match poll(&mut fds, timeout.as_ref()) {
            Ok(_) | Err(rustix::io::Errno::INTR) => {}
            Err(error) => return Err(error.into()),
        }
        let is_ready: Vec<bool> = fds.iter().map(|fd| !fd.revents().is_empty()).collect();
        let mut ready = Vec::with_capacity(is_ready.len());
        let mut each = is_ready.into_iter();
        self.busy.retain(|index| {
            let waits = !each.next().unwrap_or(false);
            if !waits {
                ready.push(*index);
            }
            waits
        });
        Ok(ready)
    }

    /// Reads from a connection; whether its answer is whole.
    fn receive(&mut self, index: usize) -> Result<bool> {
        let Self { plan, connections, buffer, .. } = self;
        let connection = &mut connections[index];
        let stream = connection.stream.as_mut().context("no connection")?;
        loop {
            let read = match stream.read(buffer) {
                Ok(read) => read,
                Err(error) if error.kind() == ErrorKind::Interrupted => continue,
                Err(error) if error.kind() == ErrorKind::WouldBlock => return Ok(false),
                Err(error) => return Err(error.into()),
            };
            if connection.answer.push(&buffer[..read])? {
                break;
            }
            // Several are driven: what has not come yet is polled for.
            if !plan.blocks() {
                return Ok(false);
            }
        }
        let took = clock::now().saturating_duration_since(connection.since);
        if connection.answer.status() != plan.status {
            let body = String::from_utf8_lossy(connection.answer.body());
            bail!("status {} in place of {}: {body}", connection.answer.status(), plan.status);
        }
        if !plan.keep_alive {
            connection.stream = None;
        }
        self.latency.saturating_record(u64::try_from(took.as_nanos())?);
        self.bodies.push(connection.answer.body().to_vec());
        Ok(true)
    }
}

impl Plan<'_> {
    /// Whether there is nothing to do but to wait for one answer.
    fn blocks(&self) -> bool {
        self.clients == 1 && self.pace == Pace::Closed
    }

    fn connect(&self) -> Result<Stream> {
        let stream = self.place.connect().with_context(|| format!("connecting to {}", self.place))?;
        stream.set_nonblocking(!self.blocks())?;
        Ok(stream)
    }
}
