//! `portlease who`

use portlease_proto::Paths;

use crate::{args::WhoArgs, exit::Failure, output, start};

pub(crate) async fn who(paths: &Paths, args: &WhoArgs) -> Result<(), Failure> {
    let report = start::ask(paths, async |client| client.port(args.port).await).await?;
    if args.json {
        output::json(&report);
    } else {
        output::who(&report);
    }
    Ok(())
}
