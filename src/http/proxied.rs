//! Requests through the proxy that the environment names, and those whose certificate is looked at.

use hyper::{Request, Response, body::Bytes};
use reqwest::{Body, Client, ClientBuilder, Error, redirect, retry};
use rustls::ClientConfig;

use super::{
    HttpSettings, HttpSetupError, NoReply,
    reply::{innermost, lost},
};

/// What both are made from.
pub(super) fn builder(settings: &HttpSettings, tls: ClientConfig) -> ClientBuilder {
    let builder = Client::builder()
        .tls_backend_preconfigured(tls)
        .connect_timeout(settings.connect_timeout())
        .pool_idle_timeout(super::IDLE)
        .pool_max_idle_per_host(settings.pool_size)
        .redirect(redirect::Policy::none())
        .referer(false)
        .retry(retry::never().max_retries_per_request(0));
    match settings.plain {
        true => builder.no_proxy(),
        false => builder,
    }
}

/// The client that this makes.
pub(super) fn built(builder: ClientBuilder) -> Result<Client, HttpSetupError> {
    let built = builder.build();
    built.map_err(|error| HttpSetupError::Tls(innermost(&error).to_string()))
}

/// Sends a request and returns with the head of its answer.
pub(super) async fn send(
    client: &Client,
    request: Request<Bytes>,
) -> Result<Response<Body>, NoReply> {
    let sent = match request.try_into() {
        Ok(request) => client.execute(request).await,
        Err(error) => Err(error),
    };
    sent.map(Response::from)
        .map_err(|error: Error| lost(&error, error.is_connect()))
}
