//! Values of options: numbers, lengths of time, URLs.

use std::{str::FromStr, time::Duration};

use jiff::SignedDuration;

use crate::http::{Url, is_loopback};

use super::ConfigError;

/// A whole number above zero.
pub(super) fn positive<T: FromStr>(option: &'static str, text: &str) -> Result<T, ConfigError> {
    let wrong = || ConfigError::value(option, format!("`{text}` is not a whole number above zero"));
    text.trim().parse().map_err(|_| wrong())
}

/// A length of time above zero: `30s`, `500ms`, `1m30s`; a bare number is seconds.
pub(super) fn duration(option: &'static str, text: &str) -> Result<Duration, ConfigError> {
    let text = text.trim();
    let with_unit = match text.parse::<f64>() {
        Ok(_) => format!("{text}s"),
        Err(_) => text.to_owned(),
    };
    let parsed = with_unit.parse::<SignedDuration>().ok();
    parsed
        .and_then(|duration| Duration::try_from(duration).ok())
        .filter(|duration| !duration.is_zero())
        .ok_or_else(|| {
            ConfigError::value(
                option,
                format!("`{text}` is not a length of time such as 30s, 500ms or 2m"),
            )
        })
}

/// A URL to which secrets may go: `https://`, or `http://` to this machine.
pub(super) fn url(option: &'static str, text: &str) -> Result<Url, ConfigError> {
    let wrong = |why: String| Err(ConfigError::value(option, why));
    let Ok(url) = text.trim().parse::<Url>() else {
        return wrong(format!("`{text}` is not a URL"));
    };
    match url.scheme() {
        "https" => {}
        "http" if is_loopback(&url) => {}
        "http" => {
            return wrong(format!(
                "`{text}` would carry the token unencrypted; use https://"
            ));
        }
        scheme => return wrong(format!("`{scheme}://` is not supported; use https://")),
    }
    if url.host_str().is_none()
        || !url.username().is_empty()
        || url.query().is_some()
        || url.fragment().is_some()
    {
        return wrong(format!("`{text}` is not a plain URL of a host and a path"));
    }
    Ok(url)
}

/// The base URL up to and without `/v1`: with or without that and a last `/`, as people have it.
pub(super) fn base_url(option: &'static str, text: &str) -> Result<Url, ConfigError> {
    let mut url = url(option, text)?;
    let path = url.path().trim_end_matches('/');
    let path = path
        .strip_suffix("/v1")
        .or_else(|| path.strip_suffix("/v2"))
        .unwrap_or(path);
    let path = path.trim_end_matches('/').to_owned();
    url.set_path(&path);
    Ok(url)
}

#[cfg(test)]
mod tests {
    use std::time::Duration;

    use super::{base_url, duration, positive};

    #[test]
    fn base_urls_in_every_form() {
        let expected = "https://t.access.securid.com/AdminInterface/restapi";
        for ending in ["", "/", "/v1", "/v1/", "/v2", "//"] {
            let url = base_url("base-url", &format!("{expected}{ending}")).expect(ending);
            assert_eq!(url.as_str(), expected);
        }
    }

    #[test]
    fn urls_that_would_give_the_token_away_are_refused() {
        for text in [
            "http://t.access.securid.com/x",
            "http://10.0.0.1/x",
            "ftp://x/",
            "nonsense",
            "https://user:pw@host/x",
            "https://host/x?a=b",
            "file:///etc/passwd",
        ] {
            assert!(base_url("base-url", text).is_err(), "{text}");
        }
        assert!(base_url("base-url", "http://127.0.0.1:8080/AdminInterface/restapi").is_ok());
    }

    #[test]
    fn lengths_of_time_and_numbers() {
        for (text, ms) in [
            ("30s", 30_000),
            ("500ms", 500),
            ("2m", 120_000),
            ("45", 45_000),
            ("1m30s", 90_000),
        ] {
            assert_eq!(
                duration("timeout", text).expect(text),
                Duration::from_millis(ms)
            );
        }
        for text in ["", "0s", "-3s", "soon"] {
            assert!(duration("timeout", text).is_err(), "{text}");
        }
        assert!(positive::<std::num::NonZeroU32>("burst", "0").is_err());
    }
}
