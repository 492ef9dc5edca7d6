//! Where the service is and how to sign in.

use std::path::PathBuf;

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

/// The options that name a way to sign in, one each.
fn ways(args: &ConnectionArgs) -> Vec<&'static str> {
    let oauth = args.oauth_issuer.is_some()
        || args.oauth_client_id.is_some()
        || args.oauth_key_file.is_some();
    let ready = args.token_file.is_some() || args.token.is_some();
    let ways = [
        (args.api_key_file.is_some(), "api-key-file"),
        (oauth, "oauth-key-file"),
        (ready, "token-file"),
    ];
    let named = ways.into_iter().filter(|(named, _)| *named);
    named.map(|(_, option)| option).collect()
}

/// The connection that was named.
///
/// # Errors
/// [`ConfigError`]: nothing, too much or not enough was named, or a key file cannot be used.
pub fn resolve_connection(
    args: &ConnectionArgs,
    env: &Environment,
) -> Result<Connection, ConfigError> {
    if let [first, second, ..] = ways(args)[..] {
        return Err(ConfigError::TwoCredentials { first, second });
    }
    let credentials = credentials(args, env)?;
    let base = match (&args.base_url, &credentials) {
        (Some(named), _) => base_url("base-url", named)?,
        (None, Credentials::Legacy(key)) => base_url("api-key-file", key.admin_rest_api_url())?,
        (None, Credentials::OAuth(_)) => return Err(incomplete("oauth-key-file", "base-url")),
        (None, Credentials::Ready(_)) => return Err(incomplete("token-file", "base-url")),
    };
    Ok(Connection {
        base,
        credentials,
        ca_file: args.ca_file.clone(),
    })
}

const fn incomplete(given: &'static str, missing: &'static str) -> ConfigError {
    ConfigError::Incomplete { given, missing }
}

fn credentials(args: &ConnectionArgs, env: &Environment) -> Result<Credentials, ConfigError> {
    let handed_over = env.credentials_directory();
    let find = |path: &PathBuf| locate(path, handed_over.as_deref());
    if let Some(path) = &args.api_key_file {
        return Ok(Credentials::Legacy(LegacyKey::read(&find(path))?));
    }
    let ready = match (&args.token_file, &args.token) {
        (Some(path), _) => Some(ReadyToken::File(find(path))),
        (None, token) => token.clone().map(ReadyToken::Given),
    };
    if let Some(ready) = ready {
        ready.read()?;
        return Ok(Credentials::Ready(ready));
    }
    match (
        &args.oauth_issuer,
        &args.oauth_client_id,
        &args.oauth_key_file,
    ) {
        (Some(issuer), Some(client_id), Some(key)) => {
            let issuer = url("oauth-issuer", issuer)?;
            let key = OAuthKey::read(&find(key))?;
            let issuer = issuer.as_str().trim_end_matches('/').to_owned();
            Ok(Credentials::OAuth(OAuthClient {
                issuer,
                client_id: client_id.clone(),
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
    fn a_token_will_do() {
        let args = ConnectionArgs {
            token: Some(" abc\n".into()),
            base_url: Some("https://t.example/AdminInterface/restapi/v1/".to_owned()),
            ..ConnectionArgs::default()
        };
        let connection = resolve_connection(&args, &Environment::default()).expect("complete");
        assert!(matches!(connection.credentials, Credentials::Ready(_)));
        assert_eq!(
            connection.base.as_str(),
            "https://t.example/AdminInterface/restapi"
        );
        assert!(!format!("{connection:?} {args:?}").contains("abc"));
    }

    #[test]
    fn what_is_missing_or_too_much_is_named() {
        let resolve = |args: &ConnectionArgs| resolve_connection(args, &Environment::default());
        let none = resolve(&ConnectionArgs::default());
        assert!(matches!(none, Err(ConfigError::NoCredentials)));
        let mut args = ConnectionArgs {
            oauth_issuer: Some("https://t.example/oauth".to_owned()),
            ..ConnectionArgs::default()
        };
        let missing = "oauth-client-id";
        let half = resolve(&args);
        assert!(
            matches!(half, Err(ConfigError::Incomplete { missing: found, .. }) if found == missing)
        );
        args.token = Some("abc".into());
        let two = resolve(&args);
        assert!(matches!(two, Err(ConfigError::TwoCredentials { .. })));
    }
}
