//! What is done with whole projects, and with all leases at once.

use hyper::Method;
use portlease_proto::{
    Export, GcReport, GcRequest, ImportReport, Imported, Lease, Leases, MvLeaseRequest, MvProjectRequest,
    ProjectName, ServiceName,
};

use super::{Client, json};
use crate::Error;

impl Client {
    /// Reclaims leases whose root is gone for long, or only tells which.
    ///
    /// # Errors
    /// [`Error::Refused`]; then none was reclaimed.
    pub async fn gc(&mut self, request: &GcRequest) -> Result<GcReport, Error> {
        self.ask(Method::POST, "/v1/gc", json(request)?).await
    }

    /// Calls a project otherwise; its leases stay as they are.
    ///
    /// # Errors
    /// [`Error::Refused`], with `lease_differs` when the new name is somebody's.
    pub async fn mv_project(&mut self, from: &ProjectName, to: &ProjectName) -> Result<Vec<Lease>, Error> {
        let request = json(&MvProjectRequest { project: to.clone() })?;
        let leases: Leases = self.ask(Method::POST, &format!("/v1/projects/{from}/mv"), request).await?;
        Ok(leases.leases)
    }

    /// Calls a lease otherwise; it stays as it is.
    ///
    /// # Errors
    /// As [`Client::mv_project`].
    pub async fn mv(
        &mut self,
        from: (&ProjectName, &ServiceName),
        to: (&ProjectName, &ServiceName),
    ) -> Result<Lease, Error> {
        let request = json(&MvLeaseRequest { project: to.0.clone(), service: to.1.clone() })?;
        self.ask(Method::POST, &format!("/v1/leases/{}/{}/mv", from.0, from.1), request).await
    }

    /// The leases that can be made anew elsewhere.
    ///
    /// # Errors
    /// Those of the connection.
    pub async fn export(&mut self) -> Result<Export, Error> {
        self.ask(Method::GET, "/v1/export", Vec::new()).await
    }

    /// Makes leases that were exported, all or none; says what became of each.
    ///
    /// # Errors
    /// [`Error::Refused`]; then nothing has changed.
    pub async fn import(&mut self, export: &Export) -> Result<Vec<Imported>, Error> {
        let report: ImportReport = self.ask(Method::POST, "/v1/import", json(export)?).await?;
        Ok(report.leases)
    }
}
