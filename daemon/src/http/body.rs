//! Reading a JSON body, within limits of size and time.

use std::time::Duration;

use axum::{
    body::{Body, HttpBody},
    http::StatusCode,
};
use http_body_util::{BodyExt, LengthLimitError, Limited};
use portlease_proto::ErrorCode;
use serde::de::DeserializeOwned;
use serde_json::error::Category;

use super::error::ApiError;

/// The largest body, in bytes.
const MOST: usize = 64 * 1024;
/// How long a body may take to arrive.
const PATIENCE: Duration = Duration::from_secs(10);

/// The value in the body; an empty body stands for `{}`.
pub(super) async fn json<T: DeserializeOwned>(body: Body) -> Result<T, ApiError> {
    json_of(body, MOST).await
}

/// The same of a body that may be larger than most.
pub(super) async fn json_of<T: DeserializeOwned>(body: Body, most: usize) -> Result<T, ApiError> {
    // What Content-Length announces need not be waited for.
    if body.size_hint().lower() > most as u64 {
        return Err(too_large(most));
    }
    let read = tokio::time::timeout(PATIENCE, Limited::new(body, most).collect()).await;
    let bytes = match read {
        Ok(Ok(collected)) => collected.to_bytes(),
        Ok(Err(error)) if error.is::<LengthLimitError>() => return Err(too_large(most)),
        Ok(Err(_)) => {
            let detail = "the body did not arrive whole";
            return Err(ApiError::new(StatusCode::BAD_REQUEST, ErrorCode::InvalidRequest, detail));
        }
        Err(_) => {
            let detail = format!("the body did not arrive within {} s", PATIENCE.as_secs());
            return Err(ApiError::new(StatusCode::REQUEST_TIMEOUT, ErrorCode::RequestTimeout, detail));
        }
    };
    parse(&bytes)
}

fn too_large(most: usize) -> ApiError {
    let detail = format!("the body has more than {most} bytes");
    ApiError::new(StatusCode::PAYLOAD_TOO_LARGE, ErrorCode::BodyTooLarge, detail)
}

fn parse<T: DeserializeOwned>(bytes: &[u8]) -> Result<T, ApiError> {
    let bytes = if bytes.trim_ascii().is_empty() { b"{}" } else { bytes };
    // serde would take the values of a list for the fields in their order.
    if bytes.trim_ascii_start().starts_with(b"[") {
        let detail = "the request is not understood: it is a list, not an object";
        return Err(ApiError::new(StatusCode::UNPROCESSABLE_ENTITY, ErrorCode::InvalidRequest, detail));
    }
    serde_json::from_slice(bytes).map_err(|error| {
        let (status, what) = match error.classify() {
            Category::Data => (StatusCode::UNPROCESSABLE_ENTITY, "the request"),
            Category::Syntax | Category::Eof | Category::Io => (StatusCode::BAD_REQUEST, "the JSON"),
        };
        let detail = format!("{what} is not understood: {}", portlease_proto::escape(&error.to_string()));
        ApiError::new(status, ErrorCode::InvalidRequest, detail)
    })
}
