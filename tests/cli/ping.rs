//! What a monitor hears of a run.

use std::{
    net::SocketAddr,
    sync::{Arc, Mutex},
};

use axum::{
    Router,
    extract::{Request, State},
    http::StatusCode,
};

use crate::{
    answers::serve,
    world::{SignIn, World},
};

type Heard = Arc<Mutex<Vec<String>>>;

/// A monitor that gives these answers in turn, and the last one ever after.
struct Monitor {
    address: SocketAddr,
    heard: Heard,
}

impl Monitor {
    async fn new(answers: &[u16]) -> Self {
        let heard = Heard::default();
        let answers: Vec<_> = answers.to_vec();
        let answer = move |State(heard): State<Heard>, request: Request| async move {
            assert!(request.headers().get("authorization").is_none());
            let mut heard = heard.lock().expect("sound");
            heard.push(format!("{} {}", request.method(), request.uri()));
            let answer = answers.get(heard.len() - 1).or(answers.last());
            StatusCode::from_u16(*answer.expect("an answer")).expect("a status")
        };
        let router = Router::new().fallback(answer).with_state(heard.clone());
        let address = serve(router).await;
        Self { address, heard }
    }

    fn heard(&self) -> Vec<String> {
        self.heard.lock().expect("sound").clone()
    }
}

#[tokio::test(flavor = "multi_thread")]
async fn start_and_exit_code_are_told_and_the_query_is_kept() {
    let unknown = "user_id\n00000000-0000-4000-8000-000000000000\n";
    for (users, options, code) in [
        (None, "", 0),
        (Some(unknown), "", 1),
        (None, "--max-users 1", 4),
        (Some("user_id\n\"never closed"), "", 5),
    ] {
        let world = World::new(2, "").await;
        if let Some(users) = users {
            world.write("users.csv", users);
        }
        let monitor = Monitor::new(&[200]).await;
        let url = format!("http://{}/ping/uuid?create=1&x=%20", monitor.address);
        let ran = world.run(SignIn::Ec, &format!("{options} --ping {url}"));
        assert_eq!(ran.code, code, "{}", ran.stderr);
        let expected = [
            "GET /ping/uuid/start?create=1&x=%20".to_owned(),
            format!("GET /ping/uuid/{code}?create=1&x=%20"),
        ];
        assert_eq!(monitor.heard(), expected);
        let ledger = world.simulator.ledger();
        assert_eq!(
            ledger.of("other").count(),
            0,
            "the service hears nothing of it"
        );
    }
}

#[tokio::test(flavor = "multi_thread")]
async fn a_monitor_that_stumbles_is_told_again() {
    let world = World::new(2, "").await;
    let monitor = Monitor::new(&[503, 200]).await;
    let ran = world.run(SignIn::Ec, &format!("--ping http://{}/x", monitor.address));
    assert_eq!(ran.code, 0, "{}", ran.stderr);
    assert_eq!(
        monitor.heard(),
        ["GET /x/start", "GET /x/start", "GET /x/0"]
    );
    assert!(!ran.stderr.contains("failed to ping"), "{}", ran.stderr);
}

#[tokio::test(flavor = "multi_thread")]
async fn a_ping_that_fails_never_fails_the_run_and_its_path_stays_out_of_the_log() {
    let world = World::new(2, "").await;
    let monitor = Monitor::new(&[404]).await;
    // Bound and not listening: refuses, and no other test can be given the port.
    let socket = tokio::net::TcpSocket::new_v4().expect("a socket");
    let any = "127.0.0.1:0".parse().expect("an address");
    socket.bind(any).expect("a free port");
    let nobody = socket.local_addr().expect("bound");
    for (address, told) in [(monitor.address, 2), (nobody, 2)] {
        let options = format!("--overwrite --ping http://{address}/c0ffee");
        let ran = world.run(SignIn::Ec, &options);
        assert_eq!(ran.code, 0, "{}", ran.stderr);
        assert_eq!(monitor.heard().len(), told);
        assert!(
            ran.stderr.contains("failed to ping 127.0.0.1"),
            "{}",
            ran.stderr
        );
        assert!(!ran.stderr.contains("c0ffee"), "{}", ran.stderr);
    }
}

#[tokio::test(flavor = "multi_thread")]
async fn plain_http_to_elsewhere_is_refused() {
    let world = World::new(1, "").await;
    let ran = world.run(SignIn::Ec, "--ping http://hc.example/c0ffee");
    assert_eq!(ran.code, 2, "{}", ran.stderr);
    assert!(
        ran.stderr
            .contains("--ping: http:// is for this machine only"),
        "{}",
        ran.stderr
    );
    assert!(world.simulator.ledger().calls.is_empty());
}
