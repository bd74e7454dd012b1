//! `cargo xtask`: what is done to portlease before a release, and a part of it
//! on each change. It drives the real program from outside.

#[cfg(target_os = "linux")]
mod clock;
mod output;
#[cfg(target_os = "linux")]
mod plot;
#[cfg(target_os = "linux")]
mod torture;

#[cfg(target_os = "linux")]
fn main() -> std::process::ExitCode {
    use clap::Parser;

    /// What is done to portlease before a release.
    #[derive(Debug, Parser)]
    #[command(name = "cargo xtask")]
    enum Task {
        /// Keep the promises of docs/reliability.md under fire.
        ///
        /// Run as root it has a network namespace to itself, and the parts that
        /// need root run. A failure tells the seed to repeat it with.
        Torture(torture::Args),
        /// Draw what a soak has sampled.
        Plot(plot::Args),
    }

    let done = match Task::parse() {
        Task::Torture(args) => torture::run(&args),
        Task::Plot(args) => plot::draw(&args),
    };
    match done {
        Ok(()) => std::process::ExitCode::SUCCESS,
        Err(error) => {
            output::note(&format!("error: {error:#}"));
            std::process::ExitCode::FAILURE
        }
    }
}

#[cfg(not(target_os = "linux"))]
fn main() {
    output::note("error: this needs Linux");
    std::process::exit(1);
}
