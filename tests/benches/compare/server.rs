//! A server that answers every PATCH at once, or after a fixed time, and does nothing else: the
//! yardstick must not be what is measured. It runs in a process of its own, the benchmark itself
//! started with `serve`, on the second core where there is one.

use std::{
    cell::RefCell,
    fs,
    io::{self, BufRead, BufReader, Read, Write},
    net::{Ipv4Addr, TcpStream},
    path::Path,
    process::{Child, Stdio},
    rc::Rc,
    sync::Arc,
    time::{Duration, SystemTime},
};

use tokio::{
    io::{AsyncRead, AsyncReadExt, AsyncWrite, AsyncWriteExt},
    net::TcpListener,
    task::{LocalSet, spawn_local},
    time::sleep,
};
use tokio_rustls::{
    TlsAcceptor,
    rustls::{ServerConfig, pki_types::PrivateKeyDer},
};

use super::job::on_core;

/// What the server has seen since it was asked last.
#[derive(Debug, Clone, Copy, Default)]
pub(crate) struct Seen {
    /// Requests.
    pub(crate) requests: u64,
    /// When the first one had come.
    pub(crate) first: Option<SystemTime>,
}

/// A running server. Dropped, it ends.
pub(crate) struct Server {
    child: Child,
    port: u16,
    tls_port: u16,
}

impl Server {
    /// Starts one that answers after this time. Its certificate goes to this file.
    pub(crate) fn start(latency: Duration, certificate: &Path) -> Self {
        let benchmark = std::env::current_exe().expect("the benchmark has a path");
        let mut child = on_core(1, &benchmark)
            .args(["serve", &latency.as_millis().to_string()])
            .arg(certificate)
            .stdout(Stdio::piped())
            .spawn()
            .expect("the server starts");
        let mut line = String::new();
        let said = child.stdout.as_mut().expect("its output is piped");
        BufReader::new(said)
            .read_line(&mut line)
            .expect("the server says its ports");
        let mut ports = line.split_whitespace().map(|word| word.parse());
        let mut port = || ports.next().and_then(Result::ok).expect("two ports");
        let (port, tls_port) = (port(), port());
        Self {
            child,
            port,
            tls_port,
        }
    }

    /// Where it is.
    pub(crate) fn origin(&self) -> String {
        format!("http://127.0.0.1:{}", self.port)
    }

    /// Where it is over TLS.
    pub(crate) fn tls_origin(&self) -> String {
        format!("https://localhost:{}", self.tls_port)
    }

    /// What it has seen since this was asked last.
    pub(crate) fn seen(&self) -> Seen {
        let mut stream = TcpStream::connect((Ipv4Addr::LOCALHOST, self.port)).expect("it listens");
        let asked = stream.write_all(b"GET /seen HTTP/1.1\r\nConnection: close\r\n\r\n");
        asked.expect("it reads");
        let mut answer = String::new();
        stream.read_to_string(&mut answer).expect("it answers");
        let (_, body) = answer.split_once("\r\n\r\n").expect("a body");
        let mut numbers = body.split(' ').map(|word| word.parse().expect("a number"));
        let requests = numbers.next().expect("the requests");
        let first = numbers.next().filter(|nanos| *nanos > 0);
        Seen {
            requests,
            first: first.map(|nanos| SystemTime::UNIX_EPOCH + Duration::from_nanos(nanos)),
        }
    }
}

impl Drop for Server {
    fn drop(&mut self) {
        let _ = self.child.kill();
        let _ = self.child.wait();
    }
}

/// Where the benchmark was started as a server, serves for ever; else returns.
pub(crate) fn serve_if_asked() {
    let mut words = std::env::args().skip(1);
    if words.next().as_deref() != Some("serve") {
        return;
    }
    let latency = words.next().and_then(|word| word.parse().ok());
    let latency = Duration::from_millis(latency.unwrap_or_default());
    let certificate = words.next().expect("the file for the certificate");
    let tls = tls(Path::new(&certificate));
    let runtime = tokio::runtime::Builder::new_current_thread()
        .enable_all()
        .build()
        .expect("a runtime");
    let ended = LocalSet::new().block_on(&runtime, listen(latency, tls));
    ended.expect("the ports are free");
}

/// A certificate of its own for `localhost`.
fn tls(certificate: &Path) -> TlsAcceptor {
    let made = rcgen::generate_simple_self_signed(["localhost".to_owned()]);
    let made = made.expect("the name is one");
    fs::write(certificate, made.cert.pem()).expect("writable");
    let key = PrivateKeyDer::Pkcs8(made.signing_key.serialize_der().into());
    let provider = Arc::new(tokio_rustls::rustls::crypto::aws_lc_rs::default_provider());
    let config = ServerConfig::builder_with_provider(provider)
        .with_protocol_versions(&[&tokio_rustls::rustls::version::TLS13])
        .expect("known")
        .with_no_client_auth()
        .with_single_cert(vec![made.cert.der().clone()], key);
    TlsAcceptor::from(Arc::new(config.expect("the key fits")))
}

async fn listen(latency: Duration, tls: TlsAcceptor) -> io::Result<()> {
    let plain = TcpListener::bind((Ipv4Addr::LOCALHOST, 0)).await?;
    let secure = TcpListener::bind((Ipv4Addr::LOCALHOST, 0)).await?;
    let (port, tls_port) = (plain.local_addr()?.port(), secure.local_addr()?.port());
    writeln!(io::stdout(), "{port} {tls_port}")?;
    let seen = Rc::new(RefCell::new(Seen::default()));
    // A client may hang up whenever it likes: how a talk ends does not matter.
    loop {
        let seen = Rc::clone(&seen);
        tokio::select! {
            accepted = plain.accept() => {
                let (stream, _) = accepted?;
                stream.set_nodelay(true)?;
                spawn_local(async move { talk(stream, latency, &seen).await });
            }
            accepted = secure.accept() => {
                let (stream, _) = accepted?;
                stream.set_nodelay(true)?;
                let shaking = tls.accept(stream);
                spawn_local(async move { talk(shaking.await?, latency, &seen).await });
            }
        }
    }
}

/// Answers requests, one after the other, until the client hangs up.
async fn talk<S>(mut stream: S, latency: Duration, seen: &RefCell<Seen>) -> io::Result<()>
where
    S: AsyncRead + AsyncWrite + Unpin,
{
    let mut input = Vec::with_capacity(1 << 14);
    let mut output = Vec::with_capacity(1 << 12);
    loop {
        let Some(length) = request_length(&input) else {
            if stream.read_buf(&mut input).await? == 0 {
                return Ok(());
            }
            continue;
        };
        let path = input[..length].split(|byte| *byte == b' ').nth(1);
        let path = path.unwrap_or_default();
        output.clear();
        if path == b"/seen" {
            let Seen { requests, first } = seen.take();
            let since = first.and_then(|first| first.duration_since(SystemTime::UNIX_EPOCH).ok());
            let body = format!("{requests} {}", since.unwrap_or_default().as_nanos());
            answer(&mut output, "text/plain", body.as_bytes())?;
            stream.write_all(&output).await?;
            return stream.shutdown().await;
        }
        {
            let mut seen = seen.borrow_mut();
            seen.requests += 1;
            seen.first.get_or_insert_with(SystemTime::now);
        }
        let user = path.split(|byte| *byte == b'/').rev().nth(1);
        let mut body = Vec::with_capacity(128);
        body.extend_from_slice(br#"{"userId":""#);
        body.extend_from_slice(user.unwrap_or_default());
        body.extend_from_slice(
            br#"","isTokenLocked":false,"isSmsLocked":false,"isVoiceLocked":false}"#,
        );
        answer(&mut output, "application/json", &body)?;
        input.drain(..length);
        if !latency.is_zero() {
            sleep(latency).await;
        }
        stream.write_all(&output).await?;
    }
}

fn answer(output: &mut Vec<u8>, kind: &str, body: &[u8]) -> io::Result<()> {
    write!(
        output,
        "HTTP/1.1 200 OK\r\nDate: Thu, 01 Jan 2026 00:00:00 GMT\r\nContent-Type: {kind}\r\nContent-Length: {}\r\n\r\n",
        body.len()
    )?;
    output.extend_from_slice(body);
    Ok(())
}

/// The length of the first request, where all of it has come.
fn request_length(input: &[u8]) -> Option<usize> {
    let head = input.windows(4).position(|window| window == b"\r\n\r\n")?;
    let lines = input[..head].split(|byte| *byte == b'\n');
    let length = lines
        .filter_map(|line| std::str::from_utf8(line).ok()?.split_once(':'))
        .find(|(name, _)| name.eq_ignore_ascii_case("content-length"))
        .map_or(Some(0), |(_, value)| value.trim().parse::<usize>().ok());
    let whole = head + 4 + length?;
    (input.len() >= whole).then_some(whole)
}
