//! What a server says of itself to somebody who has not signed in: its clock and its certificate.

use std::time::SystemTime;

use reqwest::tls::TlsInfo;
use x509_parser::{certificate::X509Certificate, prelude::FromDer};

use super::{
    Body, HttpSettings, HttpSetupError, NoReply, Url, Verb, proxied, read, request, tls, within,
};

/// A server's first words.
#[derive(Debug, Clone)]
pub struct Greeting {
    /// The HTTP status.
    pub status: u16,
    /// The `Date` header as it stands.
    pub date: Option<String>,
    /// The server's certificate; `None` over plain HTTP.
    pub certificate: Option<Certificate>,
}

/// What a valid certificate says.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Certificate {
    /// Who vouches for it.
    pub issuer: String,
    /// When it ends.
    pub ends: SystemTime,
}

/// Asks a URL with a GET that carries nothing.
///
/// # Errors
/// [`HttpSetupError`] where no client can be made; within, [`NoReply`] where no answer came.
pub async fn greet(
    settings: &HttpSettings,
    url: Url,
) -> Result<Result<Greeting, NoReply>, HttpSetupError> {
    let builder = proxied::builder(settings, tls::config(settings)?);
    let client = proxied::built(builder.tls_info(true))?;
    let exchange = async {
        let request = request(Verb::Get, &url, None, &Body::None)?;
        let response = proxied::send(&client, request).await?;
        let info = response.extensions().get::<TlsInfo>();
        let certificate = info.and_then(TlsInfo::peer_certificate).and_then(parse);
        let reply = read(&url, response).await?;
        Ok(Greeting {
            status: reply.status,
            date: reply.date,
            certificate,
        })
    };
    Ok(within(settings.timeout, exchange).await)
}

fn parse(der: &[u8]) -> Option<Certificate> {
    let (_, certificate) = X509Certificate::from_der(der).ok()?;
    let issuer = certificate.issuer();
    let name = issuer
        .iter_common_name()
        .chain(issuer.iter_organization())
        .find_map(|name| name.as_str().ok())
        .map_or_else(|| issuer.to_string(), str::to_owned);
    let ends = u64::try_from(certificate.validity().not_after.timestamp()).ok()?;
    Some(Certificate {
        issuer: name,
        ends: SystemTime::UNIX_EPOCH + std::time::Duration::from_secs(ends),
    })
}

#[cfg(test)]
mod tests {
    use std::time::{Duration, SystemTime};

    use super::parse;

    #[test]
    fn a_certificate_names_its_issuer_and_its_end() {
        let mut params = rcgen::CertificateParams::new(["localhost".to_owned()]).expect("a name");
        params
            .distinguished_name
            .push(rcgen::DnType::CommonName, "Test CA");
        params.not_after = rcgen::date_time_ymd(2030, 1, 2);
        let key = rcgen::KeyPair::generate().expect("a key");
        let certificate = params.self_signed(&key).expect("signed");
        let found = parse(certificate.der()).expect("a certificate");
        assert_eq!(found.issuer, "Test CA");
        let end = SystemTime::UNIX_EPOCH + Duration::from_secs(1_893_542_400);
        assert_eq!(found.ends, end);
        assert_eq!(parse(b"nonsense"), None);
    }
}
