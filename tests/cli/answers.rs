//! A service that answers what a test likes, where the simulator never would.

use std::{fs, net::SocketAddr, os::unix::fs::PermissionsExt};

use axum::{Router, extract::Request, response::Response};

use crate::world::{Ran, World, finish};

/// Listens on a free port.
pub(crate) async fn serve(router: Router) -> SocketAddr {
    let listener = tokio::net::TcpListener::bind("127.0.0.1:0").await;
    let listener = listener.expect("a free port");
    let address = listener.local_addr().expect("bound");
    tokio::spawn(async move { axum::serve(listener, router).await });
    address
}

/// Answers every request so. Returns the base URL.
pub(crate) async fn answering<F>(answer: F) -> String
where
    F: Fn(&Request) -> Response + Clone + Send + Sync + 'static,
{
    let router = Router::new().fallback(move |request: Request| {
        let answer = answer(&request);
        async move { answer }
    });
    format!("http://{}/restapi", serve(router).await)
}

impl World {
    /// `run` with this token and these words, against that service.
    pub(crate) fn run_against(&self, base: &str, token: &str, words: &str) -> Ran {
        self.write("token", token);
        let owners = fs::Permissions::from_mode(0o600);
        fs::set_permissions(self.path("token"), owners).expect("ours");
        let mut program = self.program();
        program.arg("run").args(words.split_whitespace()).args([
            "--token-file",
            "token",
            "--base-url",
            base,
            "--overwrite",
        ]);
        finish(program)
    }
}
