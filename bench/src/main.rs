//! `portlease-bench`: measures portlease beside its ceilings and its peers, in
//! one run. `bench/run` installs the peers and calls it.

mod allocations;
mod budget;
mod clock;
mod commands;
mod hello;
mod load;
mod machine;
mod output;
mod peers;
mod place;
mod portauth;
mod priority;
mod report;
mod requests;
mod series;
mod servers;
mod syscalls;
mod trace;
mod wire;

use std::{
    fs::File,
    io::Write as _,
    path::{Path, PathBuf},
};

use anyhow::{Context, Result};
use clap::{Parser, Subcommand};

use peers::Peers;
use report::Section;

/// Measures portlease beside its ceilings and its peers.
#[derive(Debug, Parser)]
struct Args {
    #[command(subcommand)]
    what: What,
}

#[derive(Debug, Subcommand)]
enum What {
    /// Ports for tests, against portserver and get-port.
    Allocations {
        #[command(flatten)]
        peers: Peers,
        #[command(flatten)]
        amount: allocations::Amount,
        /// Keep the numbers here, for the report.
        #[arg(long, value_name = "PATH")]
        keep: Option<PathBuf>,
    },
    /// What the API is asked, against hyper alone.
    Requests {
        #[command(flatten)]
        peers: Peers,
        #[command(flatten)]
        amount: requests::Amount,
        /// Keep the numbers here, for the report.
        #[arg(long, value_name = "PATH")]
        keep: Option<PathBuf>,
    },
    /// The command line, against a minimal program and bindport.
    Commands {
        #[command(flatten)]
        peers: Peers,
        #[command(flatten)]
        amount: commands::Amount,
        /// Keep the numbers here, for the report.
        #[arg(long, value_name = "PATH")]
        keep: Option<PathBuf>,
    },
    /// What operations ask of the kernel, counted by strace.
    Syscalls {
        #[command(flatten)]
        peers: Peers,
        /// Keep the numbers here, for the report.
        #[arg(long, value_name = "PATH")]
        keep: Option<PathBuf>,
    },
    /// Fail when an operation takes more system calls than a table says.
    Budget {
        #[command(flatten)]
        peers: Peers,
        /// The table.
        #[arg(long, value_name = "PATH", default_value = "bench/budget.json")]
        table: PathBuf,
        /// Make the table anew.
        #[arg(long)]
        write: bool,
    },
    /// Write a page of numbers that were kept.
    Report {
        /// The page.
        page: PathBuf,
        /// The numbers.
        #[arg(required = true)]
        kept: Vec<PathBuf>,
    },
    /// The ceiling: hyper alone, at this Unix socket and on TCP.
    Hello {
        /// The Unix socket.
        unix: PathBuf,
    },
}

fn main() -> Result<()> {
    priority::raise();
    match Args::parse().what {
        What::Allocations { peers, amount, keep } => {
            tell(&allocations::measure(&peers, &amount)?, keep.as_deref())
        }
        What::Requests { peers, amount, keep } => tell(&requests::measure(&peers, &amount)?, keep.as_deref()),
        What::Commands { peers, amount, keep } => tell(&commands::measure(&peers, &amount)?, keep.as_deref()),
        What::Syscalls { peers, keep } => tell(&syscalls::measure(&peers)?, keep.as_deref()),
        What::Budget { peers, table, write } => budget::keep(&peers, &table, write),
        What::Report { page, kept } => report(&page, &kept),
        What::Hello { unix } => hello::serve(&unix),
    }
}

fn tell(section: &Section, keep: Option<&Path>) -> Result<()> {
    output::value(&section.markdown());
    match keep {
        Some(path) => serde_json::to_writer(File::create(path)?, section).context("keeping the numbers"),
        None => Ok(()),
    }
}

fn report(page: &Path, kept: &[PathBuf]) -> Result<()> {
    let mut text = include_str!("preface.md").to_owned();
    for path in kept {
        let section: Section =
            serde_json::from_reader(File::open(path).with_context(|| path.display().to_string())?)?;
        text.push('\n');
        text.push_str(&section.markdown());
    }
    text.push_str(include_str!("reasons.md"));
    File::create(page)?.write_all(text.as_bytes()).with_context(|| page.display().to_string())
}
