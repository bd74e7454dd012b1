//! Bodies of requests: what is understood means the same when it is written
//! and read again.
#![no_main]

use std::fmt::Debug;

use libfuzzer_sys::fuzz_target;
use portlease_proto as proto;
use serde::{Serialize, de::DeserializeOwned};

fn again<T: DeserializeOwned + Serialize + PartialEq + Debug>(data: &[u8]) {
    if let Ok(value) = serde_json::from_slice::<T>(data) {
        let text = serde_json::to_vec(&value).unwrap();
        assert_eq!(serde_json::from_slice::<T>(&text).unwrap(), value);
    }
}

fuzz_target!(|data: &[u8]| {
    again::<proto::GetRequest>(data);
    again::<proto::BatchRequest>(data);
    again::<proto::AnonymousRequest>(data);
    again::<proto::RenewRequest>(data);
    again::<proto::StopRequest>(data);
    again::<proto::Export>(data);
    again::<proto::MvProjectRequest>(data);
    again::<proto::MvLeaseRequest>(data);
    let _gc = serde_json::from_slice::<proto::GcRequest>(data);
});
