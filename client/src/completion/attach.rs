//! Which argument gets which candidates.

use std::{ffi::OsStr, sync::Arc};

use clap::{Arg, Command, CommandFactory};
use clap_complete::{ArgValueCompleter, CompletionCandidate, PathCompleter, engine::ValueCompleter};

use super::{candidates as pure, line::Line, live, programs};
use crate::{args::Args, help};

/// The command line with candidates for its arguments. While nothing of a word
/// is typed, options are left out: names come first.
pub(super) fn attach(line: &Arc<Line>, nothing_typed: bool) -> Command {
    Args::command().disable_help_flag(nothing_typed).disable_version_flag(nothing_typed).mut_subcommands(
        |command| {
            let of = command.get_name().to_owned();
            let command = command.disable_help_flag(nothing_typed);
            command.mut_args(|arg| {
                let hidden = nothing_typed && !arg.is_positional();
                let arg = if hidden { arg.hide(true) } else { arg };
                with_candidates(&of, arg, line)
            })
        },
    )
}

fn with_candidates(command: &str, arg: Arg, line: &Arc<Line>) -> Arg {
    let line = Arc::clone(line);
    let of = |candidates: fn(&Line, &str) -> Vec<CompletionCandidate>| {
        let line = Arc::clone(&line);
        ArgValueCompleter::new(move |typed: &OsStr| {
            let Some(typed) = typed.to_str() else { return Vec::new() };
            begun(candidates(&line, typed), typed.as_ref())
        })
    };
    match (command, arg.get_id().as_str()) {
        // The engine does not know that only the command follows a `--`.
        ("run", "service") if line.command.is_some() => arg.add(command_words(line)),
        ("run", "command") => arg.add(command_words(line)),
        ("run", "service") => arg.add(of(|line, _| {
            let here = live::here();
            let project = line.project.clone().or_else(|| here.project.clone());
            pure::services(project.as_deref(), &live::leases(), &here)
        })),
        ("watch", "name") | (_, "project") => arg.add(of(|_, _| pure::projects(&live::leases()))),
        (_, "name") => {
            arg.add(of(|line, _| pure::names(line.project.as_deref(), &live::leases(), &live::here())))
        }
        (_, "service") => arg.add(of(|line, _| {
            let project = line.project.as_deref().or(line.name.as_deref());
            pure::services(project, &live::leases(), &live::here())
        })),
        ("mv", "old") => arg.add(of(|_, typed| pure::projects_or_leases(typed, &live::leases()))),
        ("who" | "stop", "port") => arg.add(of(|_, _| {
            let (leases, listeners) = live::leases_and_listeners();
            pure::ports(&leases, &listeners)
        })),
        ("doctor", "port") => arg.add(of(|_, _| {
            let (leases, listeners) = live::leases_and_listeners();
            let mut all = pure::projects(&leases);
            all.extend(pure::ports(&leases, &listeners));
            all
        })),
        ("import", "file") | ("env", "write") => arg.add(ArgValueCompleter::new(PathCompleter::any())),
        (_, "root" | "dir") => arg.add(ArgValueCompleter::new(PathCompleter::dir())),
        ("help", "topic") => arg.add(of(|_, _| {
            help::names()
                .into_iter()
                .map(|(name, about)| CompletionCandidate::new(name).help(Some(about.into())))
                .collect()
        })),
        _ => arg,
    }
}

/// The first word after `--` is a program, and those after it are its own.
fn command_words(line: Arc<Line>) -> ArgValueCompleter {
    ArgValueCompleter::new(move |typed: &OsStr| {
        let first = line.command.as_ref().is_none_or(Vec::is_empty);
        match first && !typed.as_encoded_bytes().contains(&b'/') {
            true => begun(programs::on_path().into_iter().map(CompletionCandidate::new).collect(), typed),
            false => PathCompleter::any().complete(typed),
        }
    })
}

fn begun(mut candidates: Vec<CompletionCandidate>, typed: &OsStr) -> Vec<CompletionCandidate> {
    candidates.retain(|candidate| super::begins(candidate.get_value(), typed));
    candidates
}
