//! Conflict-free, stable ports for every project on this machine.
//!
//! This is the client library: a [`Client`] speaks to the portlease daemon of
//! this user, over its Unix socket or over TCP. All of it is async, on tokio.
//!
//! ```no_run
//! use portlease::{Client, proto::GetRequest};
//!
//! # async fn example() -> Result<(), Box<dyn std::error::Error>> {
//! let mut client = Client::builder().autostart(true).connect().await?;
//! let lease = client.get(&"myapp".parse()?, &"web".parse()?, &GetRequest::default()).await?;
//! println!("listen on {}", lease.port);
//! # Ok(())
//! # }
//! ```
//!
//! # Reaching the daemon
//!
//! The Unix socket comes first. If nobody answers there, the client goes to the
//! TCP address that the daemon published, and stays away from any other. A
//! daemon is only started when [`ClientBuilder::autostart`] says so.
//!
//! Ports and paths can be taken by others, so before a single byte is sent, the
//! token least of all, the client makes sure of the other side: the socket's
//! directory is this user's alone and the process behind the socket is this
//! user's; over TCP, the kernel names this user for the listener and for the
//! other end of the connection. That takes Linux and netlink: elsewhere the
//! client uses the Unix socket alone.
//!
//! # Whose ports
//!
//! [`identify`] tells which project a directory belongs to, as the command line
//! does when no project is named.
//!
//! # Errors
//!
//! [`Error`] says which side failed. What the daemon refused is
//! [`Error::Refused`], with a stable [code](proto::ErrorCode), words for people,
//! and what is in the way:
//!
//! ```no_run
//! use portlease::{Client, Error, proto::{ErrorCode, GetRequest}};
//!
//! # async fn example() -> Result<(), Box<dyn std::error::Error>> {
//! let mut client = Client::builder().connect().await?;
//! let exactly = GetRequest { port: Some("5432".parse()?), ..GetRequest::default() };
//! match client.get(&"myapp".parse()?, &"db".parse()?, &exactly).await {
//!     Ok(lease) => println!("{}", lease.port),
//!     Err(Error::Refused(problem)) if problem.code == ErrorCode::PortInUse => {
//!         println!("{}: {:?}", problem.detail, problem.holder);
//!     }
//!     Err(error) => return Err(error.into()),
//! }
//! # Ok(())
//! # }
//! ```

mod autostart;
mod builder;
mod client;
mod dial;
mod error;
mod events;
mod identity;
mod listener;
pub mod manifest;
pub mod variables;

pub use builder::ClientBuilder;
pub use client::Client;
pub use dial::Address;
pub use error::{Error, StartError};
pub use events::{Events, Message};
pub use identity::{Identity, IdentityError, NamedBy, identify};
pub use portlease_local::{InvalidToken, Token, TokenError, private::PrivateError};
pub use portlease_proto as proto;
