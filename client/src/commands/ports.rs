//! `portlease ports`

use portlease_proto::{Listeners, Paths};

use crate::{args::PortsArgs, exit::Failure, output, start};

pub(crate) async fn ports(paths: &Paths, args: &PortsArgs) -> Result<(), Failure> {
    let ports = start::ask(paths, async |client| client.ports(args.exposed).await).await?;
    if args.json {
        output::json(&Listeners { ports });
    } else if ports.is_empty() {
        output::note(if args.exposed { "nothing is exposed" } else { "nothing listens" });
    } else {
        output::ports(&ports, args.exposed);
    }
    Ok(())
}
