//! What is done with whole projects, and with all leases at once.

use hyper::Method;
use portlease_proto::{GcReport, GcRequest};

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
}
