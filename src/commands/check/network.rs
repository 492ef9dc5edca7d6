//! The way to the service, before anybody signs in: name, certificate, clock.

use std::time::{Duration, SystemTime};

use crate::{
    config::Connection,
    error::AppError,
    http::{HttpSettings, ServerCertificate, Url, greet, is_loopback},
};

use super::finding::{Finding, Verdict};

/// A certificate that ends sooner is worth a word.
const SOON: Duration = Duration::from_secs(14 * 86_400);
/// Clocks that differ by more: worth a word, and too much for tokens.
const SKEW: Duration = Duration::from_secs(30);
const MOST_SKEW: Duration = Duration::from_secs(240);
const A_DAY: u64 = 86_400;

/// Whether the URL is one of the service, as far as that shows.
pub(super) fn url(base: &Url) -> Finding {
    let host = base.host_str().unwrap_or_default();
    let known = is_loopback(base) || host.contains(".access.") || host.ends_with(".securid.com");
    if !known {
        return Finding::warn(
            "url",
            format!("{base} is at another place than usual"),
            "the console shows it as https://TENANT.access.securid.com/AdminInterface/restapi",
        );
    }
    match base
        .path()
        .trim_end_matches('/')
        .ends_with("/AdminInterface/restapi")
    {
        true => Finding::ok("url", base.as_str()),
        false => Finding::warn(
            "url",
            format!("{base} has another path than usual"),
            "its path is mostly /AdminInterface/restapi",
        ),
    }
}

/// Looks at each host that is called.
pub(super) async fn look(
    connection: &Connection,
    issuer: Option<Url>,
    timeout: Duration,
    proxied: bool,
) -> Result<Vec<Finding>, AppError> {
    let mut found = Vec::new();
    let base = connection.base.clone();
    let other = issuer.filter(|issuer| issuer.host_str() != base.host_str());
    for url in [Some(base), other].into_iter().flatten() {
        if !proxied {
            let name = name_of(&url, timeout).await;
            let known = name.verdict == Verdict::Ok;
            found.push(name);
            if !known {
                continue;
            }
        }
        let settings = HttpSettings {
            timeout,
            ca_file: connection.ca_file.clone(),
            plain: url.scheme() == "http",
            pool_size: 1,
        };
        found.extend(greeting(&settings, url).await?);
    }
    Ok(found)
}

async fn name_of(url: &Url, timeout: Duration) -> Finding {
    let host = url.host_str().unwrap_or_default();
    let host = host
        .trim_start_matches('[')
        .trim_end_matches(']')
        .to_owned();
    let port = url.port_or_known_default().unwrap_or(443);
    let looked = tokio::time::timeout(timeout, tokio::net::lookup_host((host.as_str(), port)));
    let why = match looked.await {
        Ok(Ok(addresses)) => {
            let addresses: Vec<_> = addresses.map(|address| address.ip().to_string()).collect();
            return Finding::ok("dns", format!("{host} is {}", addresses.join(", ")));
        }
        Ok(Err(error)) => error.to_string(),
        Err(_) => format!("no answer within {timeout:?}"),
    };
    Finding::fail(
        "dns",
        format!("{host}: {why}"),
        "check the host's name, and this machine's resolver; where a proxy is to be used, set HTTPS_PROXY",
    )
}

async fn greeting(settings: &HttpSettings, url: Url) -> Result<Vec<Finding>, AppError> {
    let host = url.host_str().unwrap_or_default().to_owned();
    let encrypted = url.scheme() == "https";
    let sent = SystemTime::now();
    let greeting = match greet(settings, url).await? {
        Ok(greeting) => greeting,
        Err(error) => {
            let name = if encrypted { "tls" } else { "network" };
            let remedy = error.remedy();
            return Ok(vec![Finding::fail(
                name,
                format!("{host}: {error}"),
                remedy,
            )]);
        }
    };
    let tls = match (&greeting.certificate, encrypted) {
        (Some(certificate), _) => certified(&host, certificate, sent),
        (None, true) => Finding::ok("tls", format!("{host}: encrypted")),
        (None, false) => Finding::ok(
            "tls",
            format!("{host}: none, which is for this machine only"),
        ),
    };
    let date = greeting.date.as_deref();
    let date = date.and_then(|date| httpdate::parse_http_date(date).ok());
    Ok(vec![tls, clock(date, sent, SystemTime::now())])
}

fn certified(host: &str, certificate: &ServerCertificate, now: SystemTime) -> Finding {
    let left = certificate.ends.duration_since(now).unwrap_or_default();
    let days = left.as_secs() / A_DAY;
    let text = format!(
        "{host}: certificate by {}, {days} days left",
        certificate.issuer
    );
    match left < SOON {
        true => Finding::warn(
            "tls",
            text,
            "it is the server's to renew it; watch that it happens",
        ),
        false => Finding::ok("tls", text),
    }
}

/// The service's clock, which was read somewhere between these two moments, beside ours.
fn clock(date: Option<SystemTime>, sent: SystemTime, heard: SystemTime) -> Finding {
    let Some(date) = date else {
        return Finding::warn(
            "clock",
            "the service did not tell its time",
            "keep this machine's clock set",
        );
    };
    // The service tells whole seconds.
    let behind = date.duration_since(heard).unwrap_or_default();
    let ahead = sent
        .duration_since(date + Duration::from_secs(1))
        .unwrap_or_default();
    let (skew, words) = match behind > ahead {
        true => (behind, "behind"),
        false => (ahead, "ahead of"),
    };
    let seconds = skew.as_secs();
    let remedy = "set the clock (timedatectl set-ntp true): tokens carry the time";
    let text = format!("{seconds} s {words} the service's");
    match skew {
        skew if skew > MOST_SKEW => Finding::fail("clock", text, remedy),
        skew if skew > SKEW => Finding::warn("clock", text, remedy),
        _ => Finding::ok(
            "clock",
            format!("within {} s of the service's", seconds + 1),
        ),
    }
}

#[cfg(test)]
mod tests {
    use std::time::{Duration, SystemTime};

    use super::{certified, clock, url};
    use crate::{commands::check::finding::Verdict, http::ServerCertificate};

    const NOW: SystemTime = SystemTime::UNIX_EPOCH;

    fn later(seconds: u64) -> SystemTime {
        NOW + Duration::from_secs(1_000_000 + seconds)
    }

    #[test]
    fn a_clock_is_judged_by_its_distance_either_way() {
        for (service, verdict, part) in [
            (later(0), Verdict::Ok, "within 1 s"),
            (later(25), Verdict::Ok, "within"),
            (later(60), Verdict::Warn, "behind"),
            (later(500), Verdict::Fail, "behind"),
            (NOW + Duration::from_secs(999_900), Verdict::Warn, "ahead"),
            (NOW, Verdict::Fail, "ahead"),
        ] {
            let finding = clock(Some(service), later(0), later(1));
            assert_eq!(finding.verdict, verdict, "{finding:?}");
            assert!(finding.text.contains(part), "{finding:?}");
        }
        assert_eq!(clock(None, NOW, NOW).verdict, Verdict::Warn);
    }

    #[test]
    fn a_certificate_that_ends_soon_is_worth_a_word() {
        let certificate = |days: u64| ServerCertificate {
            issuer: "CA".to_owned(),
            ends: NOW + Duration::from_secs(days * 86_400),
        };
        assert_eq!(certified("h", &certificate(90), NOW).verdict, Verdict::Ok);
        let soon = certified("h", &certificate(3), NOW);
        assert_eq!(soon.verdict, Verdict::Warn);
        assert!(soon.text.contains("3 days left"), "{soon:?}");
    }

    #[test]
    fn urls_of_the_service_are_known() {
        for (text, verdict) in [
            (
                "https://t.access.securid.com/AdminInterface/restapi",
                Verdict::Ok,
            ),
            ("http://127.0.0.1:1/AdminInterface/restapi", Verdict::Ok),
            ("https://t.access.securid.com/", Verdict::Warn),
            ("https://example.com/AdminInterface/restapi", Verdict::Warn),
        ] {
            let found = url(&text.parse().expect("a URL"));
            assert_eq!(found.verdict, verdict, "{text}");
        }
    }
}
