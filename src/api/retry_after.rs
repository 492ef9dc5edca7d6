//! `Retry-After`, in both of its forms (RFC 9110, section 10.2.3).

use std::time::{Duration, SystemTime};

use crate::http::Reply;

/// A wait beyond this is taken as this: the clock's arithmetic must not overflow.
const LONGEST: Duration = Duration::from_secs(30 * 86_400);

/// How long the answer asks to wait, from its arrival; `None` where it asks for nothing readable.
///
/// A date is held against the answer's own `Date`, so that the two clocks need not agree; where
/// that is missing, against `now`.
pub(super) fn wait(reply: &Reply, now: SystemTime) -> Option<Duration> {
    let asked = reply.retry_after.as_deref()?.trim();
    if let Ok(seconds) = asked.parse::<f64>() {
        let readable = seconds.is_finite() && seconds >= 0.0;
        return readable.then(|| Duration::from_secs_f64(seconds.min(LONGEST.as_secs_f64())));
    }
    let until = httpdate::parse_http_date(asked).ok()?;
    let date = reply.date.as_deref();
    let from = date.and_then(|date| httpdate::parse_http_date(date).ok());
    let wait = until
        .duration_since(from.unwrap_or(now))
        .unwrap_or_default();
    Some(wait.min(LONGEST))
}

#[cfg(test)]
mod tests {
    use std::time::{Duration, SystemTime};

    use super::wait;
    use crate::http::Reply;

    fn asked(retry_after: &str, date: Option<&str>) -> Option<Duration> {
        let reply = Reply {
            status: 429,
            retry_after: Some(retry_after.to_owned()),
            date: date.map(str::to_owned),
            ..Reply::default()
        };
        let now = SystemTime::UNIX_EPOCH + Duration::from_secs(784_111_777);
        wait(&reply, now)
    }

    #[test]
    fn seconds_dates_and_nonsense() {
        let now = "Sun, 06 Nov 1994 08:49:37 GMT";
        for (text, date, expected) in [
            ("3", None, Some(3)),
            (" 0 ", None, Some(0)),
            ("Sun, 06 Nov 1994 08:49:42 GMT", None, Some(5)),
            ("Sun, 06 Nov 1994 08:49:42 GMT", Some(now), Some(5)),
            // The service's clock is a minute behind: its own date counts.
            (
                "Sun, 06 Nov 1994 08:48:42 GMT",
                Some("Sun, 06 Nov 1994 08:48:37 GMT"),
                Some(5),
            ),
            ("Sun, 06 Nov 1994 08:00:00 GMT", None, Some(0)),
            ("soon", None, None),
            ("-1", None, None),
            ("NaN", None, None),
        ] {
            assert_eq!(
                asked(text, date),
                expected.map(Duration::from_secs),
                "{text}"
            );
        }
        assert_eq!(asked("1e30", None), Some(Duration::from_secs(2_592_000)));
    }
}
