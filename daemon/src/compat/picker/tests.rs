//! What of an answer only the side that writes it can see.

use std::{
    pin::Pin,
    task::{Context, Poll},
};

use tokio::io::ReadBuf;

use super::*;
use crate::{
    doubles::{Doubles, OUR_UID},
    metrics::Metrics,
};

/// A client that has asked, and notes each write.
#[derive(Default)]
struct Client {
    asks: Vec<u8>,
    writes: Vec<Vec<u8>>,
}

impl AsyncRead for Client {
    fn poll_read(
        mut self: Pin<&mut Self>,
        _: &mut Context<'_>,
        into: &mut ReadBuf<'_>,
    ) -> Poll<io::Result<()>> {
        into.put_slice(&std::mem::take(&mut self.asks));
        Poll::Ready(Ok(()))
    }
}

impl AsyncWrite for Client {
    fn poll_write(mut self: Pin<&mut Self>, _: &mut Context<'_>, bytes: &[u8]) -> Poll<io::Result<usize>> {
        self.writes.push(bytes.to_vec());
        Poll::Ready(Ok(bytes.len()))
    }

    fn poll_flush(self: Pin<&mut Self>, _: &mut Context<'_>) -> Poll<io::Result<()>> {
        Poll::Ready(Ok(()))
    }

    fn poll_shutdown(self: Pin<&mut Self>, _: &mut Context<'_>) -> Poll<io::Result<()>> {
        Poll::Ready(Ok(()))
    }
}

async fn writes(desk: &Arc<Desk>, asks: String) -> Vec<Vec<u8>> {
    let mut client = Client { asks: asks.into_bytes(), ..Client::default() };
    answer(desk.clone(), &mut client).await;
    client.writes
}

#[tokio::test]
async fn a_port_is_one_write_and_a_refusal_none() {
    let doubles = Doubles::default();
    let pid = doubles.processes.start(OUR_UID, "/home/ada").pid;
    doubles.owners.begin(pid);
    let manager = Arc::new(doubles.manager());
    let desk = Arc::new(Desk::new(manager.clone(), doubles.edges(), Arc::new(Metrics::default()), 16));
    // Python's client reads once, and takes what has come by then for the answer.
    for _ in 0..3 {
        let written = writes(&desk, format!("{pid}\n")).await;
        let [one] = &written[..] else { panic!("{written:?}") };
        let port: u16 = std::str::from_utf8(one).unwrap().strip_suffix('\n').unwrap().parse().unwrap();
        assert!(manager.has_lease_on(Port::new(port).unwrap()));
    }
    for refused in ["1\n", "x\n", "99999999\n", ""] {
        assert_eq!(writes(&desk, refused.to_owned()).await, Vec::<Vec<u8>>::new(), "{refused:?}");
    }
}
