//! `portlease list --watch`

use std::{ops::ControlFlow, time::Duration};

use portlease::{Error, Events, Message};
use portlease_proto::{Lease, Leases, Paths};
use tokio::signal::unix::{SignalKind, signal};

use super::watch::next_daemon;
use crate::{
    args::ListArgs,
    exit::{Exit, Failure},
    output::{self, Screen},
    start,
};

/// How long it gathers what happens at once, such as a batch.
const AT_ONCE: Duration = Duration::from_millis(20);
/// How often times that are shown go on.
const TICK: Duration = Duration::from_secs(1);

/// Until a signal, or until nobody reads what it prints.
pub(crate) async fn list_watch(paths: &Paths, args: &ListArgs) -> Result<(), Failure> {
    let on = |kind| signal(kind).map_err(|error| Failure::from_chain(Exit::Failed, &error));
    let (mut interrupt, mut terminate) = (on(SignalKind::interrupt())?, on(SignalKind::terminate())?);
    let mut hangup = on(SignalKind::hangup())?;
    let mut events = start::connect(paths).await?.events(None, None).await?;
    // After this the terminal is given back whatever happens.
    let screen = if args.json { None } else { Screen::open() };
    tokio::select! {
        result = redraw(paths, args, screen.as_ref(), &mut events) => result,
        _signal = interrupt.recv() => Ok(()),
        _signal = terminate.recv() => Ok(()),
        _signal = hangup.recv() => Ok(()),
    }
}

async fn redraw(
    paths: &Paths,
    args: &ListArgs,
    screen: Option<&Screen>,
    events: &mut Events,
) -> Result<(), Failure> {
    let mut resized =
        signal(SignalKind::window_change()).map_err(|error| Failure::from_chain(Exit::Failed, &error))?;
    loop {
        let mut leases = start::ask(paths, async |client| client.list(None).await).await?;
        leases.retain(|lease| args.all || !lease.project.is_anonymous());
        loop {
            if print(&leases, args, screen).is_break() {
                return Ok(());
            }
            tokio::select! {
                changed = changed(events) => {
                    if !changed? {
                        // What happened until then is in the list that is read next.
                        waiting(screen);
                        *events = next_daemon(paths, events.last_id(), None).await?;
                    }
                    break;
                }
                _size = resized.recv(), if screen.is_some() => {}
                () = tick(), if screen.is_some() => {}
            }
        }
    }
}

/// Waits until something has happened; not if the daemon has ended.
async fn changed(events: &mut Events) -> Result<bool, Failure> {
    let ended = |message: Result<Option<Message>, Error>| match message {
        Ok(Some(Message::Shutdown) | None) | Err(Error::Connection(_) | Error::Silent { .. }) => Ok(true),
        Ok(Some(_)) => Ok(false),
        Err(error) => Err(Failure::from(error)),
    };
    if ended(events.next().await)? {
        return Ok(false);
    }
    while let Ok(message) = tokio::time::timeout(AT_ONCE, events.next()).await {
        if ended(message)? {
            return Ok(false);
        }
    }
    Ok(true)
}

async fn tick() {
    #[expect(clippy::disallowed_methods, reason = "the time that a lease has left is shown as it goes")]
    tokio::time::sleep(TICK).await;
}

fn print(leases: &[Lease], args: &ListArgs, screen: Option<&Screen>) -> ControlFlow<()> {
    if args.json {
        return output::json_line(&Leases { leases: leases.to_vec() });
    }
    let mut lines = output::lines(leases);
    match screen {
        Some(screen) => screen.draw(&lines),
        None => {
            // Between one table and the next.
            lines.push(String::new());
            lines.iter().try_for_each(|line| output::line(line))
        }
    }
}

fn waiting(screen: Option<&Screen>) {
    let text = "the daemon ended; waiting for the next one";
    match screen {
        Some(screen) => drop(screen.draw(&[text.to_owned()])),
        None => output::note(text),
    }
}
