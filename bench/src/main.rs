//! `portlease-bench`: measures portlease beside its ceilings and its peers, in
//! one run. `bench/run` installs the peers and calls it.

mod allocations;
mod budget;
mod clock;
mod commands;
mod crowd;
mod growth;
mod hello;
mod load;
mod machine;
mod nothing;
mod output;
mod peers;
mod place;
mod plot;
mod portauth;
mod priority;
mod questions;
mod reasons;
mod report;
mod requests;
mod rest;
mod seats;
mod series;
mod servers;
mod syscalls;
mod trace;
mod wire;

use std::{
    fs::{self, File},
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
    /// What operations cost beside many leases, sockets and processes.
    Growth {
        #[command(flatten)]
        peers: Peers,
        #[command(flatten)]
        amount: growth::Amount,
        /// Keep the numbers here, for the report.
        #[arg(long, value_name = "PATH")]
        keep: Option<PathBuf>,
    },
    /// What a daemon costs that nobody asks, and how long it takes to start.
    Rest {
        #[command(flatten)]
        peers: Peers,
        #[command(flatten)]
        amount: rest::Amount,
        /// Keep the numbers here, for the report.
        #[arg(long, value_name = "PATH")]
        keep: Option<PathBuf>,
    },
    /// Have so many sockets until the end of stdin.
    Crowd {
        /// How many.
        count: usize,
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
    /// The ceiling of portpicker's protocol, at this Unix socket.
    Nothing {
        /// The Unix socket.
        unix: PathBuf,
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
        What::Growth { peers, amount, keep } => tell(&growth::measure(&peers, &amount)?, keep.as_deref()),
        What::Rest { peers, amount, keep } => {
            let section = rest::measure(&peers, &amount)?;
            tell(&section, keep.as_deref())?;
            let missed = section.goals.iter().filter(|goal| !goal.is_reached()).count();
            anyhow::ensure!(missed == 0 || !amount.strict, "{missed} goals are not reached");
            Ok(())
        }
        What::Crowd { count } => crowd::hold(count),
        What::Budget { peers, table, write } => budget::keep(&peers, &table, write),
        What::Report { page, kept } => report(&page, &kept),
        What::Nothing { unix } => nothing::serve(&unix),
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
    let mut sections = Vec::new();
    for path in kept {
        let section: Section =
            serde_json::from_reader(File::open(path).with_context(|| path.display().to_string())?)?;
        text.push('\n');
        text.push_str(&section.markdown());
        sections.push(section);
    }
    text.push_str(&reasons::markdown(&sections));
    // The drawings beside it.
    let drawings = page.with_file_name("performance");
    for plot in sections.iter().flat_map(|section| &section.plots) {
        fs::create_dir_all(&drawings)?;
        let svg = plot::svg(plot).with_context(|| plot.file.clone())?;
        File::create(drawings.join(&plot.file).with_extension("svg"))?.write_all(svg.as_bytes())?;
    }
    File::create(page)?.write_all(text.as_bytes()).with_context(|| page.display().to_string())
}
