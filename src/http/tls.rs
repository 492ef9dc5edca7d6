//! What TLS trusts: the system's CAs, and those of a file beside them.

use std::{path::Path, sync::Arc};

use rustls::{ClientConfig, RootCertStore, crypto::aws_lc_rs};
use rustls_pki_types::{CertificateDer, pem::PemObject};
use rustls_platform_verifier::Verifier;

use super::{HttpSettings, HttpSetupError};

/// What a server may choose, the preferred first.
const PROTOCOLS: [&[u8]; 2] = [b"h2", b"http/1.1"];

/// The configuration that every connection of a client shares. A plain client trusts nobody, and so needs no CA store.
pub(super) fn config(settings: &HttpSettings) -> Result<ClientConfig, HttpSetupError> {
    let provider = Arc::new(aws_lc_rs::default_provider());
    let config = ClientConfig::builder_with_provider(Arc::clone(&provider))
        .with_safe_default_protocol_versions()
        .map_err(failed)?;
    let mut config = if settings.plain {
        config
            .with_root_certificates(RootCertStore::empty())
            .with_no_client_auth()
    } else {
        let further = match &settings.ca_file {
            Some(path) => read_ca_file(path)?,
            None => Vec::new(),
        };
        let verifier = Verifier::new_with_extra_roots(further, provider).map_err(failed)?;
        config
            .dangerous()
            .with_custom_certificate_verifier(Arc::new(verifier))
            .with_no_client_auth()
    };
    config.alpn_protocols = PROTOCOLS.map(<[u8]>::to_vec).into();
    Ok(config)
}

fn failed(error: rustls::Error) -> HttpSetupError {
    HttpSetupError::Tls(error.to_string())
}

fn read_ca_file(path: &Path) -> Result<Vec<CertificateDer<'static>>, HttpSetupError> {
    let pem = std::fs::read(path).map_err(|source| HttpSetupError::CaFile {
        path: path.to_owned(),
        source,
    })?;
    let certificates: Result<Vec<_>, _> = CertificateDer::pem_slice_iter(&pem).collect();
    certificates
        .ok()
        .filter(|certificates| !certificates.is_empty())
        .ok_or_else(|| HttpSetupError::CaFormat {
            path: path.to_owned(),
        })
}
