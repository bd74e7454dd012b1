//! `portlease daemon`

use portlease_local::ALREADY_RUNNING;
use portlease_proto::Paths;
use portleased::{
    compat::Wanted,
    daemon::{self, Options, StartError},
};

use crate::{
    args::DaemonArgs,
    exit::{Exit, Failure},
    output,
};

pub(crate) fn daemon(paths: Paths, args: &DaemonArgs) -> Result<(), Failure> {
    portleased::log::init();
    let overrides = args.settings.overrides().map_err(|error| {
        Failure::from_chain(Exit::Usage, &error).hint("see every setting: portlease docs --config")
    })?;
    let options = Options {
        paths,
        detach: args.detach,
        overrides,
        compat: Wanted { portpicker: args.portpicker.clone(), grpc: args.grpc_port_server },
    };
    let done = daemon::run(&options, |ready| {
        if args.json {
            output::json(&ready.endpoint);
        }
    });
    match done {
        Ok(()) => Ok(()),
        // Whoever started this one in the background waits for the other.
        Err(StartError::Running(_)) if args.detach => std::process::exit(ALREADY_RUNNING.into()),
        Err(error) => Err(Failure::from_chain(Exit::Failed, &error)),
    }
}
