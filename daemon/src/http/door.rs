//! What is asked at each way in, and in which order: whose process it is (U),
//! what a web page could send (H, O, F, T), the token. Pure.

use std::{
    net::SocketAddr,
    sync::{
        Arc,
        atomic::{AtomicBool, Ordering},
    },
};

use axum::http::{HeaderMap, Request, StatusCode, header};
use portlease_local::Token;
use portlease_proto::{Auth, ErrorCode};

use super::{error::ApiError, guard};
use crate::peer::FarEnd;

/// The door of the API's TCP listeners.
#[derive(Debug, Clone)]
pub struct TcpDoor {
    hosts: Vec<String>,
    /// Whether the token is asked for in any case. All clones share it.
    always: Arc<AtomicBool>,
    token: Token,
}

/// Where a connection comes in, and what is asked of it there.
#[derive(Debug, Clone)]
pub(super) enum Door {
    /// The Unix socket: file modes keep others out, and web pages do not reach it.
    Unix,
    /// TCP, from this far end.
    Tcp(Arc<TcpDoor>, FarEnd),
}

impl Door {
    pub(super) fn check<B>(&self, request: &Request<B>) -> Result<(), ApiError> {
        match self {
            Self::Unix => Ok(()),
            Self::Tcp(door, far_end) => door.check(*far_end, request),
        }
    }
}

impl TcpDoor {
    /// The door of listeners on these addresses.
    #[must_use]
    pub fn new(addresses: &[SocketAddr], auth: Auth, token: Token) -> Self {
        let mut hosts: Vec<String> = addresses.iter().map(ToString::to_string).collect();
        hosts.extend(addresses.first().map(|address| format!("localhost:{}", address.port())));
        Self { hosts, always: Arc::new(AtomicBool::new(auth != Auth::User)), token }
    }

    /// Asks for `auth` from the next request on, on open connections too.
    pub fn ask_for(&self, auth: Auth) {
        self.always.store(auth != Auth::User, Ordering::Relaxed);
    }

    /// Whether the request has the token with it, needed or not.
    pub(super) fn has_token(&self, headers: &HeaderMap) -> bool {
        check_token(&self.token, headers).is_ok()
    }

    fn check<B>(&self, far_end: FarEnd, request: &Request<B>) -> Result<(), ApiError> {
        check_far_end(far_end)?;
        guard::check(&self.hosts, request.method(), request.uri(), request.headers())?;
        if needs_token(self.always.load(Ordering::Relaxed), far_end) {
            check_token(&self.token, request.headers())?;
        }
        Ok(())
    }
}

/// U: another user is refused whatever it sends, the token included.
fn check_far_end(far_end: FarEnd) -> Result<(), ApiError> {
    match far_end {
        FarEnd::Ours | FarEnd::CannotTell => Ok(()),
        FarEnd::NotOurs => {
            let detail = "this API belongs to another user, or the connection is not established any more";
            Err(ApiError::new(StatusCode::FORBIDDEN, ErrorCode::WrongUser, detail)
                .hint("use the Unix socket: portlease status"))
        }
    }
}

/// Whoever can read the token's file is this user: that is the answer where
/// the kernel gives none.
fn needs_token(always: bool, far_end: FarEnd) -> bool {
    always || far_end == FarEnd::CannotTell
}

/// Exactly one Authorization header, and the token is in it.
fn check_token(token: &Token, headers: &HeaderMap) -> Result<(), ApiError> {
    let mut values = headers.get_all(header::AUTHORIZATION).iter();
    let sent = match (values.next(), values.next()) {
        (Some(value), None) => bearer(value.as_bytes()),
        _ => None,
    };
    if sent.is_some_and(|sent| token.is(sent)) {
        return Ok(());
    }
    let detail = "over TCP this API needs its token";
    Err(ApiError::new(StatusCode::UNAUTHORIZED, ErrorCode::TokenRequired, detail)
        .hint("send \"Authorization: Bearer TOKEN\", or use the Unix socket; portlease token prints it"))
}

/// What follows the scheme's name and one blank; that name may be written large
/// or small (RFC 9110, 11.1; RFC 6750, 2.1).
fn bearer(value: &[u8]) -> Option<&[u8]> {
    const SCHEME: &[u8] = b"Bearer ";
    let (scheme, token) = value.split_at_checked(SCHEME.len())?;
    scheme.eq_ignore_ascii_case(SCHEME).then_some(token)
}

#[cfg(test)]
mod tests {
    use axum::response::IntoResponse;

    use super::*;

    const TOKEN: &str = "0123456789abcdef0123456789abcdef0123456789abcdef0123456789abcdef";
    const HOST: (&str, &str) = ("host", "127.0.0.1:62893");

    fn status(auth: Auth, far_end: FarEnd, headers: &[(&str, &str)]) -> u16 {
        let address = "127.0.0.1:62893".parse().unwrap();
        let door = Door::Tcp(Arc::new(TcpDoor::new(&[address], auth, TOKEN.parse().unwrap())), far_end);
        let mut request = Request::builder().method("GET").uri("/v1/health");
        for (name, value) in headers {
            request = request.header(*name, *value);
        }
        match door.check(&request.body(()).unwrap()) {
            Ok(()) => 200,
            Err(error) => error.into_response().status().as_u16(),
        }
    }

    /// Each kind of far end, without the token and with it.
    #[test]
    fn who_needs_the_token() {
        for (auth, far_end, without, with) in [
            (Auth::User, FarEnd::Ours, 200, 200),
            (Auth::User, FarEnd::NotOurs, 403, 403),
            (Auth::User, FarEnd::CannotTell, 401, 200),
            (Auth::Token, FarEnd::Ours, 401, 200),
            (Auth::Token, FarEnd::NotOurs, 403, 403),
            (Auth::Token, FarEnd::CannotTell, 401, 200),
        ] {
            let token = ("authorization", &*format!("Bearer {TOKEN}"));
            assert_eq!(status(auth, far_end, &[HOST]), without, "{auth:?} {far_end:?}");
            assert_eq!(status(auth, far_end, &[HOST, token]), with, "{auth:?} {far_end:?} with it");
            // It opens no door to a page of another origin.
            let page = ("origin", "http://localhost:3000");
            assert_eq!(status(auth, far_end, &[HOST, token, page]), 403);
            assert_eq!(status(auth, far_end, &[("host", "evil.example"), token]), 403);
        }
    }

    #[test]
    fn what_is_taken_for_the_token() {
        let wrong = TOKEN.replace('f', "e");
        for (values, expected) in [
            (vec![format!("Bearer {TOKEN}")], 200),
            (vec![format!("bEARER {TOKEN}")], 200),
            (vec![], 401),
            (vec![TOKEN.to_owned()], 401),
            (vec![format!("Basic {TOKEN}")], 401),
            (vec![format!("Bearer{TOKEN}")], 401),
            (vec![format!("Bearer  {TOKEN}")], 401),
            (vec![format!("Bearer {wrong}")], 401),
            (vec![format!("Bearer {}", &TOKEN[1..])], 401),
            (vec![format!("Bearer {TOKEN}0")], 401),
            (vec![format!("Bearer {}", TOKEN.to_uppercase())], 401),
            (vec![format!("Bearer {TOKEN}, Bearer {TOKEN}")], 401),
            (vec!["Bearer ".to_owned()], 401),
            (vec!["Bearer".to_owned()], 401),
            (vec![String::new()], 401),
            (vec![format!("Bearer {TOKEN}"), format!("Bearer {TOKEN}")], 401),
            (vec![format!("Bearer {TOKEN}"), "Bearer x".to_owned()], 401),
        ] {
            let headers: Vec<(&str, &str)> =
                [HOST].into_iter().chain(values.iter().map(|value| ("authorization", &**value))).collect();
            assert_eq!(status(Auth::Token, FarEnd::Ours, &headers), expected, "{values:?}");
        }
    }

    #[test]
    fn the_unix_socket_needs_none() {
        let request = Request::builder().uri("/v1/health").body(()).unwrap();
        assert!(Door::Unix.check(&request).is_ok());
    }

    #[test]
    fn no_header_but_the_refusal_names_the_scheme() {
        let answer = check_token(&TOKEN.parse().unwrap(), &HeaderMap::new()).unwrap_err().into_response();
        assert_eq!(answer.headers()[header::WWW_AUTHENTICATE], "Bearer");
        let other = check_far_end(FarEnd::NotOurs).unwrap_err().into_response();
        assert!(!other.headers().contains_key(header::WWW_AUTHENTICATE));
    }
}
