//! TLS for real: what is trusted, what is not, and proxies. Nothing is sent to whom is not trusted.

use std::{
    io::{self, Write},
    net::{SocketAddr, TcpListener},
    path::{Path, PathBuf},
    process::{Child, Command, Stdio},
    sync::Arc,
};

use rcgen::{BasicConstraints, CertificateParams, CertifiedIssuer, DnType, IsCa, KeyPair};
use tokio::{
    io::{AsyncBufReadExt, AsyncReadExt, AsyncWriteExt, BufReader, copy_bidirectional},
    net::TcpStream,
};
use tokio_rustls::{
    TlsAcceptor,
    rustls::{
        ServerConfig,
        pki_types::{PrivateKeyDer, PrivatePkcs8KeyDer},
    },
};

use crate::{
    running::until,
    world::{Ran, World, finish},
};

/// A CA of our own.
struct Ca(CertifiedIssuer<'static, KeyPair>);

impl Ca {
    fn new(name: &str) -> Self {
        let mut params = CertificateParams::default();
        params.distinguished_name.push(DnType::CommonName, name);
        params.is_ca = IsCa::Ca(BasicConstraints::Unconstrained);
        let key = KeyPair::generate().expect("a key");
        Self(CertifiedIssuer::self_signed(params, key).expect("signed"))
    }

    fn write(&self, path: &Path) {
        std::fs::write(path, self.0.pem()).expect("written");
    }

    /// A server's certificate for this name, and its key; it ended in 2020 where it is to be old.
    fn certify(&self, name: &str, old: bool) -> (TlsAcceptor, [String; 2]) {
        let mut params = CertificateParams::new([name.to_owned()]).expect("a name");
        if old {
            params.not_before = rcgen::date_time_ymd(2019, 1, 1);
            params.not_after = rcgen::date_time_ymd(2020, 1, 1);
        }
        let key = KeyPair::generate().expect("a key");
        let certificate = params.signed_by(&key, &self.0).expect("signed");
        let der = PrivateKeyDer::Pkcs8(PrivatePkcs8KeyDer::from(key.serialize_der()));
        let config = ServerConfig::builder()
            .with_no_client_auth()
            .with_single_cert(vec![certificate.der().clone()], der)
            .expect("a key that fits");
        let pem = [certificate.pem(), key.serialize_pem()];
        (TlsAcceptor::from(Arc::new(config)), pem)
    }
}

/// TLS in front of the simulator. Returns its port.
async fn tls_before(world: &World, acceptor: TlsAcceptor) -> u16 {
    let simulator = address(world);
    let listener = tokio::net::TcpListener::bind("127.0.0.1:0")
        .await
        .expect("a port");
    let port = listener.local_addr().expect("bound").port();
    tokio::spawn(async move {
        while let Ok((stream, _)) = listener.accept().await {
            let acceptor = acceptor.clone();
            tokio::spawn(async move {
                let Ok(mut inside) = acceptor.accept(stream).await else {
                    return;
                };
                let mut outside = TcpStream::connect(simulator).await.expect("it listens");
                let _ = copy_bidirectional(&mut inside, &mut outside).await;
            });
        }
    });
    port
}

fn address(world: &World) -> SocketAddr {
    let url = world.simulator.base_url();
    let (_, rest) = url.split_once("://").expect("a URL");
    let host = rest.split('/').next().expect("a host");
    host.parse().expect("an address")
}

/// A run against this port.
fn program(world: &World, port: u16, ca_file: Option<&str>) -> Command {
    let mut program = world.program();
    program
        .args([
            "run",
            "users.csv",
            "--overwrite",
            "--rate",
            "500",
            "--base-url",
        ])
        .arg(format!("https://localhost:{port}/AdminInterface/restapi"))
        .arg("--token-file")
        .arg(&world.credentials.token_file);
    if let Some(file) = ca_file {
        program.args(["--ca-file", file]);
    }
    program
}

fn run(world: &World, port: u16, ca_file: Option<&str>) -> Ran {
    finish(program(world, port, ca_file))
}

/// It ended without a request having been sent, and says this.
fn nothing_was_sent(world: &World, ran: &Ran, says: &str) {
    assert_eq!(ran.code, 3, "{}{}", ran.stdout, ran.stderr);
    let said = format!("{}{}", ran.stdout, ran.stderr).to_lowercase();
    assert!(said.contains(says), "{says}: {said}");
    assert_eq!(world.simulator.ledger().calls.len(), 0);
}

/// What `check` says of the certificate.
fn checked(world: &World, port: u16, ca_file: Option<&str>) -> String {
    let mut program = world.program();
    program
        .args(["check", "--base-url"])
        .arg(format!("https://localhost:{port}/AdminInterface/restapi"))
        .arg("--token-file")
        .arg(&world.credentials.token_file);
    if let Some(file) = ca_file {
        program.args(["--ca-file", file]);
    }
    finish(program).stdout
}

#[tokio::test(flavor = "multi_thread")]
async fn a_ca_of_ones_own_is_trusted_where_it_is_named_and_only_there() {
    let world = World::new(9, "").await;
    let ca = Ca::new("Own CA");
    ca.write(&world.path("ca.pem"));
    let port = tls_before(&world, ca.certify("localhost", false).0).await;
    nothing_was_sent(&world, &run(&world, port, None), "unknownissuer");
    let said = checked(&world, port, None);
    assert!(
        said.contains("FAIL  tls") && said.contains("--ca-file"),
        "{said}"
    );
    let said = checked(&world, port, Some("ca.pem"));
    assert!(said.contains("certificate by Own CA"), "{said}");
    let ran = run(&world, port, Some("ca.pem"));
    assert_eq!(ran.code, 0, "{}", ran.stderr);
    world.agree(9);
}

#[tokio::test(flavor = "multi_thread")]
async fn an_expired_certificate_and_one_for_another_name_are_refused() {
    for (name, old, says, remedy) in [
        ("localhost", true, "expired", "has to be renewed"),
        (
            "elsewhere.example",
            false,
            "not valid for name",
            "for another one",
        ),
    ] {
        let world = World::new(3, "").await;
        let ca = Ca::new("Own CA");
        ca.write(&world.path("ca.pem"));
        let port = tls_before(&world, ca.certify(name, old).0).await;
        nothing_was_sent(&world, &run(&world, port, Some("ca.pem")), says);
        let said = checked(&world, port, Some("ca.pem"));
        assert!(
            said.contains("FAIL  tls") && said.contains(remedy),
            "{said}"
        );
    }
}

/// A program that ends with the test.
struct Serving(Child);

impl Drop for Serving {
    fn drop(&mut self) {
        let _ = self.0.kill();
        let _ = self.0.wait();
    }
}

/// Starts a server that listens at this port; `None` where it is not installed, unless
/// `BULK_UNLOCK_TEST_REQUIRE_PROXIES` is set.
async fn serve(port: u16, program: &str, arguments: &[String]) -> Option<Serving> {
    let mut command = Command::new(program);
    command
        .args(arguments)
        .stdout(Stdio::null())
        .stderr(Stdio::null())
        .stdin(Stdio::piped());
    let Ok(child) = command.spawn() else {
        let required = std::env::var_os("BULK_UNLOCK_TEST_REQUIRE_PROXIES").is_some();
        assert!(!required, "{program} is installed");
        let _ = writeln!(io::stderr(), "skipped: {program} is not installed");
        return None;
    };
    let serving = Serving(child);
    until("it listens", || {
        std::net::TcpStream::connect(("127.0.0.1", port)).is_ok()
    })
    .await;
    Some(serving)
}

fn free_port() -> u16 {
    let listener = TcpListener::bind("127.0.0.1:0").expect("a port");
    listener.local_addr().expect("bound").port()
}

#[tokio::test(flavor = "multi_thread")]
async fn a_server_that_speaks_no_better_than_tls_1_1_is_refused() {
    let world = World::new(3, "").await;
    let ca = Ca::new("Own CA");
    ca.write(&world.path("ca.pem"));
    let (_, [certificate, key]) = ca.certify("localhost", false);
    world.write("server.pem", &format!("{certificate}{key}"));
    let port = free_port();
    let pem = world.path("server.pem").display().to_string();
    let arguments = format!(
        "s_server -quiet -tls1_1 -cipher DEFAULT@SECLEVEL=0 -accept 127.0.0.1:{port} -cert {pem} -key {pem}"
    );
    let arguments: Vec<_> = arguments.split(' ').map(str::to_owned).collect();
    let Some(_server) = serve(port, "openssl", &arguments).await else {
        return;
    };
    nothing_was_sent(&world, &run(&world, port, Some("ca.pem")), "protocol");
    let said = checked(&world, port, Some("ca.pem"));
    assert!(said.contains("TLS 1.2 or 1.3"), "{said}");
}

/// A real proxy that lets through what has this name and password; of anybody where there is none.
async fn tinyproxy(world: &World, name: &str, signed_in: Option<&str>) -> Option<(Serving, u16)> {
    let port = free_port();
    let file: PathBuf = world.path(name);
    let sign_in = signed_in
        .map(|who| format!("BasicAuth {who}\n"))
        .unwrap_or_default();
    let text = format!("Port {port}\nListen 127.0.0.1\nTimeout 60\nMaxClients 50\n{sign_in}");
    std::fs::write(&file, text).expect("written");
    let arguments = ["-d".to_owned(), "-c".to_owned(), file.display().to_string()];
    Some((serve(port, "tinyproxy", &arguments).await?, port))
}

#[tokio::test(flavor = "multi_thread")]
async fn a_real_proxy_is_gone_through_with_and_without_a_password() {
    let world = World::new(9, "").await;
    let ca = Ca::new("Own CA");
    ca.write(&world.path("ca.pem"));
    let port = tls_before(&world, ca.certify("localhost", false).0).await;
    let Some((_open, open)) = tinyproxy(&world, "open.conf", None).await else {
        return;
    };
    let Some((_closed, closed)) = tinyproxy(&world, "closed.conf", Some("me canary-pw")).await
    else {
        return;
    };
    let through = |proxy: String| {
        let mut program = program(&world, port, Some("ca.pem"));
        program.env("HTTPS_PROXY", proxy);
        program.args(["-vv", "--max-outage", "1s"]);
        finish(program)
    };
    for proxy in [
        format!("http://127.0.0.1:{open}"),
        format!("http://me:canary-pw@127.0.0.1:{closed}"),
    ] {
        let ran = through(proxy);
        assert_eq!(ran.code, 0, "{}", ran.stderr);
        assert!(!ran.stderr.contains("canary"), "{}", ran.stderr);
    }
    let before = world.simulator.ledger().calls.len();
    for proxy in [
        format!("http://127.0.0.1:{closed}"),
        format!("http://me:canary-no@127.0.0.1:{closed}"),
    ] {
        let ran = through(proxy);
        assert_eq!(ran.code, 4, "{}", ran.stderr);
        assert!(ran.stderr.contains("proxy"), "{}", ran.stderr);
        assert!(!ran.stderr.contains("canary"), "{}", ran.stderr);
    }
    assert_eq!(world.simulator.ledger().calls.len(), before);
}

/// A proxy that puts itself in the place of whom it should lead to.
async fn in_the_middle(acceptor: TlsAcceptor) -> (u16, Arc<std::sync::atomic::AtomicU64>) {
    let listener = tokio::net::TcpListener::bind("127.0.0.1:0")
        .await
        .expect("a port");
    let port = listener.local_addr().expect("bound").port();
    let heard = Arc::new(std::sync::atomic::AtomicU64::new(0));
    let count = Arc::clone(&heard);
    tokio::spawn(async move {
        while let Ok((stream, _)) = listener.accept().await {
            let (acceptor, count) = (acceptor.clone(), Arc::clone(&count));
            tokio::spawn(async move {
                let mut stream = BufReader::new(stream);
                let mut line = String::new();
                while stream.read_line(&mut line).await.is_ok_and(|read| read > 2) {
                    line.clear();
                }
                let _ = stream.write_all(b"HTTP/1.1 200 OK\r\n\r\n").await;
                if let Ok(mut inside) = acceptor.accept(stream.into_inner()).await {
                    let mut byte = [0; 1];
                    let read = inside.read(&mut byte).await.unwrap_or_default();
                    count.fetch_add(read as u64, std::sync::atomic::Ordering::SeqCst);
                }
            });
        }
    });
    (port, heard)
}

#[tokio::test(flavor = "multi_thread")]
async fn a_proxy_that_tampers_hears_nothing() {
    let world = World::new(3, "").await;
    let (ca, other) = (Ca::new("Own CA"), Ca::new("Somebody else's"));
    ca.write(&world.path("ca.pem"));
    let port = tls_before(&world, ca.certify("localhost", false).0).await;
    let (proxy, heard) = in_the_middle(other.certify("localhost", false).0).await;
    let mut program = program(&world, port, Some("ca.pem"));
    program.env("HTTPS_PROXY", format!("http://127.0.0.1:{proxy}"));
    nothing_was_sent(&world, &finish(program), "certificate");
    assert_eq!(heard.load(std::sync::atomic::Ordering::SeqCst), 0);
}
