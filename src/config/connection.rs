//! Where the service is and how to sign in.

use std::path::PathBuf;

use secrecy::SecretString;

use crate::{
    auth::{Credentials, LegacyKey, OAuthClient, OAuthKey, ReadyToken, locate},
    cli::ConnectionArgs,
    http::Url,
};

use super::{
    ConfigError, Environment,
    values::{base_url, url},
};

/// A service and the credentials for it.
#[derive(Debug)]
pub struct Connection {
    /// The base URL up to and without `/v1`.
    pub base: Url,
    /// The credentials.
    pub credentials: Credentials,
    /// One more file of trusted CAs.
    pub ca_file: Option<PathBuf>,
}

impl Connection {
    /// Whether every URL is plain `http://`, to this machine.
    #[must_use]
    pub fn is_plain(&self) -> bool {
        let issuer_is_plain = match &self.credentials {
            Credentials::OAuth(client) => client.issuer.starts_with("http://"),
            Credentials::Legacy(_) | Credentials::Ready(_) => true,
        };
        self.base.scheme() == "http" && issuer_is_plain
    }
}

/// The ways to sign in that were named, at one level of precedence.
#[derive(Debug, Default)]
struct Ways {
    api_key_file: Option<PathBuf>,
    oauth_issuer: Option<String>,
    oauth_client_id: Option<String>,
    oauth_key_file: Option<PathBuf>,
    token_file: Option<PathBuf>,
    token: Option<SecretString>,
}

impl Ways {
    /// What was typed, filled up from the environment. A way to sign in that was typed hides the
    /// others that the environment names.
    fn of(args: &ConnectionArgs, env: &Environment) -> Self {
        let typed_oauth = args.oauth_issuer.is_some()
            || args.oauth_client_id.is_some()
            || args.oauth_key_file.is_some();
        let typed = args.api_key_file.is_some() || args.token_file.is_some() || typed_oauth;
        let nothing = Environment::default();
        let others = if typed { &nothing } else { env };
        let oauth = if typed_oauth { env } else { others };
        Self {
            api_key_file: others.path(args.api_key_file.as_ref(), "api-key-file"),
            oauth_issuer: oauth.option(args.oauth_issuer.as_deref(), "oauth-issuer"),
            oauth_client_id: oauth.option(args.oauth_client_id.as_deref(), "oauth-client-id"),
            oauth_key_file: oauth.path(args.oauth_key_file.as_ref(), "oauth-key-file"),
            token_file: others.path(args.token_file.as_ref(), "token-file"),
            token: others.option(None, "token").map(SecretString::from),
        }
    }

    /// The options that name a way, one each.
    fn named(&self) -> Vec<&'static str> {
        let oauth = self.oauth_issuer.is_some()
            || self.oauth_client_id.is_some()
            || self.oauth_key_file.is_some();
        let ways = [
            (self.api_key_file.is_some(), "api-key-file"),
            (oauth, "oauth-key-file"),
            (
                self.token_file.is_some() || self.token.is_some(),
                "token-file",
            ),
        ];
        ways.into_iter()
            .filter(|(named, _)| *named)
            .map(|(_, option)| option)
            .collect()
    }
}

/// The connection that the options and the environment name.
///
/// # Errors
/// [`ConfigError`]: nothing, too much or not enough was named, or a key file cannot be used.
pub fn resolve_connection(
    args: &ConnectionArgs,
    env: &Environment,
) -> Result<Connection, ConfigError> {
    let ways = Ways::of(args, env);
    if let [first, second, ..] = ways.named()[..] {
        return Err(ConfigError::TwoCredentials { first, second });
    }
    let credentials = credentials(ways, env)?;
    let named = env.option(args.base_url.as_deref(), "base-url");
    let base = match (&named, &credentials) {
        (Some(named), _) => base_url("base-url", named)?,
        (None, Credentials::Legacy(key)) => base_url("api-key-file", key.admin_rest_api_url())?,
        (None, Credentials::OAuth(_)) => return Err(incomplete("oauth-key-file", "base-url")),
        (None, Credentials::Ready(_)) => return Err(incomplete("token-file", "base-url")),
    };
    Ok(Connection {
        base,
        credentials,
        ca_file: env.path(args.ca_file.as_ref(), "ca-file"),
    })
}

const fn incomplete(given: &'static str, missing: &'static str) -> ConfigError {
    ConfigError::Incomplete { given, missing }
}

fn credentials(ways: Ways, env: &Environment) -> Result<Credentials, ConfigError> {
    let handed_over = env.credentials_directory();
    let find = |path: PathBuf| locate(&path, handed_over.as_deref());
    if let Some(path) = ways.api_key_file {
        return Ok(Credentials::Legacy(LegacyKey::read(&find(path))?));
    }
    let ready = match (ways.token_file, ways.token) {
        (Some(path), _) => Some(ReadyToken::File(find(path))),
        (None, token) => token.map(ReadyToken::Given),
    };
    if let Some(ready) = ready {
        ready.read()?;
        return Ok(Credentials::Ready(ready));
    }
    match (ways.oauth_issuer, ways.oauth_client_id, ways.oauth_key_file) {
        (Some(issuer), Some(client_id), Some(key)) => {
            let issuer = url("oauth-issuer", &issuer)?;
            let key = OAuthKey::read(&find(key))?;
            let issuer = issuer.as_str().trim_end_matches('/').to_owned();
            Ok(Credentials::OAuth(OAuthClient {
                issuer,
                client_id,
                key,
            }))
        }
        (None, None, None) => Err(ConfigError::NoCredentials),
        (None, Some(_), _) => Err(incomplete("oauth-client-id", "oauth-issuer")),
        (None, None, Some(_)) => Err(incomplete("oauth-key-file", "oauth-issuer")),
        (Some(_), None, _) => Err(incomplete("oauth-issuer", "oauth-client-id")),
        (Some(_), Some(_), None) => Err(incomplete("oauth-issuer", "oauth-key-file")),
    }
}

#[cfg(test)]
mod tests {
    use super::{Environment, resolve_connection};
    use crate::{auth::Credentials, cli::ConnectionArgs, config::ConfigError};

    #[test]
    fn a_token_in_the_environment_will_do() {
        let env = Environment::of(&[
            ("BULK_UNLOCK_TOKEN", " abc\n"),
            (
                "BULK_UNLOCK_BASE_URL",
                "https://t.example/AdminInterface/restapi/v1/",
            ),
        ]);
        let connection = resolve_connection(&ConnectionArgs::default(), &env).expect("complete");
        assert!(matches!(connection.credentials, Credentials::Ready(_)));
        assert_eq!(
            connection.base.as_str(),
            "https://t.example/AdminInterface/restapi"
        );
        assert!(!format!("{connection:?}").contains("abc"));
    }

    #[test]
    fn what_is_missing_is_named() {
        let none = resolve_connection(&ConnectionArgs::default(), &Environment::default());
        assert!(matches!(none, Err(ConfigError::NoCredentials)));
        let args = ConnectionArgs {
            oauth_issuer: Some("https://t.example/oauth".to_owned()),
            ..ConnectionArgs::default()
        };
        let half = resolve_connection(&args, &Environment::of(&[("BULK_UNLOCK_TOKEN", "x")]));
        assert!(matches!(
            half,
            Err(ConfigError::Incomplete {
                missing: "oauth-client-id",
                ..
            })
        ));
    }
}
