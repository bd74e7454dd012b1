//! `portlease get --count N`: ports that follow one another.

use portlease_proto::{BatchRequest, GetRequest, Identified, Paths, PortRange, ProjectName, ServiceName};

use crate::{
    exit::{Exit, Failure},
    output, start,
};

/// Gets a block: SERVICE, then SERVICE-2 and so on. What is asked of one is
/// asked of all; the first alone says where the block begins.
pub(super) async fn block(
    paths: &Paths,
    project: &ProjectName,
    service: &ServiceName,
    count: u16,
    request: GetRequest,
    printing: &super::get::Printing,
) -> Result<(), Failure> {
    let request = block_of(service, count, request)?;
    request.check().map_err(|message| Failure::new(Exit::Usage, message))?;
    let answer = start::ask(paths, async |client| client.get_all(project, &request).await).await;
    let mut answer = answer.inspect_err(|failure| printing.failed(failure))?;
    if let Some(Identified { because, .. }) = &answer.identified {
        output::note(&format!("this is {} from now on: {because}", answer.project));
    }
    let wishes = request.services.get(service).map(|first| first.prefer.as_slice()).unwrap_or_default();
    for (place, lease) in answer.leases.iter_mut().enumerate() {
        // The whole block has one place, so one explanation is enough.
        printing.explain(if place == 0 { wishes } else { &[] }, lease);
        if place > 0 {
            lease.explain = None;
        }
        output::about_lease(lease);
    }
    if printing.json {
        output::json(&answer);
        return Ok(());
    }
    for lease in &answer.leases {
        output::value(&lease.port.to_string());
    }
    Ok(())
}

fn block_of(service: &ServiceName, count: u16, mut first: GetRequest) -> Result<BatchRequest, Failure> {
    let (root, identify) = (first.root.take(), first.identify.take());
    if let Some(port) = first.port.take() {
        let last = port.get().checked_add(count - 1).and_then(portlease_proto::Port::new);
        let range = last.and_then(|last| PortRange::new(port, last).ok());
        let range = range.ok_or_else(|| {
            Failure::new(Exit::Usage, format!("{count} ports from {port} on go past 65535, the last one"))
        })?;
        first.range = Some(range);
    }
    let other = GetRequest { prefer: Vec::new(), ..first.clone() };
    let mut services = std::collections::BTreeMap::from([(service.clone(), first)]);
    for number in 2..=count {
        let name = format!("{service}-{number}").parse();
        let name = name.map_err(|error: portlease_proto::InvalidName| {
            Failure::new(Exit::Usage, error.to_string()).hint("give the service a shorter name")
        })?;
        services.insert(name, other.clone());
    }
    Ok(BatchRequest { services, contiguous: true, root, identify, run_pid: None })
}

#[cfg(test)]
mod tests {
    use portlease_proto::Port;

    use super::*;

    fn names(request: &BatchRequest) -> Vec<&str> {
        request.in_block_order().into_iter().map(|(name, _)| name.as_str()).collect()
    }

    #[test]
    fn the_services_of_a_block() {
        let web: ServiceName = "web".parse().unwrap();
        let first = GetRequest {
            prefer: vec![Port::constant(3000)],
            root: Some("/w".to_owned()),
            strict: true,
            ..GetRequest::default()
        };
        let request = block_of(&web, 11, first).unwrap();
        assert_eq!(names(&request)[..3], ["web", "web-2", "web-3"]);
        assert_eq!(names(&request)[8..], ["web-9", "web-10", "web-11"]);
        assert_eq!((request.check(), request.root.as_deref()), (Ok(()), Some("/w")));
        assert!(request.services.values().all(|one| one.strict && one.root.is_none()));
        assert_eq!(names(&block_of(&web, 1, GetRequest::default()).unwrap()), ["web"]);
        let from = |port| GetRequest { port: Some(Port::constant(port)), ..GetRequest::default() };
        let ports = block_of(&web, 3, from(3000)).unwrap();
        assert!(ports.services.values().all(|one| one.range == "3000-3002".parse().ok()));
        assert_eq!(block_of(&web, 3, from(65534)).unwrap_err().exit, Exit::Usage);
        let long = "a".repeat(62).parse().unwrap();
        assert_eq!(block_of(&long, 2, GetRequest::default()).unwrap_err().exit, Exit::Usage);
    }
}
