//! The door: whatever is let in names this API in its one Host, and was not
//! sent by a page of another origin.
#![no_main]

use axum::http::{Method, Uri, header};
use libfuzzer_sys::fuzz_target;
use portleased::fuzzing;

fuzz_target!(|data: &[u8]| {
    let mut parts = data.splitn(3, |byte| *byte == b'\n');
    let method = Method::from_bytes(parts.next().unwrap_or_default());
    let uri = Uri::try_from(parts.next().unwrap_or_default());
    let (Ok(method), Ok(uri)) = (method, uri) else { return };
    let headers = fuzzing::headers(parts.next().unwrap_or_default());
    let hosts = ["127.0.0.1:62893", "localhost:62893", "[::1]:62893"].map(str::to_owned);
    if !fuzzing::is_let_in(&hosts, &method, &uri, &headers) {
        return;
    }
    assert!(uri.scheme().is_none() && uri.authority().is_none() && uri.path().starts_with('/'));
    let mut named = headers.get_all(header::HOST).iter();
    let (Some(host), None) = (named.next(), named.next()) else { panic!("not one Host") };
    let host = host.to_str().unwrap().to_ascii_lowercase();
    assert!(hosts.contains(&host));
    for origin in headers.get_all(header::ORIGIN) {
        assert_eq!(origin.to_str().unwrap(), format!("http://{host}"));
    }
    for site in headers.get_all("sec-fetch-site") {
        assert!(site == "same-origin" || (site == "none" && method == Method::GET));
    }
    if [Method::POST, Method::PUT, Method::PATCH].contains(&method) {
        let kind = headers[header::CONTENT_TYPE].to_str().unwrap().to_ascii_lowercase();
        let mut parts = kind.split(';').map(str::trim);
        assert_eq!(parts.next(), Some("application/json"), "{kind}");
        assert!(parts.all(|parameter| parameter == "charset=utf-8"), "{kind}");
    }
});
