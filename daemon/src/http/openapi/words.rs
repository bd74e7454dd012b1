//! What the words mean that answers choose from: a derive leaves out what is
//! said of a variant. A word without a meaning does not compile.

use portlease_proto::{
    Auth, BusyReason, CheckStatus, ErrorCode, EventKind, Identify, LeaseState, Origin, Outcome, Protocol,
    SkipReason, SocketState, StopSignal, Transport,
};
use serde_json::Value;

/// The meaning of `word` in the type `name`, if that is one of words.
pub(super) fn meaning(name: &str, word: &Value) -> Option<&'static str> {
    let word = || word.clone();
    match name {
        "ErrorCode" => serde_json::from_value(word()).ok().map(of_code),
        "LeaseState" => serde_json::from_value(word()).ok().map(of_state),
        "SkipReason" => serde_json::from_value(word()).ok().map(of_reason),
        "Protocol" => serde_json::from_value(word()).ok().map(of_protocol),
        "EventKind" => serde_json::from_value(word()).ok().map(of_event),
        "BusyReason" => serde_json::from_value(word()).ok().map(of_busy),
        "SocketState" => serde_json::from_value(word()).ok().map(of_socket),
        "StopSignal" => serde_json::from_value(word()).ok().map(of_signal),
        "CheckStatus" => serde_json::from_value(word()).ok().map(of_check),
        "Identify" => serde_json::from_value(word()).ok().map(of_identify),
        "Origin" => serde_json::from_value(word()).ok().map(of_origin),
        "Outcome" => serde_json::from_value(word()).ok().map(of_outcome),
        "Transport" => serde_json::from_value(word()).ok().map(of_transport),
        "Auth" => serde_json::from_value(word()).ok().map(of_auth),
        _ => None,
    }
}

fn of_state(state: LeaseState) -> &'static str {
    match state {
        LeaseState::Reserved => "granted, and nobody is on it",
        LeaseState::Bound => "its own app is on it",
        LeaseState::Taken => "a stranger is on it",
        LeaseState::Stale => "the root of its project is gone",
        LeaseState::Unknown => "a state of a later version",
    }
}

fn of_origin(origin: Origin) -> &'static str {
    match origin {
        Origin::Default => "nobody says otherwise",
        Origin::File => "the configuration file",
        Origin::Environment => "a variable in the daemon's environment; it comes before the file",
        Origin::Flag => "the command line that started the daemon; it comes before all others",
        Origin::Unknown => "an origin of a later version",
    }
}

fn of_outcome(outcome: Outcome) -> &'static str {
    match outcome {
        Outcome::Kept => "there was one of that name, and it is as it was",
        Outcome::Granted => "it is new, with the port of the file",
        Outcome::Moved => "it is new, with another port",
        Outcome::Unknown => "an outcome of a later version",
    }
}

fn of_busy(reason: BusyReason) -> &'static str {
    match reason {
        BusyReason::InUse => "a socket listens on it, or a UDP socket has it",
        BusyReason::Bound => "a socket is bound to it and does not listen",
        BusyReason::Connected => "connections have it, and no listener",
        BusyReason::Leftovers => "only what closed connections left is in the way, for a minute or two",
        BusyReason::Privileged => "this user may not bind it",
        BusyReason::Unseen => "the kernel refuses it and shows no socket on it",
        BusyReason::Unknown => "a reason of a later version",
    }
}

fn of_socket(state: SocketState) -> &'static str {
    match state {
        SocketState::Listening => "takes connections, or anybody's datagrams",
        SocketState::Bound => "bound, and neither listening nor connected",
        SocketState::Connecting => "on its way to a connection",
        SocketState::Connected => "part of a connection",
        SocketState::CloseWait => "the other end has closed; the process has not yet",
        SocketState::Closing => "the process has closed, and the last packets are on their way",
        SocketState::TimeWait => "closed; the kernel keeps the port for a minute",
        SocketState::Unknown => "a state of a later version",
    }
}

fn of_check(status: CheckStatus) -> &'static str {
    match status {
        CheckStatus::Ok => "as it should be",
        CheckStatus::Warn => "it works for some clients",
        CheckStatus::Fail => "this is why the port cannot be reached",
        CheckStatus::Unknown => "an outcome of a later version",
    }
}

fn of_signal(signal: StopSignal) -> &'static str {
    match signal {
        StopSignal::Term => "SIGTERM: it may put its things in order first, and it may refuse",
        StopSignal::Kill => "SIGKILL: it ends at once",
    }
}

fn of_identify(identify: Identify) -> &'static str {
    match identify {
        Identify::Directory => "the root's own name; a root that was renamed keeps its project",
        Identify::Manifest => {
            "the manifest in it; a root whose manifest says another name is another project"
        }
    }
}

fn of_transport(transport: Transport) -> &'static str {
    match transport {
        Transport::Tcp => "TCP",
        Transport::Udp => "UDP",
        Transport::Unknown => "one of a later version",
    }
}

fn of_auth(auth: Auth) -> &'static str {
    match auth {
        Auth::User => "that the kernel names this user's process at the other end",
        Auth::Token => "the token as well; and the token alone where the kernel cannot tell",
        Auth::Unknown => "a way of a later version",
    }
}

fn of_event(event: EventKind) -> &'static str {
    match event {
        EventKind::Granted => "a lease is new",
        EventKind::Moved => "a lease has another port",
        EventKind::Changed => "a lease has another root, protocol, hold or life, or other labels",
        EventKind::Renewed => "a lease lives on for its TTL",
        EventKind::Released => "a lease was released",
        EventKind::Expired => "a lease ended: its TTL ran out, or its owner ended",
        EventKind::Bound => "its own app is on the port",
        EventKind::Unbound => "nobody is on the port any more",
        EventKind::Taken => "a stranger is on the port",
        EventKind::Exposed => "what is on the port can be reached from outside this machine",
        EventKind::Unknown => "a kind of a later version",
    }
}

fn of_reason(reason: SkipReason) -> &'static str {
    match reason {
        SkipReason::Excluded => "never given unless forced",
        SkipReason::Leased => "another lease has it",
        SkipReason::Cooling => "another project released it less than a minute ago",
        SkipReason::Claimed => "another daemon on this machine has it",
        SkipReason::InUse => "a socket is on it",
        SkipReason::Privileged => "only root may bind it",
        SkipReason::Unknown => "a reason of a later version",
    }
}

fn of_protocol(protocol: Protocol) -> &'static str {
    match protocol {
        Protocol::Both => "TCP and UDP alike: what a lease covers that says nothing",
        Protocol::Tcp => "TCP alone",
        Protocol::Udp => "UDP alone",
    }
}

/// What a code says, in words.
#[deny(clippy::wildcard_enum_match_arm)]
pub(super) fn of_code(code: ErrorCode) -> &'static str {
    match code {
        ErrorCode::InvalidName => "a project or service name breaks the rule of names",
        ErrorCode::InvalidRequest => "the request is not understood, or its parts do not go together",
        ErrorCode::PortInUse => "a socket is on the port; `holder` says whose, as far as it can be seen",
        ErrorCode::PortLeased => {
            "another lease has the port (it is in `lease`), or another daemon on this machine has it"
        }
        ErrorCode::PortCooling => "another project released the port less than a minute ago",
        ErrorCode::PortExcluded => "the port is never given unless `force` is set",
        ErrorCode::PortPrivileged => "only root may bind the port",
        ErrorCode::PoolExhausted => "no port of the pool, or of the range, is to be had",
        ErrorCode::NoSuchLease => "there is no lease under that name",
        ErrorCode::LeaseDiffers => "the lease is there (it is in `lease`) and contradicts the request",
        ErrorCode::LimitReached => "a limit on leases, connections or open files is reached",
        ErrorCode::TokenRequired => "over TCP the token is needed, and was not sent or is not the one",
        ErrorCode::WrongUser => "the other end of the TCP connection is not a process of this user",
        ErrorCode::ForbiddenHost => "the Host header is missing, there twice, or does not name this API",
        ErrorCode::ForbiddenOrigin => "a web page of another origin asks",
        ErrorCode::StaleRequest => "what the request speaks of is no longer so",
        ErrorCode::ProcessOfAnotherUser => {
            "the process belongs to another user; `holder` says what can be seen of it"
        }
        ErrorCode::ProcessOfContainer => "the process keeps the port for a container: stop that",
        ErrorCode::ProcessProtected => {
            "the process is the daemon, one that it runs under, or the machine's first"
        }
        ErrorCode::StoreUnavailable => "the registry cannot be saved at the moment, so nothing was changed",
        ErrorCode::SocketTableUnavailable => "the machine's sockets cannot be read at the moment",
        ErrorCode::NotFound => "there is no such path",
        ErrorCode::MethodNotAllowed => "the path is there, but not with this method",
        ErrorCode::UnsupportedMediaType => "the body is not application/json",
        ErrorCode::BodyTooLarge => "the body has more than 64 KiB",
        ErrorCode::RequestTimeout => "the body did not arrive within 10 s",
        ErrorCode::Internal => "the daemon made a mistake; its log says more",
        ErrorCode::Unknown => "a code of a later version",
    }
}
