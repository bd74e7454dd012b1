//! `portlease status`

use portlease::Client;
use portlease_proto::Paths;

use crate::{args::StatusArgs, exit::Failure, output};

/// Asks without starting a daemon: whether one runs is the question.
pub(crate) async fn status(paths: &Paths, args: &StatusArgs) -> Result<(), Failure> {
    let health = Client::connect(paths).await?.health().await?;
    if args.json {
        output::json(&health);
    } else {
        output::status(&health, &paths.socket());
    }
    Ok(())
}
