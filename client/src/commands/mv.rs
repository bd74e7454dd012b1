//! `portlease mv`

use portlease_proto::{InvalidName, Lease, Leases, Paths, ProjectName, ServiceName};

use crate::{
    args::MvArgs,
    exit::{Exit, Failure},
    output, start,
};

/// A project, or one of its leases.
enum Name {
    Project(ProjectName),
    Lease(ProjectName, ServiceName),
}

pub(crate) async fn mv(paths: &Paths, args: &MvArgs) -> Result<(), Failure> {
    let leases = match (name(&args.old)?, name(&args.new)?) {
        // Asked twice, it would say that there is no such lease.
        (Name::Project(old), Name::Project(new)) => {
            start::connect(paths).await?.mv_project(&old, &new).await?
        }
        (Name::Lease(project, service), Name::Lease(to_project, to_service)) => {
            let (from, to) = ((&project, &service), (&to_project, &to_service));
            vec![start::connect(paths).await?.mv(from, to).await?]
        }
        _ => {
            return Err(Failure::new(
                Exit::Usage,
                "one name is that of a project, the other that of a lease",
            )
            .hint("portlease mv OLD NEW, or portlease mv OLD/SERVICE NEW/SERVICE"));
        }
    };
    if args.json {
        output::json(&Leases { leases });
        return Ok(());
    }
    for Lease { project, service, port, .. } in &leases {
        output::note(&format!("{project}/{service} has port {port}, as before"));
    }
    Ok(())
}

fn name(text: &str) -> Result<Name, Failure> {
    let usage = |error: InvalidName| Failure::new(Exit::Usage, error.to_string());
    match text.split_once('/') {
        None => Ok(Name::Project(text.parse().map_err(usage)?)),
        Some((project, service)) => {
            Ok(Name::Lease(project.parse().map_err(usage)?, service.parse().map_err(usage)?))
        }
    }
}
