//! `portlease portserver`

use portleased::{
    allocator::Pool,
    compat::{
        CompatError, Wanted,
        portserver::{self, Options, PortServerError},
    },
};

use crate::{
    args::PortserverArgs,
    exit::{Exit, Failure},
    output,
};

pub(crate) fn portserver(args: PortserverArgs) -> Result<(), Failure> {
    portleased::log::init();
    let pool = Pool::new(args.pool).map_err(|error| {
        Failure::new(Exit::Usage, error.to_string()).hint("--pool 15000-24999, or several: --pool A-B,C-D")
    })?;
    let ports = pool.len();
    let options = Options { wanted: Wanted { portpicker: args.portpicker, grpc: args.grpc }, pool };
    let places: Vec<String> = options
        .wanted
        .portpicker
        .iter()
        .map(ToString::to_string)
        .chain(options.wanted.grpc.map(grpc))
        .collect();
    let announce = || output::note(&format!("serving {ports} ports on {}", places.join(", ")));
    let statistics = |lines: &[String; 5]| lines.iter().for_each(|line| output::note(line));
    portserver::run(&options, announce, statistics).map_err(|error| {
        let failure = Failure::from_chain(Exit::Failed, &error);
        match error {
            PortServerError::Compat(CompatError::Taken { .. }) => {
                failure.hint("end that server, or serve elsewhere: portlease portserver --portpicker @NAME")
            }
            PortServerError::Compat(CompatError::LowPool) => {
                failure.hint("give it others: portlease portserver --grpc --pool 15000-24999")
            }
            _ => failure,
        }
    })
}

fn grpc(port: portlease_proto::Port) -> String {
    format!("localhost:{port} (gRPC)")
}
