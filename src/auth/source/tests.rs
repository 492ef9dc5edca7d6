//! The token source, in paused time.

use std::{
    fs,
    io::Write,
    os::unix::fs::OpenOptionsExt,
    path::Path,
    sync::{
        Arc,
        atomic::{AtomicU64, Ordering},
    },
    time::Duration,
};

use secrecy::{ExposeSecret, SecretString};
use tokio::{
    task::JoinSet,
    time::{advance, sleep},
};

use super::{AccessToken, ReadyToken, Renewal, TokenSource};
use crate::auth::{AuthError, Credentials, TokenReply, test_keys};

fn secs(seconds: u64) -> Duration {
    Duration::from_secs(seconds)
}

/// A source of OAuth tokens `t1`, `t2` … with this `expires_in`, and the count of requests.
fn oauth(expires_in: &'static str) -> (Arc<TokenSource>, Arc<AtomicU64>) {
    let requests = Arc::new(AtomicU64::new(0));
    let counted = Arc::clone(&requests);
    let source = TokenSource::new(Credentials::OAuth(test_keys::ec_client()), move |_| {
        let number = counted.fetch_add(1, Ordering::Relaxed) + 1;
        Box::pin(async move {
            let sent = tokio::time::Instant::now();
            sleep(secs(1)).await;
            let body = format!(r#"{{"access_token":"t{number}","expires_in":{expires_in}}}"#);
            Ok(TokenReply {
                status: 200,
                body: body.into_bytes(),
                sent,
            })
        })
    });
    (Arc::new(source), requests)
}

fn no_request(credentials: Credentials) -> TokenSource {
    TokenSource::new(credentials, |_| panic!("these credentials need no request"))
}

fn text(token: &AccessToken) -> &str {
    token.secret().expose_secret()
}

fn renewed(renewal: Renewal) -> Arc<AccessToken> {
    match renewal {
        Renewal::Renewed(token) => token,
        Renewal::Unchanged => panic!("not renewed"),
    }
}

#[tokio::test(start_paused = true)]
async fn many_who_need_a_token_cause_one_request() {
    let (source, requests) = oauth("3600");
    let mut tasks = JoinSet::new();
    for _ in 0..100 {
        let source = Arc::clone(&source);
        tasks.spawn(async move { source.current().await.expect("a token").generation() });
    }
    assert_eq!(tasks.join_all().await, vec![1; 100]);
    assert_eq!(requests.load(Ordering::Relaxed), 1);
}

#[tokio::test(start_paused = true)]
async fn many_who_were_refused_cause_one_renewal() {
    let (source, requests) = oauth("3600");
    source.current().await.expect("a token");
    let mut tasks = JoinSet::new();
    for _ in 0..100 {
        let source = Arc::clone(&source);
        tasks
            .spawn(async move { renewed(source.renew_if(1).await.expect("a token")).generation() });
    }
    assert_eq!(tasks.join_all().await, vec![2; 100]);
    assert_eq!(requests.load(Ordering::Relaxed), 2);
    // Whoever was slow to learn of the refusal gets what there is.
    let token = renewed(source.renew_if(1).await.expect("a token"));
    assert_eq!(
        (token.generation(), requests.load(Ordering::Relaxed)),
        (2, 2)
    );
}

#[tokio::test(start_paused = true)]
async fn a_token_is_renewed_ahead_of_its_end() {
    // The life counts from before the request, which takes a second.
    for (expires_in, kept, due) in [("3600", 3538, 3540), ("100", 88, 90), ("10", 7, 9)] {
        let (source, _) = oauth(expires_in);
        let token = source.current().await.expect("a token");
        advance(secs(kept - 1)).await;
        assert_eq!(
            source.current().await.expect("kept").generation(),
            1,
            "{expires_in}"
        );
        assert!(!source.is_due(&token));
        advance(secs(due - kept)).await;
        assert!(source.is_due(&token), "{expires_in}");
        assert_eq!(
            text(&source.current().await.expect("new")),
            "t2",
            "{expires_in}"
        );
    }
}

#[tokio::test(start_paused = true)]
async fn a_lifetime_of_nothing_does_not_ask_for_ever() {
    for expires_in in ["0", "\"0\"", "0.2"] {
        let (source, requests) = oauth(expires_in);
        let token = source.current().await.expect("a token");
        assert!(
            !source.is_due(&token),
            "{expires_in}: due at once, so that nothing could be sent on it"
        );
        source.current().await.expect("a token");
        assert_eq!(requests.load(Ordering::Relaxed), 1, "{expires_in}");
    }
}

#[tokio::test(start_paused = true)]
async fn a_failed_renewal_is_told_and_can_be_repeated() {
    let requests = AtomicU64::new(0);
    let source = TokenSource::new(Credentials::OAuth(test_keys::ec_client()), move |_| {
        let first = requests.fetch_add(1, Ordering::Relaxed) == 0;
        Box::pin(async move {
            if first {
                return Err(AuthError::Stopped);
            }
            let body = br#"{"access_token":"t"}"#.to_vec();
            Ok(TokenReply {
                status: 200,
                body,
                sent: tokio::time::Instant::now(),
            })
        })
    });
    assert!(matches!(source.current().await, Err(AuthError::Stopped)));
    assert_eq!(source.current().await.expect("a token").generation(), 1);
}

#[tokio::test(start_paused = true)]
async fn a_waiter_that_gives_up_leaves_the_source_usable() {
    let (source, requests) = oauth("3600");
    assert!(
        tokio::time::timeout(Duration::from_millis(10), source.current())
            .await
            .is_err()
    );
    assert_eq!(text(&source.current().await.expect("a token")), "t2");
    assert_eq!(requests.load(Ordering::Relaxed), 2);
}

#[tokio::test(start_paused = true)]
async fn legacy_tokens_are_made_without_a_request() {
    let source = no_request(Credentials::Legacy(test_keys::legacy("https://x/restapi")));
    assert_eq!(source.current().await.expect("a token").generation(), 1);
    advance(secs(54 * 60 - 1)).await;
    assert_eq!(source.current().await.expect("kept").generation(), 1);
    advance(secs(1)).await;
    assert_eq!(source.current().await.expect("new").generation(), 2);
    assert_eq!(
        renewed(source.renew_if(2).await.expect("new")).generation(),
        3
    );
}

#[tokio::test(start_paused = true)]
async fn youth_is_a_minute_or_a_third_of_a_life() {
    for (expires_in, young, old) in [("3600", 58, 60), ("30", 8, 10)] {
        let (source, _) = oauth(expires_in);
        let token = source.current().await.expect("a token");
        advance(secs(young - 1)).await;
        assert!(source.is_young(&token), "{expires_in}");
        advance(secs(old - young)).await;
        assert!(!source.is_young(&token), "{expires_in}");
    }
}

#[tokio::test(start_paused = true)]
async fn a_useless_renewal_is_remembered_for_a_minute() {
    let (source, _) = oauth("3600");
    assert!(!source.renewals_seem_useless());
    source.renewal_was_useless();
    advance(secs(59)).await;
    assert!(source.renewals_seem_useless());
    advance(secs(1)).await;
    assert!(!source.renewals_seem_useless());
}

fn put(path: &Path, content: &str) {
    let _ = fs::remove_file(path);
    let file = fs::OpenOptions::new()
        .create_new(true)
        .write(true)
        .mode(0o600)
        .open(path);
    file.expect("opened")
        .write_all(content.as_bytes())
        .expect("written");
}

#[tokio::test(start_paused = true)]
async fn a_ready_token_is_renewed_when_its_file_was_replaced() {
    let folder = tempfile::tempdir().expect("a folder");
    let path = folder.path().join("token");
    put(&path, "first\n");
    let source = no_request(Credentials::Ready(ReadyToken::File(path.clone())));
    assert_eq!(text(&source.current().await.expect("a token")), "first");
    // Another line end is no other token.
    put(&path, " first\r\n");
    assert!(matches!(source.renew_if(1).await, Ok(Renewal::Unchanged)));
    put(&path, "second");
    advance(secs(1_000_000)).await;
    assert_eq!(text(&source.current().await.expect("kept")), "first");
    let token = renewed(source.renew_if(1).await.expect("read"));
    assert_eq!((text(&token), token.generation()), ("second", 2));
    fs::remove_file(&path).expect("removed");
    assert!(matches!(
        source.renew_if(2).await,
        Err(AuthError::Read { .. })
    ));
    assert_eq!(text(&source.current().await.expect("kept")), "second");
}

#[tokio::test(start_paused = true)]
async fn a_given_token_cannot_be_renewed_and_must_be_one_word() {
    let given = |token: &str| {
        no_request(Credentials::Ready(ReadyToken::Given(SecretString::from(
            token,
        ))))
    };
    let source = given("secret-word");
    assert_eq!(source.current().await.expect("a token").generation(), 1);
    assert!(matches!(source.renew_if(1).await, Ok(Renewal::Unchanged)));
    for wrong in ["", " \n", "hush hush", "hush\nhush", "hüsh"] {
        let error = given(wrong).current().await.expect_err(wrong);
        assert!(matches!(error, AuthError::Format { .. }), "{wrong}");
        assert!(
            !format!("{error} {error:?} {}", error.hint()).contains("hush"),
            "{error}"
        );
    }
}
