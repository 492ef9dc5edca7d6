//! Values of options: numbers, lengths of time, URLs.

use std::{
    str::FromStr,
    time::{Duration, SystemTime},
};

use jiff::{Span, SpanRelativeTo, Timestamp, civil::DateTime, tz::TimeZone};

use crate::http::{Url, is_loopback};

use super::ConfigError;

/// A whole number above zero.
pub(super) fn positive<T: FromStr>(option: &'static str, text: &str) -> Result<T, ConfigError> {
    let wrong = || ConfigError::value(option, format!("`{text}` is not a whole number above zero"));
    text.trim().parse().map_err(|_| wrong())
}

/// A whole number, zero included.
pub(super) fn whole(option: &'static str, text: &str) -> Result<u64, ConfigError> {
    let wrong = || ConfigError::value(option, format!("`{text}` is not a whole number"));
    text.trim().parse().map_err(|_| wrong())
}

/// A share of 100, with or without `%`, as a share of 1.
pub(super) fn percentage(option: &'static str, text: &str) -> Result<f64, ConfigError> {
    let number = text.trim().trim_end_matches('%').trim_end();
    let share = number.parse::<f64>().ok().map(|percent| percent / 100.0);
    share
        .filter(|share| (0.0..=1.0).contains(share))
        .ok_or_else(|| {
            ConfigError::value(option, format!("`{text}` is not a share from 0 to 100 %"))
        })
}

/// A moment: a time of day and date with its offset (UTC where it has none), or a length of time
/// before now.
pub(super) fn moment(
    option: &'static str,
    text: &str,
    now: SystemTime,
) -> Result<SystemTime, ConfigError> {
    let text = text.trim();
    let at = text.parse::<Timestamp>().ok().or_else(|| {
        let civil = text.parse::<DateTime>().ok()?;
        TimeZone::UTC.to_timestamp(civil).ok()
    });
    if let Some(at) = at.and_then(|at| SystemTime::try_from(at).ok()) {
        return Ok(at);
    }
    let ago = duration(option, text).ok();
    ago.and_then(|ago| now.checked_sub(ago)).ok_or_else(|| {
        let why = format!(
            "`{text}` is neither a length of time such as 2h nor a time such as 2026-11-24T08:00:00Z"
        );
        ConfigError::value(option, why)
    })
}

/// A length of time above zero: `30s`, `500ms`, `1m30s`, `2d`; a bare number is seconds.
pub(super) fn duration(option: &'static str, text: &str) -> Result<Duration, ConfigError> {
    let text = text.trim();
    let with_unit = match text.parse::<f64>() {
        Ok(_) => format!("{text}s"),
        Err(_) => text.to_owned(),
    };
    let span = with_unit.parse::<Span>().ok();
    let parsed = span.and_then(|span| span.to_duration(SpanRelativeTo::days_are_24_hours()).ok());
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

/// A URL to ping: a query may tell the monitor what it wants, and so may a name and a password.
pub(super) fn ping_url(option: &'static str, text: &str) -> Result<Url, ConfigError> {
    let wrong = |why: &str| Err(ConfigError::value(option, why.to_owned()));
    let Ok(mut url) = text.trim().parse::<Url>() else {
        return wrong("this is not a URL");
    };
    url.set_fragment(None);
    match url.scheme() {
        "https" => Ok(url),
        "http" if is_loopback(&url) => Ok(url),
        "http" => wrong(
            "http:// is for this machine only: whoever knows the URL could tell the monitor anything; use https://",
        ),
        scheme => wrong(&format!("`{scheme}:` is not supported; use https://")),
    }
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
    use std::time::{Duration, SystemTime};

    use super::{base_url, duration, moment, percentage, ping_url, positive, whole};

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
    fn pings_keep_their_query_and_are_never_sent_in_the_clear() {
        for text in [
            "https://hc-ping.com/uuid?create=1",
            "http://localhost:8000/ping/uuid",
        ] {
            assert_eq!(ping_url("ping", text).expect(text).as_str(), text);
        }
        for text in ["http://hc.example/uuid", "hc-ping.com/uuid", "file:///x"] {
            let error = ping_url("ping", text).expect_err(text).to_string();
            assert!(!error.contains("uuid"), "{error}");
        }
    }

    #[test]
    fn moments_are_times_or_lengths_of_time_before_now() {
        let now = SystemTime::UNIX_EPOCH + Duration::from_secs(1_700_000_000);
        for (text, seconds) in [
            ("2h", 1_700_000_000 - 7_200),
            ("2023-11-14T22:00:00Z", 1_699_999_200),
            ("2023-11-14T23:00:00+01:00", 1_699_999_200),
            ("2023-11-14 22:00", 1_699_999_200),
            ("2023-11-14", 1_699_920_000),
        ] {
            let at = moment("locked-since", text, now).expect(text);
            assert_eq!(
                at,
                SystemTime::UNIX_EPOCH + Duration::from_secs(seconds),
                "{text}"
            );
        }
        for text in ["", "yesterday", "-2h", "25:00"] {
            assert!(moment("locked-since", text, now).is_err(), "{text}");
        }
    }

    #[test]
    fn shares_and_whole_numbers() {
        assert_eq!(percentage("x", "5 %").expect("a share"), 0.05);
        assert!(percentage("x", "101").is_err() && percentage("x", "NaN").is_err());
        assert_eq!(whole("x", "0").expect("zero"), 0);
    }

    #[test]
    fn lengths_of_time_and_numbers() {
        for (text, ms) in [
            ("30s", 30_000),
            ("500ms", 500),
            ("2m", 120_000),
            ("45", 45_000),
            ("1m30s", 90_000),
            ("1.5h", 5_400_000),
            ("1d", 86_400_000),
            ("1w 1d", 691_200_000),
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
