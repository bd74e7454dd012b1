//! The door of the API over TCP: rules H, O, F and T, checked on every request
//! before routing. Pure.
//!
//! A loopback API is within reach of every web page that the user opens, and
//! of every page that another dev server on localhost serves.

use axum::{
    http::{HeaderMap, HeaderName, Method, StatusCode, Uri, header},
    response::IntoResponse,
};
use portlease_proto::ErrorCode;

use super::error::ApiError;

const SEC_FETCH_SITE: HeaderName = HeaderName::from_static("sec-fetch-site");

/// [`check`] for an endpoint that refuses by a status alone.
pub(crate) fn refusal(
    hosts: &[String],
    method: &Method,
    uri: &Uri,
    headers: &HeaderMap,
) -> Option<StatusCode> {
    check(hosts, method, uri, headers).err().map(|error| error.into_response().status())
}

/// Refuses what a browser could be made to send, and what was not meant for us.
pub(super) fn check(
    hosts: &[String],
    method: &Method,
    uri: &Uri,
    headers: &HeaderMap,
) -> Result<(), ApiError> {
    if uri.scheme().is_some() || uri.authority().is_some() || !uri.path().starts_with('/') {
        let detail = "the request target must be a path";
        return Err(ApiError::new(StatusCode::BAD_REQUEST, ErrorCode::InvalidRequest, detail));
    }
    let host = check_host(hosts, headers)?;
    check_origin(&host, headers)?;
    check_fetch_site(method, headers)?;
    if [Method::POST, Method::PUT, Method::PATCH].contains(method) {
        check_content_type(headers)?;
    }
    Ok(())
}

/// H: exactly one Host, and it is ours. Bytes are compared, nothing is parsed.
fn check_host(hosts: &[String], headers: &HeaderMap) -> Result<String, ApiError> {
    let mut values = headers.get_all(header::HOST).iter();
    let (Some(host), None) = (values.next(), values.next()) else {
        let detail = "exactly one Host header is needed";
        return Err(ApiError::new(StatusCode::BAD_REQUEST, ErrorCode::ForbiddenHost, detail));
    };
    let host = host.as_bytes().to_ascii_lowercase();
    hosts.iter().find(|ours| ours.as_bytes() == host).cloned().ok_or_else(|| {
        let detail = format!("the Host header does not name this API: it is {}", hosts.join(" or "));
        ApiError::new(StatusCode::FORBIDDEN, ErrorCode::ForbiddenHost, detail)
    })
}

/// O: no Origin, or our own.
fn check_origin(host: &str, headers: &HeaderMap) -> Result<(), ApiError> {
    let ours = format!("http://{host}");
    if headers.get_all(header::ORIGIN).iter().all(|origin| origin.as_bytes() == ours.as_bytes()) {
        return Ok(());
    }
    let detail = "pages of other origins may not use this API";
    Err(ApiError::new(StatusCode::FORBIDDEN, ErrorCode::ForbiddenOrigin, detail))
}

/// F: not from a page of another origin, `same-site` included: localhost:3000
/// and localhost:62893 are the same site.
fn check_fetch_site(method: &Method, headers: &HeaderMap) -> Result<(), ApiError> {
    let allowed = |site: &[u8]| site == b"same-origin" || (site == b"none" && method == Method::GET);
    if headers.get_all(SEC_FETCH_SITE).iter().all(|site| allowed(site.as_bytes())) {
        return Ok(());
    }
    let detail = "pages of other origins may not use this API";
    Err(ApiError::new(StatusCode::FORBIDDEN, ErrorCode::ForbiddenOrigin, detail))
}

/// T: a page can send a form or plain text anywhere, but JSON only where the
/// server consents, and we never do.
fn check_content_type(headers: &HeaderMap) -> Result<(), ApiError> {
    let mut values = headers.get_all(header::CONTENT_TYPE).iter();
    let json = match (values.next(), values.next()) {
        (Some(value), None) => is_json(value.as_bytes()),
        _ => false,
    };
    if json && !headers.contains_key(header::CONTENT_ENCODING) {
        return Ok(());
    }
    let detail = "the body must be plain JSON, with one Content-Type: application/json";
    Err(ApiError::new(StatusCode::UNSUPPORTED_MEDIA_TYPE, ErrorCode::UnsupportedMediaType, detail)
        .hint("curl -H 'Content-Type: application/json' …"))
}

fn is_json(value: &[u8]) -> bool {
    let text = String::from_utf8_lossy(value).to_ascii_lowercase();
    // Blanks around the parts, and not in them: that would be another type.
    let mut parts = text.split(';').map(|part| part.trim_matches([' ', '\t']));
    parts.next() == Some("application/json")
        && parts.next().is_none_or(|parameter| parameter == "charset=utf-8")
        && parts.next().is_none()
}

#[cfg(test)]
mod tests {
    use axum::http::HeaderValue;

    use super::*;

    fn status(method: &str, target: &str, headers: &[(&str, &str)]) -> u16 {
        let hosts = ["127.0.0.1:62893", "localhost:62893", "[::1]:62893"].map(str::to_owned);
        let mut map = HeaderMap::new();
        for (name, value) in headers {
            let name = HeaderName::from_bytes(name.as_bytes()).unwrap();
            map.append(name, HeaderValue::from_bytes(value.as_bytes()).unwrap());
        }
        let (method, target) = (method.parse().unwrap(), target.parse().unwrap());
        let status = match check(&hosts, &method, &target, &map) {
            Ok(()) => 200,
            Err(error) => error.into_response().status().as_u16(),
        };
        assert_eq!(refusal(&hosts, &method, &target, &map).map_or(200, |status| status.as_u16()), status);
        status
    }

    const HOST: (&str, &str) = ("host", "127.0.0.1:62893");

    #[test]
    fn rule_h() {
        for (headers, expected) in [
            (vec![HOST], 200),
            (vec![("host", "LOCALHOST:62893")], 200),
            (vec![("host", "[::1]:62893")], 200),
            (vec![], 400),
            (vec![HOST, HOST], 400),
            (vec![("host", "localhost")], 403),
            (vec![("host", "localhost:62894")], 403),
            (vec![("host", "127.0.0.1:62893.evil.example")], 403),
            (vec![("host", "evil.example:62893")], 403),
            (vec![("host", "localhost.:62893")], 403),
            (vec![("host", "user@localhost:62893")], 403),
        ] {
            assert_eq!(status("GET", "/v1/health", &headers), expected, "{headers:?}");
        }
        assert_eq!(status("GET", "http://127.0.0.1:62893/v1/health", &[HOST]), 400);
        assert_eq!(status("OPTIONS", "*", &[HOST]), 400);
        assert_eq!(status("CONNECT", "127.0.0.1:62893", &[HOST]), 400);
    }

    #[test]
    fn rule_o() {
        for (origin, expected) in [
            ("http://127.0.0.1:62893", 200),
            ("http://localhost:62893", 403), // not this request's Host
            ("http://localhost:3000", 403),
            ("https://127.0.0.1:62893", 403),
            ("null", 403),
            ("", 403),
        ] {
            assert_eq!(status("GET", "/", &[HOST, ("origin", origin)]), expected, "{origin}");
        }
    }

    #[test]
    fn rule_f() {
        for (method, site, expected) in [
            ("GET", "same-origin", 200),
            ("PUT", "same-origin", 200),
            ("GET", "none", 200),
            ("DELETE", "none", 403),
            ("GET", "same-site", 403),
            ("GET", "cross-site", 403),
            ("GET", "", 403),
        ] {
            let headers = [HOST, ("sec-fetch-site", site), ("content-type", "application/json")];
            assert_eq!(status(method, "/", &headers), expected, "{method} {site}");
        }
    }

    #[test]
    fn rule_t() {
        for (headers, expected) in [
            (vec![("content-type", "application/json")], 200),
            (vec![("content-type", "Application/JSON; charset=UTF-8")], 200),
            (vec![("content-type", "application/json\t;charset=utf-8 ")], 200),
            (vec![], 415),
            (vec![("content-type", "text/plain")], 415),
            (vec![("content-type", "application/ json")], 415),
            (vec![("content-type", "application/json;")], 415),
            (vec![("content-type", "application/json, text/plain")], 415),
            (vec![("content-type", "application/json"), ("content-type", "application/json")], 415),
            (vec![("content-type", "application/json"), ("content-encoding", "gzip")], 415),
            (vec![("content-type", "application/json; charset=latin1")], 415),
        ] {
            let all: Vec<_> = [HOST].into_iter().chain(headers.clone()).collect();
            for method in ["POST", "PUT", "PATCH"] {
                assert_eq!(status(method, "/", &all), expected, "{method} {headers:?}");
            }
            assert_eq!(status("DELETE", "/", &all), 200);
        }
    }
}
