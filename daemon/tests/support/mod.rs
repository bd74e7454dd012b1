//! What the tests of the server and of the process have in common.

pub(crate) mod http;
pub(crate) mod plain;
pub(crate) mod ports;
pub(crate) mod run;
pub(crate) mod stream;
