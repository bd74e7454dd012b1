//! `portlease token`

use portlease::Token;
use portlease_proto::Paths;
use serde_json::json;

use crate::{
    args::TokenArgs,
    exit::{Exit, Failure},
    output, start,
};

/// The daemon makes the file and keeps it in its place.
pub(crate) async fn token(paths: &Paths, args: &TokenArgs) -> Result<(), Failure> {
    start::connect(paths).await?;
    let path = paths.token();
    let token = Token::read(&path).map_err(|error| {
        Failure::from_chain(Exit::Failed, &error)
            .hint("the daemon puts it back within a second: portlease token")
    })?;
    if args.json {
        output::json(&json!({ "token": token.reveal(), "path": path.display().to_string() }));
    } else {
        output::value(token.reveal());
    }
    Ok(())
}
