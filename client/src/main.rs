//! `portlease`: the command line.

mod args;
mod commands;
mod exit;
mod machine;
mod output;
mod proxy;
mod reference;
mod start;

use std::time::Duration;

use clap::Parser;
use portlease_local::paths;
use portlease_proto::Paths;

use args::{Args, Command};
use exit::{Exit, Failure};

/// When a person wants to know what is waited for.
const SILENCE: Duration = Duration::from_secs(1);

fn main() -> std::process::ExitCode {
    let args = Args::parse();
    match run(args.command) {
        Ok(()) => Exit::Ok.into(),
        Err(failure) => {
            output::failure(&failure);
            failure.exit.into()
        }
    }
}

fn run(command: Command) -> Result<(), Failure> {
    if let Command::Docs(args) = command {
        commands::docs(&args);
        return Ok(());
    }
    let paths = paths::from_env().ok_or_else(|| {
        Failure::new(Exit::Failed, "there is no home directory").hint("set HOME or PORTLEASE_HOME")
    })?;
    // The daemon makes its own runtime, after it has left the terminal.
    if let Command::Daemon(args) = command {
        return commands::daemon(paths, &args);
    }
    let runtime = tokio::runtime::Builder::new_current_thread()
        .enable_all()
        .build()
        .map_err(|error| Failure::new(Exit::Failed, error.to_string()))?;
    runtime.block_on(async {
        // It waits because that is what it is for.
        if let Command::Watch(args) = command {
            return commands::watch(&paths, &args).await;
        }
        let mut doing = std::pin::pin!(perform(&paths, command));
        match tokio::time::timeout(SILENCE, doing.as_mut()).await {
            Ok(done) => done,
            Err(_) => {
                output::note("waiting for the daemon");
                doing.await
            }
        }
    })
}

async fn perform(paths: &Paths, command: Command) -> Result<(), Failure> {
    match command {
        Command::Get(args) => commands::get(paths, args).await,
        Command::List(args) => commands::list(paths, &args).await,
        Command::Show(args) => commands::show(paths, &args).await,
        Command::Release(args) => commands::release(paths, &args).await,
        Command::Renew(args) => commands::renew(paths, args).await,
        Command::Watch(args) => commands::watch(paths, &args).await,
        Command::Who(args) => commands::who(paths, &args).await,
        Command::Ports(args) => commands::ports(paths, &args).await,
        Command::Stop(args) => commands::stop(paths, &args).await,
        Command::Doctor(args) => commands::doctor(paths, &args).await,
        Command::Status(args) => commands::status(paths, &args).await,
        Command::Token(args) => commands::token(paths, &args).await,
        Command::Daemon(args) => commands::daemon(paths.clone(), &args),
        Command::Docs(args) => {
            commands::docs(&args);
            Ok(())
        }
    }
}
