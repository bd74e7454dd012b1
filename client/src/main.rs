//! `portlease`: the command line.

mod args;
mod block;
mod commands;
mod completion;
mod exit;
mod files;
mod help;
mod init;
mod machine;
mod output;
mod pages;
mod proxy;
mod reference;
mod run;
mod shells;
mod start;
mod usage;

use std::{mem::ManuallyDrop, process::ExitCode, time::Duration};

use clap::Parser;
use portlease_local::paths;
use portlease_proto::Paths;

use args::{Args, Command, StageArgs};
use exit::{Exit, Failure};

/// When a person wants to know what is waited for.
const SILENCE: Duration = Duration::from_secs(1);

fn main() -> ExitCode {
    if let Some(answer) = completion::asked() {
        output::bytes(&answer);
        return Exit::Ok.into();
    }
    let command = args::narrowly(std::env::args_os().skip(1)).unwrap_or_else(parse);
    let failing = commands::failing(&command);
    match begin(command) {
        Ok(code) => code,
        Err(failure) => {
            if let Some(words) = failing {
                output::value(words);
            }
            output::failure(&failure);
            failure.exit.into()
        }
    }
}

/// What the command line says; ends the program where it has said all.
fn parse() -> Command {
    let args = Args::try_parse().unwrap_or_else(|error| {
        if let Some(words) = commands::failing_words(std::env::args()).filter(|_| error.use_stderr()) {
            output::value(words);
        }
        // Whoever wants help has meant what was typed.
        let words: Vec<String> =
            std::env::args_os().skip(1).map(|word| word.to_string_lossy().into()).collect();
        match usage::meant(&words).filter(|_| error.use_stderr()) {
            Some(meant) => {
                output::misread(&error, &meant);
                std::process::exit(error.exit_code());
            }
            None => error.exit(),
        }
    });
    args.command
}

fn begin(command: Command) -> Result<ExitCode, Failure> {
    // What the program knows by itself.
    match &command {
        Command::Docs(args) => {
            commands::docs(args);
            return Ok(Exit::Ok.into());
        }
        Command::Completions(args) => {
            commands::completions(args);
            return Ok(Exit::Ok.into());
        }
        Command::Man(args) => return commands::man(args).map(|()| Exit::Ok.into()),
        Command::Help(args) => return commands::help(args).map(|()| Exit::Ok.into()),
        _ => {}
    }
    if let Command::Stage(StageArgs { gate, listens, command }) = command {
        return Ok(run::stage(gate, listens, &command));
    }
    // What is found in a directory is no business of the daemon's.
    if let Command::Init(args) = command {
        return commands::init(&args).map(|()| Exit::Ok.into());
    }
    // It has no home: nothing of the user's daemon is its own.
    if let Command::Portserver(args) = command {
        return commands::portserver(args).map(|()| Exit::Ok.into());
    }
    let paths = paths::from_env().ok_or_else(|| {
        Failure::new(Exit::Failed, "there is no home directory").hint("set HOME or PORTLEASE_HOME")
    })?;
    // The daemon makes its own runtime, after it has left the terminal.
    if let Command::Daemon(args) = command {
        return commands::daemon(paths, &args).map(|()| Exit::Ok.into());
    }
    // Before there is any other thread.
    if let Command::Run(_) = command {
        run::block_stops().map_err(|error| Failure::new(Exit::Failed, error.to_string()))?;
    }
    let runtime = tokio::runtime::Builder::new_current_thread()
        .enable_all()
        .build()
        .map_err(|error| Failure::new(Exit::Failed, error.to_string()))?;
    // The end of the process closes all that is open at once.
    ManuallyDrop::new(runtime).block_on(async {
        // These wait because that is what they are for.
        let patient = matches!(command, Command::Watch(_) | Command::Run(_) | Command::Service(_))
            || matches!(&command, Command::List(args) if args.watch);
        let mut doing = std::pin::pin!(perform(&paths, command));
        if patient {
            return doing.await;
        }
        match tokio::time::timeout(SILENCE, doing.as_mut()).await {
            Ok(done) => done,
            Err(_) => {
                output::note("waiting for the daemon");
                doing.await
            }
        }
    })
}

async fn perform(paths: &Paths, command: Command) -> Result<ExitCode, Failure> {
    let done = match command {
        // Boxed, so that the others need not be as large.
        Command::Run(args) => return Box::pin(commands::run(paths, args)).await,
        Command::Get(args) => commands::get(paths, args).await,
        Command::Env(args) => commands::env(paths, args).await,
        Command::List(args) if args.watch => commands::list_watch(paths, &args).await,
        Command::List(args) => commands::list(paths, &args).await,
        Command::Show(args) => commands::show(paths, &args).await,
        Command::Release(args) => commands::release(paths, &args).await,
        Command::Renew(args) => commands::renew(paths, args).await,
        Command::Watch(args) => commands::watch(paths, &args).await,
        Command::Mv(args) => commands::mv(paths, &args).await,
        Command::Export(_) => commands::export(paths).await,
        Command::Import(args) => commands::import(paths, &args).await,
        Command::Open(args) => commands::open(paths, &args).await,
        Command::Gc(args) => commands::gc(paths, &args).await,
        Command::Who(args) => commands::who(paths, &args).await,
        Command::Ports(args) => commands::ports(paths, &args).await,
        Command::Stop(args) => commands::stop(paths, &args).await,
        Command::Doctor(args) => commands::doctor(paths, &args).await,
        Command::Status(args) => commands::status(paths, &args).await,
        Command::Config(args) => commands::config(paths, &args).await,
        Command::Token(args) => commands::token(paths, &args).await,
        Command::Service(args) => Box::pin(commands::service(paths, &args)).await,
        // Done before there was a runtime.
        Command::Daemon(_)
        | Command::Completions(_)
        | Command::Docs(_)
        | Command::Help(_)
        | Command::Init(_)
        | Command::Man(_)
        | Command::Portserver(_)
        | Command::Stage(_) => Ok(()),
    };
    done.map(|()| Exit::Ok.into())
}
