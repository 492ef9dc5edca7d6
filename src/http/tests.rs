use std::{io, time::Duration};

use tokio::{
    io::{AsyncReadExt, AsyncWriteExt},
    net::TcpListener,
    sync::mpsc::{UnboundedReceiver, unbounded_channel},
};

use crate::model::Answer;

use super::{
    Body, Http, HttpSettings, NoReply, Reply, Url, Verb, is_loopback, proxied, read, reply::lost,
    request, within,
};

/// Long enough for any machine, where something comes.
const AMPLE: Duration = Duration::from_secs(60);
/// Waited out, where nothing comes.
const SHORT: Duration = Duration::from_millis(500);

#[test]
fn loopback_is_this_machine_only() {
    for (url, expected) in [
        ("http://127.0.0.1:8080/x", true),
        ("http://localhost/x", true),
        ("http://[::1]:1/x", true),
        ("http://127.0.0.1.example.com/", false),
        ("http://localhost.example.com/", false),
        ("http://10.0.0.1/", false),
    ] {
        assert_eq!(is_loopback(&url.parse().expect(url)), expected, "{url}");
    }
}

/// A server that answers each connection's request with these bytes, and says what it was sent.
/// Where it has no answer, it keeps the connection.
async fn server(answer: &[u8]) -> (Url, UnboundedReceiver<String>) {
    let listener = TcpListener::bind(("127.0.0.1", 0)).await.expect("a port");
    let address = listener.local_addr().expect("an address");
    let answer = answer.to_vec();
    let (heard, requests) = unbounded_channel();
    tokio::spawn(async move {
        let mut kept = Vec::new();
        while let Ok((mut socket, _)) = listener.accept().await {
            let mut request = vec![0; 4096];
            let length = socket.read(&mut request).await.unwrap_or_default();
            request.truncate(length);
            let _ = heard.send(String::from_utf8_lossy(&request).into_owned());
            let _ = socket.write_all(&answer).await;
            kept.extend(answer.is_empty().then_some(socket));
        }
    });
    let url = format!("http://{address}/v1/users/a%2Fb/methods");
    (url.parse().expect("a URL"), requests)
}

fn settings(timeout: Duration) -> HttpSettings {
    HttpSettings {
        timeout,
        ca_file: None,
        plain: true,
        pool_size: 1,
    }
}

/// What is told of the answer to the same request, sent in each way.
async fn both_ways(url: &Url, limit: Duration) -> [Result<Reply, NoReply>; 2] {
    let http = Http::new(&settings(limit)).expect("a client");
    let body = Body::Json("{}".into());
    let direct = http.send(Verb::Patch, url, None, &body).await;
    let proxied = within(limit, async {
        let request = request(Verb::Patch, url, None, &body)?;
        read(url, proxied::send(&http.proxied, request).await?).await
    });
    [direct, proxied.await]
}

#[tokio::test]
async fn both_ways_send_the_same_and_tell_the_same_of_its_answer() {
    let long = [
        b"HTTP/1.1 200 OK\r\n\r\n".to_vec(),
        vec![b'x'; super::reply::BODY_CAP + 1],
    ]
    .concat();
    for (answer, told) in [
        (&b"HTTP/1.1 200 OK\r\nDate: now\r\nContent-Length: 2\r\n\r\n{}"[..], "200 now {}"),
        (b"HTTP/1.1 429 Slow\r\nRetry-After: 7\r\nContent-Length: 0\r\n\r\n", "429 after 7"),
        (b"HTTP/1.1 302 Found\r\nLocation: https://elsewhere.example/x\r\nContent-Length: 0\r\n\r\n", "302 to elsewhere.example"),
        (b"HTTP/1.1 200 OK\r\nLocation: https://elsewhere.example/x\r\nContent-Length: 0\r\n\r\n", "200"),
        (b"HTTP/1.1 200 OK\r\nTransfer-Encoding: chunked\r\n\r\n2\r\n{}\r\n0\r\n\r\n", "200 {}"),
        (&long, "200 with too much"),
        (b"HTTP/1.1 200 OK\r\nContent-Length: 9\r\n\r\n{}", "cut"),
        (b"HTTP/1.1 200 OK\r\nContent-", "cut"),
        (b"SSH-2.0-OpenSSH_9.2\r\n", "cut"),
        (b"", "timeout"),
    ] {
        let (url, mut requests) = server(answer).await;
        let limit = if answer.is_empty() { SHORT } else { AMPLE };
        let answers = both_ways(&url, limit).await.map(|answer| tell(&answer));
        assert_eq!(answers, [told; 2], "{}", String::from_utf8_lossy(answer));
        let [direct, proxied] = [requests.recv().await, requests.recv().await].map(sorted);
        assert_eq!(direct, proxied);
        assert!(direct.contains(&"PATCH /v1/users/a%2Fb/methods HTTP/1.1".to_owned()), "{direct:?}");
    }
}

#[tokio::test]
async fn both_ways_tell_that_nobody_listens() {
    let listener = TcpListener::bind(("127.0.0.1", 0)).await.expect("a port");
    let url = format!("http://{}/", listener.local_addr().expect("an address"));
    drop(listener);
    for answer in both_ways(&url.parse().expect("a URL"), AMPLE).await {
        let error = answer.expect_err("nobody listens");
        assert_eq!(error.answer.to_string(), "connect_error");
        assert_eq!(
            error.text,
            "failed to connect: Connection refused (os error 111)"
        );
    }
}

/// A server that answers one request on each connection and then closes it, without a word in its answer. Says when the
/// client has closed it as well.
async fn server_of_one_answer_each(answer: &'static [u8]) -> (Url, UnboundedReceiver<()>) {
    let listener = TcpListener::bind(("127.0.0.1", 0)).await.expect("a port");
    let address = listener.local_addr().expect("an address");
    let (closed, closings) = unbounded_channel();
    tokio::spawn(async move {
        while let Ok((mut socket, _)) = listener.accept().await {
            let mut request = vec![0; 4096];
            let _ = socket.read(&mut request).await;
            let _ = socket.write_all(answer).await;
            let _ = socket.shutdown().await;
            while socket
                .read(&mut request)
                .await
                .is_ok_and(|length| length > 0)
            {}
            let _ = closed.send(());
        }
    });
    (
        format!("http://{address}/").parse().expect("a URL"),
        closings,
    )
}

#[tokio::test]
async fn a_connection_that_the_server_closed_meanwhile_costs_no_try() {
    let (url, mut closings) =
        server_of_one_answer_each(b"HTTP/1.1 200 OK\r\nContent-Length: 2\r\n\r\n{}").await;
    let http = Http::new(&settings(AMPLE)).expect("a client");
    for _ in 0..5 {
        let answer = http.send(Verb::Patch, &url, None, &Body::None).await;
        assert_eq!(tell(&answer), "200 {}");
        closings.recv().await.expect("the client closes it, too");
    }
}

#[test]
fn a_connection_that_the_system_gives_up_is_no_answer_and_one_that_is_reset_is_cut() {
    for (kind, answer) in [
        (io::ErrorKind::TimedOut, Answer::Timeout),
        (io::ErrorKind::ConnectionReset, Answer::Cut),
    ] {
        let error = io::Error::from(kind);
        assert_eq!(lost(&error, false).answer, answer);
        assert_eq!(lost(&error, true).answer, Answer::ConnectError);
    }
}

#[test]
fn who_a_server_is_or_what_it_speaks_is_distrusted_and_what_else_goes_wrong_is_not() {
    use rustls::{AlertDescription, CertificateError::*, Error, PeerIncompatible};

    let certificate = Error::InvalidCertificate;
    let old = Error::PeerIncompatible(PeerIncompatible::Tls12NotOffered);
    let alert = Error::AlertReceived;
    let wrapped = |error: Error| io::Error::other(io::Error::other(error));
    for (error, untrusted, remedy) in [
        (certificate(UnknownIssuer), true, "--ca-file"),
        (certificate(Expired), true, "renewed"),
        (certificate(NotValidForName), true, "for another one"),
        (certificate(BadEncoding), true, "a CA signed"),
        (old, true, "TLS 1.2"),
        (alert(AlertDescription::ProtocolVersion), true, "TLS 1.2"),
        (alert(AlertDescription::InternalError), false, "firewall"),
    ] {
        let error = wrapped(error);
        let lost_connecting = lost(&error, true);
        assert_eq!(lost_connecting.untrusted, untrusted, "{error}");
        assert!(
            lost_connecting.remedy().contains(remedy),
            "{error}: {}",
            lost_connecting.remedy()
        );
        assert!(!lost(&error, false).untrusted, "{error}");
    }
    let refused = io::Error::from(io::ErrorKind::ConnectionRefused);
    assert!(!lost(&refused, true).untrusted);
}

fn sorted(request: Option<String>) -> Vec<String> {
    let request = request.expect("a request");
    let mut lines: Vec<_> = request.lines().map(str::to_owned).collect();
    lines.sort();
    lines
}

fn tell(answer: &Result<Reply, NoReply>) -> String {
    let reply = match answer {
        Ok(reply) => reply,
        Err(error) => return error.answer.to_string(),
    };
    let mut told = vec![reply.status.to_string()];
    told.extend(reply.date.clone());
    told.extend(
        reply
            .retry_after
            .as_ref()
            .map(|wait| format!("after {wait}")),
    );
    told.extend(
        reply
            .redirect_host
            .as_ref()
            .map(|host| format!("to {host}")),
    );
    told.push(match &reply.body {
        Some(body) => String::from_utf8_lossy(body).into_owned(),
        None => "with too much".to_owned(),
    });
    told.join(" ").trim_end().to_owned()
}
