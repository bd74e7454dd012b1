//! Ports for tests: each is leased from portlease while its [`TestPort`] lives,
//! so that nobody else on this machine is given it, and really free.
//!
//! ```no_run
//! use std::net::TcpListener;
//!
//! #[test]
//! fn serves() {
//!     let port = portlease_test::port();
//!     let server = TcpListener::bind(("127.0.0.1", *port)).unwrap();
//!     assert_eq!(port.url(), format!("http://localhost:{port}"));
//! }
//! ```
//!
//! Several, or with wishes:
//!
//! ```no_run
//! use portlease_test::AnonymousRequest;
//!
//! let [web, db]: [_; 2] = portlease_test::ports(2).try_into().unwrap();
//! let wishes = AnonymousRequest { range: Some("20000-20999".parse().unwrap()), ..Default::default() };
//! let port = portlease_test::lease(wishes).unwrap().remove(0);
//! ```
//!
//! All of it may be called from a test that is async, too. What a process that
//! is killed does not give back ends with it.
//!
//! # When no daemon answers
//!
//! One is started if `portlease` is on `PATH`, unless `PORTLEASE_NO_AUTOSTART`
//! is set. Else there is no port: a test fails with what is wrong and the
//! command to type. There is no falling back to a random port.

mod error;

use std::{fmt, num::NonZeroU32, ops::Deref, panic::resume_unwind, thread};

use portlease::{
    Client,
    proto::{ProjectName, ServiceName},
};
use tokio::runtime;

pub use error::Error;
pub use portlease::proto::{AnonymousRequest, Port};

/// A port that is leased while this lives. It derefs to its number.
#[derive(Debug)]
#[must_use = "the port is given back when this is dropped"]
pub struct TestPort {
    number: u16,
    port: Port,
    lease: (ProjectName, ServiceName),
}

impl TestPort {
    /// The port as portlease has it.
    #[must_use]
    pub fn port(&self) -> Port {
        self.port
    }

    /// `http://localhost:PORT`.
    #[must_use]
    pub fn url(&self) -> String {
        format!("http://localhost:{self}")
    }
}

impl Deref for TestPort {
    type Target = u16;

    fn deref(&self) -> &u16 {
        &self.number
    }
}

impl fmt::Display for TestPort {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        self.port.fmt(f)
    }
}

impl Drop for TestPort {
    fn drop(&mut self) {
        let (project, service) = &self.lease;
        // What cannot be told to the daemon now ends with this process.
        let _ended_later =
            on_a_thread(async || Client::builder().connect().await?.release(project, Some(service)).await);
    }
}

/// A port for this test.
///
/// # Panics
/// When there is none, with the words of [`Error`].
#[track_caller]
pub fn port() -> TestPort {
    ports(1).remove(0)
}

/// So many ports for this test.
///
/// # Panics
/// When there are not so many, with the words of [`Error`].
#[track_caller]
pub fn ports(count: u32) -> Vec<TestPort> {
    let Some(count) = NonZeroU32::new(count) else { return Vec::new() };
    match lease(AnonymousRequest { count: Some(count), ..AnonymousRequest::default() }) {
        Ok(ports) => ports,
        Err(error) => panic!("portlease: {error}"),
    }
}

/// What is asked for, all or nothing. The leases end with this process if the
/// request names no other owner.
///
/// # Errors
/// [`Error`]; then nothing is leased.
pub fn lease(mut request: AnonymousRequest) -> Result<Vec<TestPort>, Error> {
    request.owner_pid = request.owner_pid.or(NonZeroU32::new(std::process::id()));
    let labels = request.labels.get_or_insert_default();
    labels.entry("via".to_owned()).or_insert_with(|| "rust".to_owned());
    // The harness names threads after tests; what is too long for a label is left out.
    if let Some(test) = thread::current().name().filter(|name| name.len() <= 256) {
        labels.entry("test".to_owned()).or_insert_with(|| test.to_owned());
    }
    let autostart = std::env::var_os("PORTLEASE_NO_AUTOSTART").is_none();
    let leases = on_a_thread(async || {
        Client::builder().autostart(autostart).connect().await?.get_anonymous(&request).await
    })?;
    let of = |lease: portlease::proto::Lease| TestPort {
        number: lease.port.get(),
        port: lease.port,
        lease: (lease.project, lease.service),
    };
    Ok(leases.into_iter().map(of).collect())
}

/// On a thread of its own: a test that is async has a runtime on its own
/// already, which would not be blocked. A daemon that is being killed takes
/// connections to the last, so that one which breaks is made anew, once.
fn on_a_thread<T: Send>(
    work: impl AsyncFn() -> Result<T, portlease::Error> + Send + Sync,
) -> Result<T, Error> {
    let blocking = || {
        let runtime = runtime::Builder::new_current_thread().enable_all().build().map_err(Error::Runtime)?;
        runtime.block_on(async {
            match work().await {
                Err(portlease::Error::Connection(_)) => Ok(work().await?),
                done => Ok(done?),
            }
        })
    };
    thread::scope(|scope| scope.spawn(blocking).join()).unwrap_or_else(|panic| resume_unwind(panic))
}
