//! An id for each request, in its answer (`x-request-id`) and beside what the
//! log says of it.

use std::sync::{
    LazyLock,
    atomic::{AtomicU64, Ordering},
};

use axum::http::{HeaderMap, HeaderName, HeaderValue, Request};
use portlease_proto::{ProjectName, ServiceName, escape};

/// The header.
pub(super) const NAME: HeaderName = HeaderName::from_static("x-request-id");
/// The longest id that is taken over from a client: shorter than the token,
/// so that the log cannot get that.
const MOST: usize = 63;

tokio::task_local! {
    static CURRENT: HeaderValue;
}

/// Tells one start of the daemon from the others.
static START: LazyLock<u32> = LazyLock::new(|| uuid::Uuid::new_v4().as_fields().0);
static COUNT: AtomicU64 = AtomicU64::new(1);

/// The client's own id, if it is one, else a new one.
pub(super) fn of(headers: &HeaderMap) -> HeaderValue {
    let fits = |value: &&HeaderValue| {
        let bytes = value.as_bytes();
        let plain = |byte: &u8| byte.is_ascii_alphanumeric() || b"._-".contains(byte);
        (1..=MOST).contains(&bytes.len()) && bytes.iter().all(plain)
    };
    headers.get(NAME).filter(fits).cloned().unwrap_or_else(|| {
        let id = format!("{:08x}-{}", *START, COUNT.fetch_add(1, Ordering::Relaxed));
        HeaderValue::try_from(id).unwrap_or_else(|_| HeaderValue::from_static("-"))
    })
}

/// Runs what answers the request, which can ask for [`current`].
pub(super) async fn within<T>(id: HeaderValue, answer: impl Future<Output = T>) -> T {
    CURRENT.scope(id, answer).await
}

/// The id of the request that is being answered.
pub(super) fn current() -> String {
    CURRENT.try_with(text).unwrap_or_else(|_| "-".to_owned())
}

fn text(id: &HeaderValue) -> String {
    id.to_str().unwrap_or("-").to_owned()
}

/// A request as the log tells it: nothing of its query and its headers, and
/// no part of the path that is longer than a name.
pub(super) struct Line {
    method: String,
    path: String,
    project: Option<ProjectName>,
    service: Option<ServiceName>,
}

impl Line {
    pub(super) fn of<B>(request: &Request<B>) -> Self {
        let parts: Vec<&str> = request.uri().path().split('/').collect();
        let shown: Vec<&str> = parts.iter().map(|part| if part.len() > MOST { "…" } else { part }).collect();
        let of_lease = matches!(parts.get(2), Some(&("leases" | "projects")));
        let part = |index: usize| parts.get(index).filter(|_| of_lease);
        Self {
            method: escape(request.method().as_str()),
            path: escape(&shown.join("/")),
            project: part(3).and_then(|part| part.parse().ok()),
            service: part(4).and_then(|part| part.parse().ok()),
        }
    }

    pub(super) fn log(self, id: &HeaderValue, status: u16) {
        let Self { method, path, project, service } = self;
        let (project, service) = (project.map(tracing::field::display), service.map(tracing::field::display));
        tracing::debug!(request_id = %text(id), project, service, status, "{method} {path} {status}");
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn only_a_plain_short_id_is_taken_over() {
        let long = "f".repeat(64);
        for (sent, taken) in [
            ("build-7.web_1", true),
            (&long[1..], true),
            (&*long, false),
            ("", false),
            ("a b", false),
            ("a\"b", false),
            ("a\tb", false),
        ] {
            let mut headers = HeaderMap::new();
            headers.insert(NAME, sent.parse().unwrap());
            let (first, second) = (of(&headers), of(&headers));
            assert_eq!(first == sent, taken, "{sent}");
            assert_eq!(first == second, taken, "{sent}");
        }
    }

    #[test]
    fn no_secret_gets_into_the_line() {
        let token = "0f".repeat(32);
        let uri = format!("/v1/leases/{token}/web%20{token}?token={token}");
        let line = Line::of(&Request::builder().uri(uri).body(()).unwrap());
        assert_eq!((line.path.as_str(), line.project), ("/v1/leases/…/…", None));
        let line = Line::of(&Request::builder().uri("/v1/leases/myapp/web").body(()).unwrap());
        assert_eq!(line.project.unwrap().as_str(), "myapp");
        assert_eq!(line.service.unwrap().as_str(), "web");
    }
}
