//! The names in a path. A request whose path is no text is answered as every
//! other error is: axum's own extractor answers in plain text.

use axum::{
    extract::{self, FromRequestParts},
    http::{StatusCode, request::Parts},
};
use portlease_proto::{ErrorCode, NAME_RULE};
use serde::de::DeserializeOwned;

use super::error::ApiError;

/// The parameters of a route, percent-decoded.
pub(super) struct Path<T>(pub(super) T);

impl<T: DeserializeOwned + Send, S: Send + Sync> FromRequestParts<S> for Path<T> {
    type Rejection = ApiError;

    async fn from_request_parts(parts: &mut Parts, state: &S) -> Result<Self, ApiError> {
        match extract::Path::from_request_parts(parts, state).await {
            Ok(extract::Path(names)) => Ok(Self(names)),
            // Every parameter is taken as text, so nothing else can be wrong.
            Err(_not_utf_8) => {
                let detail = format!("a name in the path is not UTF-8: a name is {NAME_RULE}");
                Err(ApiError::new(StatusCode::UNPROCESSABLE_ENTITY, ErrorCode::InvalidName, detail))
            }
        }
    }
}
