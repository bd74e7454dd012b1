//! `portlease watch`

use std::{ops::ControlFlow, time::Duration};

use portlease::{Client, Error, Events, Message};
use portlease_proto::{Paths, ProjectName};
use tokio::signal::unix::{SignalKind, signal};

use crate::{
    args::WatchArgs,
    exit::{Exit, Failure},
    output, start,
};

/// How often it looks for a daemon after one has ended.
const AGAIN: Duration = Duration::from_millis(250);

/// Until Ctrl-C or SIGTERM, or until nobody reads what it prints.
pub(crate) async fn watch(paths: &Paths, args: &WatchArgs) -> Result<(), Failure> {
    let failed = |error: std::io::Error| Failure::from_chain(Exit::Failed, &error);
    let mut interrupt = signal(SignalKind::interrupt()).map_err(failed)?;
    let mut terminate = signal(SignalKind::terminate()).map_err(failed)?;
    tokio::select! {
        result = until_nobody_reads(paths, args) => result,
        _signal = interrupt.recv() => Ok(()),
        _signal = terminate.recv() => Ok(()),
    }
}

async fn until_nobody_reads(paths: &Paths, args: &WatchArgs) -> Result<(), Failure> {
    let (project, mut last_id) = (args.name.as_ref(), None);
    let mut events = start::connect(paths).await?.events(last_id, project).await?;
    loop {
        output::note("watching; Ctrl-C ends it");
        let ended = loop {
            match events.next().await {
                Ok(Some(Message::Shutdown) | None) => break "the daemon ended",
                Ok(Some(message)) => {
                    if print(&message, args.json).is_break() {
                        return Ok(());
                    }
                }
                Err(Error::Connection(_) | Error::Silent { .. }) => {
                    break "the connection to the daemon broke";
                }
                Err(error) => return Err(error.into()),
            }
        };
        last_id = events.last_id();
        output::note(&format!("{ended}; waiting for the next one"));
        events = next_daemon(paths, last_id, project).await?;
    }
}

/// Whoever ended the daemon may not want another one, so it is waited for. One
/// that is being killed takes connections for a while, and answers none.
pub(super) async fn next_daemon(
    paths: &Paths,
    last_id: Option<u64>,
    project: Option<&ProjectName>,
) -> Result<Events, Failure> {
    loop {
        let events = async { Client::connect(paths).await?.events(last_id, project).await };
        match events.await {
            Err(Error::NotRunning { .. } | Error::Connection(_)) => {}
            result => return Ok(result?),
        }
        #[expect(clippy::disallowed_methods, reason = "a daemon announces itself by answering")]
        tokio::time::sleep(AGAIN).await;
    }
}

fn print(message: &Message, json: bool) -> ControlFlow<()> {
    match message {
        Message::Event(event) if json => output::json_line(&**event),
        Message::Event(event) => output::event(event),
        Message::Reset(reset) if json => {
            output::json_line(&serde_json::json!({"event": "reset", "because": reset.because}))
        }
        Message::Reset(reset) => {
            output::note(&reset.because);
            ControlFlow::Continue(())
        }
        _ => ControlFlow::Continue(()),
    }
}
