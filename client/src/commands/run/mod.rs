//! `portlease run`

mod keep;
mod notes;
mod plan;
mod verify;

use std::{
    io,
    num::{NonZeroU32, TryFromIntError},
    process::ExitCode,
    time::Duration,
};

use portlease_proto::{Paths, ProjectLeases};
use portleased::clock::Stopwatch;
use rustix::process::Pid;

use crate::{
    args::RunArgs,
    exit::{Exit, Failure},
    output,
    run::{End, Ended, LaunchError, Place, Signals, supervise},
};
pub(crate) use plan::quoted;
use plan::{Plan, ports};

/// An app that fails sooner than this may have found its port taken.
const AT_ONCE: Duration = Duration::from_secs(10);

/// Runs the command and ends as it ends.
pub(crate) async fn run(paths: &Paths, args: RunArgs) -> Result<ExitCode, Failure> {
    let plan = Plan::of(args)?;
    let mut leases = plan.get(paths).await?;
    let since = Stopwatch::start();
    let ended = begun(paths, &plan, &mut leases).await?;
    // Why another process failed the kernel tells no one. But if a stranger is
    // on the port, that is why, and `get` says so and moves.
    if ended.how.well() || ended.asked || since.elapsed() > AT_ONCE {
        return Ok(ended.how.into());
    }
    let before = ports(&leases);
    match plan.get_again(paths, None).await {
        Ok(moved) if plan.differs(&before, &ports(&moved)) => leases = moved,
        // What the command itself has said is what counts now.
        _ => return Ok(ended.how.into()),
    }
    output::note("the command is started once more, on the new port");
    Ok(begun(paths, &plan, &mut leases).await?.how.into())
}

/// Starts the app, and is there until it ends.
async fn begun(paths: &Paths, plan: &Plan, leases: &mut ProjectLeases) -> Result<End, Failure> {
    loop {
        if let Some(ended) = once(paths, plan, leases).await? {
            return Ok(ended);
        }
    }
}

/// As [`begun`]; none if its ports were taken before it began.
async fn once(paths: &Paths, plan: &Plan, leases: &mut ProjectLeases) -> Result<Option<End>, Failure> {
    let place = Place::find();
    let mut signals = Signals::take().map_err(|error| broken(&error))?;
    let mut child = plan.launch(leases)?.wait(&place).map_err(|error| broken(&error))?;
    let app = child.pid;
    let mut supervised = tokio::task::spawn_blocking(move || supervise(&mut signals, &place, app));

    // Now that the daemon knows who comes, it lets go of what it holds.
    let told = match plan.get_again(paths, Some(number(app)?)).await {
        Ok(told) => told,
        Err(failure) => {
            // A process that waits at a closed gate ends.
            drop(child);
            let _ended = supervised.await;
            return Err(failure);
        }
    };
    let moved = ports(&told) != ports(leases);
    *leases = told;
    if moved {
        drop(child);
        let _ended = supervised.await;
        return Ok(None);
    }
    if let Err(error) = child.go() {
        let _ended = supervised.await;
        let status = error.status();
        output::failure(&broken(&error));
        return Ok(Some(End { how: Ended::Status(status), asked: false }));
    }
    let about = async {
        tokio::join!(verify::verify(paths, plan, leases), keep::keep(paths, leases));
        std::future::pending().await
    };
    tokio::select! {
        ended = &mut supervised => {
            let ended = ended.map_err(io::Error::other).and_then(|ended| ended);
            ended.map(Some).map_err(|error| broken(&error))
        }
        never = about => never,
    }
}

fn number(app: Pid) -> Result<NonZeroU32, Failure> {
    app.as_raw_nonzero().try_into().map_err(|error: TryFromIntError| broken(&error))
}

fn broken(error: &dyn std::error::Error) -> Failure {
    Failure::from_chain(Exit::Failed, error)
}

impl LaunchError {
    /// As shells have it: 127 if there is no such program, else 126.
    fn status(&self) -> u8 {
        match self {
            Self::Program { source, .. } if source.kind() == io::ErrorKind::NotFound => 127,
            Self::Program { .. } | Self::Process(_) => 126,
        }
    }
}
