//! `portlease doctor`

use portlease_proto::{Paths, Port, ProjectName};

use crate::{
    args::DoctorArgs,
    exit::{Exit, Failure},
    machine, output, proxy, start,
};

pub(crate) async fn doctor(paths: &Paths, args: &DoctorArgs) -> Result<(), Failure> {
    let Some(what) = &args.port else {
        let diagnosis = machine::diagnose(paths).await;
        if args.json {
            output::json(&diagnosis);
        } else {
            output::checks(&diagnosis.checks);
        }
        return ended(diagnosis.failed(), "fault");
    };
    let mut failed = 0;
    let proxies = proxy::Variables::read(|name| std::env::var(name).ok());
    for port in ports(paths, what).await? {
        let mut diagnosis =
            start::ask(paths, async |client| client.diagnosis(port, &args.host).await).await?;
        diagnosis.checks.extend(proxy::check(&proxies, &args.host, port));
        if args.json {
            output::json(&diagnosis);
        } else {
            output::diagnosis(&diagnosis);
        }
        failed += diagnosis.failed();
    }
    ended(failed, "cause")
}

/// Scripts go by the exit code.
fn ended(failed: usize, what: &str) -> Result<(), Failure> {
    match failed {
        0 => Ok(()),
        1 => Err(Failure::new(Exit::Failed, format!("a {what} was found"))),
        more => Err(Failure::new(Exit::Failed, format!("{more} {what}s were found"))),
    }
}

/// A number is a port, whatever projects are called.
async fn ports(paths: &Paths, what: &str) -> Result<Vec<Port>, Failure> {
    let numeric = what.bytes().all(|byte| byte.is_ascii_digit() || byte == b'-');
    if numeric {
        let port = what.parse().map_err(|error: portlease_proto::InvalidPort| usage(&error))?;
        return Ok(vec![port]);
    }
    let project: ProjectName = what.parse().map_err(|error: portlease_proto::InvalidName| usage(&error))?;
    let leases = start::ask(paths, async |client| client.list(Some(&project)).await).await?;
    Ok(leases.into_iter().map(|lease| lease.port).collect())
}

fn usage(error: &impl ToString) -> Failure {
    Failure::new(Exit::Usage, error.to_string())
}
