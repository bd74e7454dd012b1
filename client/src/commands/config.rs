//! `portlease config`

use std::path::Path;

use portlease::{Client, Error};
use portlease_proto::{Configuration, Origin, Paths};
use portleased::config::{ConfigError, Layers, Overrides};
use serde_json::json;

use crate::{
    args::ConfigArgs,
    exit::{Exit, Failure},
    output,
};

/// Asks without starting a daemon: what one would begin with can be read.
pub(crate) async fn config(paths: &Paths, args: &ConfigArgs) -> Result<(), Failure> {
    let file = paths.config_file();
    if let Some(named) = &args.check {
        return check(named.as_deref().unwrap_or(&file), args.json);
    }
    let configuration = match Client::connect(paths).await {
        Ok(mut client) => {
            let pid = client.health().await?.endpoint.pid;
            let configuration = client.config().await?;
            remark(&configuration, &file, pid);
            configuration
        }
        Err(Error::NotRunning { .. }) => {
            output::note("no daemon runs: these are the settings that one would begin with");
            let overrides = Overrides::of_variables(|name| std::env::var_os(name)).map_err(wrong)?;
            let layers = Layers::read(&file, &overrides).map_err(wrong)?;
            layers.describe(&file, &layers.config)
        }
        Err(error) => return Err(error.into()),
    };
    if args.json {
        output::json(&configuration);
    } else {
        output::configuration(&configuration);
    }
    Ok(())
}

fn check(file: &Path, json: bool) -> Result<(), Failure> {
    if !file.exists() {
        let message = format!("there is no file {}", file.display());
        return Err(Failure::new(Exit::Failed, message)
            .hint("without one the defaults are in force: portlease config"));
    }
    let layers = Layers::read(file, &Overrides::default()).map_err(wrong)?;
    let configuration = layers.describe(file, &layers.config);
    let said = configuration.settings.iter().filter(|setting| setting.origin == Origin::File).count();
    if json {
        output::json(&json!({ "file": configuration.file, "ok": true }));
    } else {
        output::note(&format!("{}: good; settings in it: {said}", configuration.file));
    }
    Ok(())
}

fn wrong(error: ConfigError) -> Failure {
    Failure::from_chain(Exit::Failed, &error).hint("see every setting: portlease docs --config")
}

/// What a person should know who has just changed the file.
fn remark(daemon: &Configuration, file: &Path, pid: u32) {
    if let Some(problem) = &daemon.problem {
        output::note(&format!("the daemon goes on with what it had: {problem}"));
        return;
    }
    let Ok(layers) = Layers::read(file, &Overrides::default()) else {
        output::note("the file was changed since, and is wrong: portlease config --check");
        return;
    };
    let now = layers.describe(file, &layers.config);
    let differs = daemon.settings.iter().zip(&now.settings).any(|(then, now)| {
        let of_file = matches!(then.origin, Origin::Default | Origin::File);
        of_file && then.key == now.key && then.pending.as_ref().or(then.value.as_ref()) != now.value.as_ref()
    });
    if differs && daemon.file == now.file {
        output::note(&format!("the file was changed since; to make the daemon read it: kill -HUP {pid}"));
    }
}
