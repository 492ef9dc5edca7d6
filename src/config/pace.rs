//! Who else goes by the same rate.

use secrecy::{ExposeSecret, SecretString};

use crate::{
    auth::{locate, read_secret},
    cli::{ConnectionArgs, PaceArgs},
    http::Url,
    rate_store::RateStoreSettings,
};

use super::{ConfigError, Environment};

/// The store of the rate that the options name; of the environment, only where credentials are
/// handed over.
pub(super) fn rate_store(
    args: &PaceArgs,
    connection: &ConnectionArgs,
    env: &Environment,
) -> Result<Option<RateStoreSettings>, ConfigError> {
    let Some(url) = &args.rate_store else {
        return Ok(None);
    };
    // The URL may hold a password: no error repeats it.
    let parsed = url.trim().parse::<Url>().ok();
    let usable = parsed.filter(|url| {
        matches!(url.scheme(), "redis" | "rediss")
            && url.host_str().is_some_and(|host| !host.is_empty())
    });
    if usable.is_none() {
        let why = "that is not redis://[USER@]HOST[:PORT][/DATABASE], or rediss:// for TLS";
        return Err(ConfigError::value("rate-store", why.to_owned()));
    }
    let file = args.rate_store_password_file.as_deref();
    let password =
        file.map(|path| read_secret(&locate(path, env.credentials_directory().as_deref())));
    Ok(Some(RateStoreSettings {
        url: SecretString::from(url.trim()),
        password: password.transpose()?.map(without_line_end),
        ca_file: connection.ca_file.clone(),
    }))
}

/// Whoever writes a file with an editor ends it with a line end.
fn without_line_end(text: SecretString) -> SecretString {
    SecretString::from(text.expose_secret().trim_end_matches(['\r', '\n']))
}

#[cfg(test)]
mod tests {
    use secrecy::ExposeSecret;

    use super::rate_store;
    use crate::{
        cli::{ConnectionArgs, PaceArgs},
        config::Environment,
    };

    #[test]
    fn a_store_is_a_url_that_no_error_repeats() {
        let store = |url: &str| {
            let args = PaceArgs {
                rate_store: Some(url.to_owned()),
                ..PaceArgs::default()
            };
            rate_store(&args, &ConnectionArgs::default(), &Environment::default())
        };
        for url in ["redis://h", "rediss://user:pw@h:6380/2", "redis://[::1]:1"] {
            let found = store(url).expect(url).expect("a store");
            assert_eq!(found.url.expose_secret(), url);
            assert!(!format!("{found:?}").contains("pw"));
        }
        for url in [
            "",
            "h:6379",
            "http://h",
            "redis://",
            "rediss://user:secret@",
        ] {
            let refused = store(url).expect_err(url).to_string();
            assert!(!refused.contains("secret"), "{refused}");
        }
    }
}
