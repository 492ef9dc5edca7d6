//! How a token request goes out: through the same gate as every other, and tried as often.

use tokio::time::Instant;

use crate::{
    auth::{AuthError, BoxFuture, TokenReply, TokenRequest},
    health::About,
    http::{Body, Url, Verb},
    model::Endpoint,
    retry::{Retry, Tried},
};

use super::{
    Halt, classify,
    transport::{Exchange, Request, Transport},
};

/// The way by which the token source reaches the token endpoint.
pub(super) fn sender(
    transport: Transport,
    retry: Retry,
) -> impl Fn(TokenRequest) -> BoxFuture<Result<TokenReply, AuthError>> + Send + Sync + 'static {
    move |request| {
        let (transport, retry) = (transport.clone(), retry.clone());
        Box::pin(async move { ask(&transport, &retry, request).await })
    }
}

async fn ask(transport: &Transport, retry: &Retry, request: TokenRequest) -> Answer {
    let url: Url = request
        .url
        .parse()
        .map_err(|_| AuthError::Unreachable(format!("`{}` is not a URL", request.url)))?;
    let request = Request {
        endpoint: Endpoint::Token,
        verb: Verb::Post,
        url,
        body: Body::Form(request.form),
        about: About::Nobody,
    };
    let stopped = Err(AuthError::Stopped);
    let asked = retry.run(stopped, |_| async {
        try_once(transport, &request).await.ok()
    });
    asked.await.unwrap_or(Err(AuthError::Stopped))
}

type Answer = Result<TokenReply, AuthError>;

/// One request's answer; not settled where another one may give a token.
async fn try_once(transport: &Transport, request: &Request) -> Result<Tried<Answer>, Halt> {
    let _pass = transport.pass().await?;
    let permit = transport.pace_urgent().await?;
    let sent = Instant::now();
    let Exchange { reply, next } = transport.send(permit, request, None).await?;
    let reply = match reply {
        Ok(reply) => reply,
        Err(error) => {
            let unreachable = Err(AuthError::Unreachable(error.text));
            return Ok(Tried::new(unreachable, true, next));
        }
    };
    let unreadable = reply.status == 200 && !carries_token(reply.body.as_deref());
    let again = unreadable || classify::is_transient(reply.status);
    let answer = TokenReply {
        status: reply.status,
        body: reply.body.unwrap_or_default(),
        sent,
    };
    Ok(Tried::new(Ok(answer), again, next))
}

fn carries_token(body: Option<&[u8]>) -> bool {
    #[derive(serde::Deserialize)]
    struct Answer {
        #[serde(rename = "access_token")]
        _access_token: String,
    }
    body.is_some_and(|body| serde_json::from_slice::<Answer>(body).is_ok())
}
