//! How a token request goes out: through the same gate as every other, and tried as often.

use tokio::time::Instant;

use crate::{
    auth::{AuthError, BoxFuture, TokenReply, TokenRequest},
    http::{Body, Url, Verb},
    model::Endpoint,
    retry::{Next, RetryPolicy, Tries},
};

use super::{
    Halt, classify,
    transport::{Exchange, Request, Transport},
};

/// The way by which the token source reaches the token endpoint.
pub(super) fn sender(
    transport: Transport,
    policy: RetryPolicy,
) -> impl Fn(TokenRequest) -> BoxFuture<Result<TokenReply, AuthError>> + Send + Sync + 'static {
    move |request| {
        let transport = transport.clone();
        Box::pin(async move { ask(&transport, policy, request).await })
    }
}

async fn ask(
    transport: &Transport,
    policy: RetryPolicy,
    request: TokenRequest,
) -> Result<TokenReply, AuthError> {
    let url: Url = request
        .url
        .parse()
        .map_err(|_| AuthError::Unreachable(format!("`{}` is not a URL", request.url)))?;
    let request = Request {
        endpoint: Endpoint::Token,
        verb: Verb::Post,
        url,
        body: Body::Form(request.form),
    };
    let mut tries = Tries::new(policy);
    loop {
        let (answer, again) = try_once(transport, &request)
            .await
            .map_err(|Halt| AuthError::Stopped)?;
        let Some(not_before) = again else {
            return answer;
        };
        tracing::debug!(number = tries.number(), "the token endpoint gave no token");
        match tries
            .next(not_before, &transport.events, &transport.shutdown)
            .await
        {
            Next::Try => {}
            Next::UsedUp => return answer,
            Next::Cut => return Err(AuthError::Stopped),
        }
    }
}

type Answer = Result<TokenReply, AuthError>;

/// One request's answer and, where another try may help, not before when.
async fn try_once(
    transport: &Transport,
    request: &Request,
) -> Result<(Answer, Option<Option<Instant>>), Halt> {
    transport.pace_urgent().await?;
    let sent = Instant::now();
    let Exchange { reply, not_before } = transport.send(request, None).await?;
    let reply = match reply {
        Ok(reply) => reply,
        Err(error) => return Ok((Err(AuthError::Unreachable(error.text)), Some(not_before))),
    };
    let unreadable = reply.status == 200 && !carries_token(reply.body.as_deref());
    let again = unreadable || classify::is_transient(reply.status);
    let answer = TokenReply {
        status: reply.status,
        body: reply.body.unwrap_or_default(),
        sent,
    };
    Ok((Ok(answer), again.then_some(not_before)))
}

fn carries_token(body: Option<&[u8]>) -> bool {
    #[derive(serde::Deserialize)]
    struct Answer {
        #[serde(rename = "access_token")]
        _access_token: String,
    }
    body.is_some_and(|body| serde_json::from_slice::<Answer>(body).is_ok())
}
