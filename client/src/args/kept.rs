//! Leases as a whole: `open`, `mv`, `export`, `import`, `gc`.

use super::Names;

/// Open the URL of a lease in the browser.
///
/// Each program in $BROWSER is tried first, with colons between them, then the
/// one of the desktop. They may have arguments; %s there is the URL. Where there
/// is no program, the URL is printed.
#[derive(Debug, clap::Args)]
#[command(after_help = "\
Examples:
  portlease open              the project in this directory
  portlease open myapp web    a service of myapp")]
pub(crate) struct OpenArgs {
    #[command(flatten)]
    pub(crate) names: Names,
}

/// Call a project otherwise, or one of its leases.
///
/// The ports stay, and what runs on them goes on. The directory of a project
/// goes with it: there, portlease get finds the leases under the new name,
/// unless portlease.toml says another one.
#[derive(Debug, clap::Args)]
#[command(after_help = "\
Examples:
  portlease mv shop store              the project with all its leases
  portlease mv shop/web shop/front     one lease
  portlease mv shop/web store/web      into another project")]
pub(crate) struct MvArgs {
    /// The project, or PROJECT/SERVICE.
    pub(crate) old: String,
    /// The new name, which nobody has.
    pub(crate) new: String,
    /// Print the leases as JSON.
    #[arg(long)]
    pub(crate) json: bool,
}

/// Print the leases as JSON that portlease import reads.
///
/// Without those that end with a process, and without anonymous ones. The
/// format is Export in the reference that portlease docs prints; it has a
/// version.
#[derive(Debug, clap::Args)]
#[command(after_help = "\
Examples:
  portlease export > leases.json
  portlease export | ssh other portlease import")]
pub(crate) struct ExportArgs {
    /// Accepted for its like: it is JSON in any case.
    #[arg(long)]
    pub(crate) json: bool,
}

/// Make the leases that portlease export printed: all of them, or none.
///
/// A lease that is there stays as it is. A port that another lease or a program
/// has is not taken: the lease gets another one, and that is said.
#[derive(Debug, clap::Args)]
#[command(after_help = "\
Examples:
  portlease import leases.json
  portlease import < leases.json")]
pub(crate) struct ImportArgs {
    /// The file; standard input when it is - or not given.
    pub(crate) file: Option<std::path::PathBuf>,
    /// Print what became of each as JSON.
    #[arg(long)]
    pub(crate) json: bool,
}

/// Reclaim leases whose directory is gone for more than seven days.
///
/// Only tells which they are, unless --yes is given. The days are counted while
/// the machine runs. A lease whose own app still runs is kept.
#[derive(Debug, clap::Args)]
#[command(after_help = "\
Examples:
  portlease gc          which could go, and which may have to wait
  portlease gc --yes    reclaim them")]
pub(crate) struct GcArgs {
    /// Reclaim them.
    #[arg(long, short)]
    pub(crate) yes: bool,
    /// Print what was found as JSON.
    #[arg(long)]
    pub(crate) json: bool,
}
