//! Connections in memory, with `hyper`'s own servers at their other end.

use std::{
    convert::Infallible,
    io,
    pin::Pin,
    sync::{
        Arc,
        atomic::{AtomicUsize, Ordering},
    },
    task::{Context, Poll},
    time::Duration,
};

use http_body_util::{BodyExt, Full};
use hyper::{
    Request, Response, Uri,
    body::{Bytes, Incoming},
    rt::{Read, ReadBufCursor, Write},
    server, service,
};
use hyper_util::{
    client::legacy::connect::{Connected, Connection},
    rt::{TokioExecutor, TokioIo},
};
use tokio::{io::DuplexStream, task::JoinHandle, time};

use super::{Lent, Server};
use crate::http::IDLE;

const BUFFER: usize = 64 * 1024;
const MOST_IDLE: usize = 2;

/// The client's end, and what was agreed on.
struct Stream {
    io: TokioIo<DuplexStream>,
    http2: bool,
}

impl Connection for Stream {
    fn connected(&self) -> Connected {
        match self.http2 {
            true => Connected::new().negotiated_h2(),
            false => Connected::new(),
        }
    }
}

impl Read for Stream {
    fn poll_read(
        mut self: Pin<&mut Self>,
        cx: &mut Context<'_>,
        buffer: ReadBufCursor<'_>,
    ) -> Poll<io::Result<()>> {
        Pin::new(&mut self.io).poll_read(cx, buffer)
    }
}

impl Write for Stream {
    fn poll_write(
        mut self: Pin<&mut Self>,
        cx: &mut Context<'_>,
        buffer: &[u8],
    ) -> Poll<io::Result<usize>> {
        Pin::new(&mut self.io).poll_write(cx, buffer)
    }

    fn poll_flush(mut self: Pin<&mut Self>, cx: &mut Context<'_>) -> Poll<io::Result<()>> {
        Pin::new(&mut self.io).poll_flush(cx)
    }

    fn poll_shutdown(mut self: Pin<&mut Self>, cx: &mut Context<'_>) -> Poll<io::Result<()>> {
        Pin::new(&mut self.io).poll_shutdown(cx)
    }
}

/// The server's end of a connection, which answers each request with what it asked for.
struct There {
    answered: Arc<AtomicUsize>,
    task: JoinHandle<()>,
}

impl There {
    fn answered(&self) -> usize {
        self.answered.load(Ordering::Relaxed)
    }

    /// Ends the connection. Returns when the client has taken note of it.
    async fn close(self, lent: &mut Lent) {
        self.task.abort();
        let _ = self.task.await;
        while !is_closed(lent) {
            tokio::task::yield_now().await;
        }
    }
}

fn is_closed(lent: &mut Lent) -> bool {
    match lent {
        Lent::Own(own) => own.is_closed(),
        Lent::Shared(shared) => shared.is_closed(),
    }
}

fn server() -> Server {
    Server::new(&uri("/"), MOST_IDLE)
}

fn uri(path: &str) -> Uri {
    let uri = format!("https://tenant.example:8443{path}");
    uri.parse().expect("a URI")
}

/// A connection of this kind to the server.
async fn connected(server: &Server, http2: bool) -> (Lent, There) {
    let (here, there) = tokio::io::duplex(BUFFER);
    let answered = Arc::new(AtomicUsize::new(0));
    let count = Arc::clone(&answered);
    let answer = service::service_fn(move |request: Request<Incoming>| {
        count.fetch_add(1, Ordering::Relaxed);
        let host = request
            .headers()
            .get("host")
            .map(|host| host.to_str().expect("text").to_owned());
        let asked = format!("{:?} {}", host, request.uri());
        async move { Ok::<_, Infallible>(Response::new(Full::new(Bytes::from(asked)))) }
    });
    let io = TokioIo::new(there);
    let task = tokio::spawn(async move {
        let _ = match http2 {
            true => {
                server::conn::http2::Builder::new(TokioExecutor::new())
                    .serve_connection(io, answer)
                    .await
            }
            false => {
                server::conn::http1::Builder::new()
                    .serve_connection(io, answer)
                    .await
            }
        };
    });
    let stream = Stream {
        io: TokioIo::new(here),
        http2,
    };
    let lent = server.greet(stream).await.expect("no greeting fails");
    (lent, There { answered, task })
}

/// What the server says of a request for this path.
async fn ask(server: &Server, lent: &mut Lent, path: &str) -> String {
    let mut request = Request::new(Full::new(Bytes::new()));
    *request.uri_mut() = uri(path);
    let answer = server.send(lent, request).await.expect("an answer");
    let body = answer.into_body().collect().await.expect("a whole one");
    String::from_utf8(body.to_bytes().to_vec()).expect("text")
}

#[tokio::test]
async fn http_1_is_lent_to_one_at_a_time() {
    let server = server();
    let (mut lent, there) = connected(&server, false).await;
    for round in 1..4 {
        assert!(server.standing().is_none(), "somebody has it");
        let said = ask(&server, &mut lent, "/a%2Fb?c=d").await;
        assert_eq!(said, "Some(\"tenant.example:8443\") /a%2Fb?c=d");
        assert_eq!(there.answered(), round);
        server.keep(lent);
        lent = server.standing().expect("nobody has it");
    }
}

#[tokio::test]
async fn http_2_is_everybodys() {
    let server = server();
    let (mut first, there) = connected(&server, true).await;
    let mut second = server.standing().expect("the same");
    let (mut late, unused) = connected(&server, true).await;
    let all = [&mut first, &mut second, &mut late].map(|lent| ask(&server, lent, "/a?b=c"));
    for said in all {
        assert_eq!(said.await, "None https://tenant.example:8443/a?b=c");
    }
    assert_eq!((there.answered(), unused.answered()), (3, 0));
}

#[tokio::test]
async fn what_is_closed_is_not_lent_and_what_it_is_asked_for_comes_back_unsent() {
    for http2 in [false, true] {
        let server = server();
        let (mut lent, there) = connected(&server, http2).await;
        ask(&server, &mut lent, "/").await;
        there.close(&mut lent).await;
        let mut request = Request::new(Full::new(Bytes::from("body")));
        *request.uri_mut() = uri("/a");
        let mut error = server
            .send(&mut lent, request)
            .await
            .expect_err("it is closed");
        let unsent = error.take_message().expect("nothing of it was sent");
        assert_eq!(unsent.uri().path(), "/a");
        server.keep(lent);
        assert!(server.standing().is_none(), "HTTP/2: {http2}");
        let (mut other, there) = connected(&server, http2).await;
        ask(&server, &mut other, "/").await;
        assert_eq!(there.answered(), 1);
    }
}

#[tokio::test]
async fn no_more_are_kept_than_were_asked_for_and_none_for_longer_than_is_safe() {
    let server = server();
    let mut all = Vec::new();
    for _ in 0..=MOST_IDLE {
        let (mut lent, end) = connected(&server, false).await;
        ask(&server, &mut lent, "/").await;
        all.push((lent, end));
    }
    let mut there = Vec::new();
    for (lent, end) in all {
        server.keep(lent);
        there.push(end);
    }
    let mut lent: Vec<_> = std::iter::from_fn(|| server.standing()).collect();
    assert_eq!(lent.len(), MOST_IDLE);
    time::pause();
    server.keep(lent.remove(0));
    time::advance(IDLE - Duration::from_millis(1)).await;
    server.keep(lent.remove(0));
    time::advance(Duration::from_millis(1)).await;
    assert!(server.standing().is_some(), "the one that was used last");
    assert!(server.standing().is_none(), "the other one is too old");
}

#[tokio::test]
async fn what_comes_back_goes_to_who_waits_for_it() {
    let server = server();
    let (mut lent, there) = connected(&server, false).await;
    ask(&server, &mut lent, "/").await;
    server.keep(lent);
    let lent = server.standing().expect("nobody has it");
    let (mut lent, ()) = tokio::join!(server.returned(), async { server.keep(lent) });
    ask(&server, &mut lent, "/").await;
    assert_eq!(there.answered(), 2);
}

#[tokio::test]
async fn what_all_use_is_kept_while_it_is_used() {
    let server = server();
    let _there = connected(&server, true).await;
    time::pause();
    for _ in 0..3 {
        time::advance(IDLE - Duration::from_millis(1)).await;
        assert!(server.standing().is_some());
    }
    time::advance(IDLE).await;
    assert!(server.standing().is_none());
}

#[test]
fn a_server_is_a_scheme_and_an_authority() {
    let server = server();
    for (uri, same) in [
        ("https://tenant.example:8443/other?path", true),
        ("https://TENANT.example:8443/", true),
        ("http://tenant.example:8443/", false),
        ("https://tenant.example/", false),
        ("https://other.example:8443/", false),
    ] {
        assert_eq!(server.has(&uri.parse().expect("a URI")), same, "{uri}");
    }
}
