//! `tls_server_config`, by rustls. What rustls does not offer is refused by its name.

mod choices;
mod clients;
mod pem;

use std::sync::Arc;

use hmac::digest::Digest as _;
use rustls::{Error, ServerConfig, crypto::ring};
use sha2::Sha256;

use super::{files::Files, http::boolean};
use crate::config::decode::{Decoder, Field};
use choices::{provider, versions};
use clients::Clients;
use pem::{Pem, certificates, pem, private_key};

/// A TLS server.
#[derive(Clone)]
pub struct Tls {
    /// What rustls needs.
    pub config: Arc<ServerConfig>,
    /// Changes with everything that a handshake depends on.
    pub digest: [u8; 32],
}

impl Tls {
    /// Whether clients may choose HTTP/2.
    pub fn offers_http2(&self) -> bool {
        self.config.alpn_protocols.iter().any(|name| name == b"h2")
    }
}

/// Decodes the section and builds the server from it.
pub fn server(
    decoder: &mut Decoder<'_>,
    field: &Field<'_>,
    http2: bool,
    files: &mut Files,
) -> Option<Tls> {
    let mut section = decoder.section(field)?;
    let (_, certificate) = pem(decoder, &mut section, ("cert", "cert_file"), true, files);
    let (_, key) = pem(decoder, &mut section, ("key", "key_file"), true, files);
    let clients = Clients::decode(decoder, &mut section, files);
    let versions = versions(decoder, &mut section);
    let provider = provider(decoder, &mut section, versions.as_deref());
    let prefer = match section.take("prefer_server_cipher_suites") {
        Some(field) => boolean(decoder, &field),
        None => Some(true),
    };
    decoder.finish(section);
    // Other problems are told even where the choices are none.
    let is_chosen = provider.is_some();
    let provider = Arc::new(provider.unwrap_or_else(ring::default_provider));
    let verifier = clients.verifier(decoder, &provider);
    let chain = certificate
        .as_ref()
        .and_then(|pem| certificates(decoder, pem));
    let private = key.as_ref().and_then(|pem| private_key(decoder, pem));
    // From here on everything is needed; what is missing has been told.
    let (versions, certificate, key) = (versions?, certificate?, key?);

    let mut digest = Sha256::new();
    for pem in [Some(&certificate), Some(&key), clients.authority.as_ref()] {
        let bytes = pem.map_or(&[][..], |pem| &pem.bytes);
        digest.update((bytes.len() as u64).to_be_bytes());
        digest.update(bytes);
    }
    let choices = (clients.choices(), &versions, &provider, prefer, http2);
    digest.update(format!("{choices:?}"));

    let builder = ServerConfig::builder_with_provider(provider)
        .with_protocol_versions(&versions)
        .map_err(|error| decoder.problem(field, format!("rustls refuses it: {error}")))
        .ok()?;
    let mut config = builder
        .with_client_cert_verifier(verifier?)
        .with_single_cert(chain?, private?)
        .map_err(|error| refused(decoder, &certificate, &key, &error))
        .ok()
        .filter(|_| is_chosen)?;
    config.ignore_client_order = prefer?;
    if http2 {
        config.alpn_protocols.push(b"h2".to_vec());
    }
    config.alpn_protocols.push(b"http/1.1".to_vec());
    Some(Tls {
        config: Arc::new(config),
        digest: digest.finalize().into(),
    })
}

fn refused(decoder: &mut Decoder<'_>, certificate: &Pem<'_>, key: &Pem<'_>, error: &Error) {
    let (place, message) = match error {
        Error::InconsistentKeys(_) => (
            key,
            format!("{} is not the key of {}", key.source, certificate.source),
        ),
        Error::InvalidCertificate(error) => (
            certificate,
            format!("{} cannot be used: {error}", certificate.source),
        ),
        error => (key, format!("{} cannot be used: {error}", key.source)),
    };
    decoder.problem(&place.field, message);
}
