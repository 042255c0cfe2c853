//! `tls_server_config`, by rustls. What rustls does not offer is refused by its name.

use std::{path::Path, sync::Arc};

use hmac::digest::Digest as _;
use rustls::{
    CipherSuite, Error, NamedGroup, RootCertStore, ServerConfig, SupportedProtocolVersion,
    crypto::{CryptoProvider, ring},
    pki_types::{CertificateDer, PrivateKeyDer, pem::PemObject as _},
    server::{WebPkiClientVerifier, danger::ClientCertVerifier},
    version::{TLS12, TLS13},
};
use sha2::Sha256;

use super::{files::Files, http::boolean};
use crate::{
    config::{
        decode::{Decoder, Field, Section},
        suggestion,
    },
    web::client_certificate::{AnyCertificate, WithName},
};

/// Names of Go's library, as everybody who knows the toolkit writes them.
const CIPHER_SUITES: [(&str, CipherSuite); 9] = [
    (
        "TLS_AES_128_GCM_SHA256",
        CipherSuite::TLS13_AES_128_GCM_SHA256,
    ),
    (
        "TLS_AES_256_GCM_SHA384",
        CipherSuite::TLS13_AES_256_GCM_SHA384,
    ),
    (
        "TLS_CHACHA20_POLY1305_SHA256",
        CipherSuite::TLS13_CHACHA20_POLY1305_SHA256,
    ),
    (
        "TLS_ECDHE_ECDSA_WITH_AES_128_GCM_SHA256",
        CipherSuite::TLS_ECDHE_ECDSA_WITH_AES_128_GCM_SHA256,
    ),
    (
        "TLS_ECDHE_ECDSA_WITH_AES_256_GCM_SHA384",
        CipherSuite::TLS_ECDHE_ECDSA_WITH_AES_256_GCM_SHA384,
    ),
    (
        "TLS_ECDHE_ECDSA_WITH_CHACHA20_POLY1305_SHA256",
        CipherSuite::TLS_ECDHE_ECDSA_WITH_CHACHA20_POLY1305_SHA256,
    ),
    (
        "TLS_ECDHE_RSA_WITH_AES_128_GCM_SHA256",
        CipherSuite::TLS_ECDHE_RSA_WITH_AES_128_GCM_SHA256,
    ),
    (
        "TLS_ECDHE_RSA_WITH_AES_256_GCM_SHA384",
        CipherSuite::TLS_ECDHE_RSA_WITH_AES_256_GCM_SHA384,
    ),
    (
        "TLS_ECDHE_RSA_WITH_CHACHA20_POLY1305_SHA256",
        CipherSuite::TLS_ECDHE_RSA_WITH_CHACHA20_POLY1305_SHA256,
    ),
];

/// Names of Go's library.
const CURVES: [(&str, NamedGroup); 3] = [
    ("CurveP256", NamedGroup::secp256r1),
    ("CurveP384", NamedGroup::secp384r1),
    ("X25519", NamedGroup::X25519),
];

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

/// What a client has to show.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
enum ClientAuth {
    None,
    Request,
    RequireAny,
    VerifyIfGiven,
    RequireAndVerify,
}

impl ClientAuth {
    /// `RequireClientCert` is the toolkit's older name.
    const NAMES: [(&str, Self); 6] = [
        ("NoClientCert", Self::None),
        ("RequestClientCert", Self::Request),
        ("RequireAnyClientCert", Self::RequireAny),
        ("RequireClientCert", Self::RequireAny),
        ("VerifyClientCertIfGiven", Self::VerifyIfGiven),
        ("RequireAndVerifyClientCert", Self::RequireAndVerify),
    ];

    fn verifies(self) -> bool {
        matches!(self, Self::VerifyIfGiven | Self::RequireAndVerify)
    }

    fn requires(self) -> bool {
        matches!(self, Self::RequireAny | Self::RequireAndVerify)
    }
}

/// PEM that was given, and where.
struct Pem<'n> {
    field: Field<'n>,
    bytes: Vec<u8>,
    /// How it is called in messages.
    source: String,
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
    let (authority_given, authority) = pem(
        decoder,
        &mut section,
        ("client_ca", "client_ca_file"),
        false,
        files,
    );
    let auth_field = section.take("client_auth_type");
    let auth = match &auth_field {
        Some(field) => decoder.choice(field, &ClientAuth::NAMES),
        None => Some(ClientAuth::None),
    };
    let names_field = section.take("client_allowed_sans");
    let names = names_field.as_ref().map(|field| {
        let items = decoder.items(field);
        let texts = items.iter().filter_map(|item| decoder.text(item));
        texts.map(|text| text.value).collect::<Vec<_>>()
    });
    let versions = versions(decoder, &mut section);
    let suites_field = section.take("cipher_suites");
    let suites = suites_field
        .as_ref()
        .map(|field| offered(decoder, field, &CIPHER_SUITES, "cipher suite"));
    let prefer = match section.take("prefer_server_cipher_suites") {
        Some(field) => boolean(decoder, &field),
        None => Some(true),
    };
    let curves = section
        .take("curve_preferences")
        .map(|field| offered(decoder, &field, &CURVES, "curve"));
    if let (Some(auth), Some(auth_field)) = (auth, &auth_field)
        && auth.verifies()
        && !authority_given
    {
        decoder.problem(
            auth_field,
            "verifying needs client_ca_file (or client_ca): the authority that signs the clients' certificates",
        );
    }
    if let (Some(authority), Some(ClientAuth::None)) = (&authority, auth) {
        decoder.problem(
            &authority.field,
            "nobody is asked for a certificate: client_auth_type is NoClientCert; set it to RequireAndVerifyClientCert",
        );
    }
    if let (Some(field), Some(auth)) = (&names_field, auth)
        && !auth.requires()
    {
        decoder.problem(
            field,
            "needs client_auth_type RequireAndVerifyClientCert or RequireAnyClientCert: a client without certificate has no name",
        );
    }
    decoder.finish(section);

    let mut provider = ring::default_provider();
    let suites = match (&suites_field, suites) {
        (Some(field), Some(wanted)) => {
            wanted.filter(|wanted| choose_suites(decoder, field, &mut provider, wanted, &versions))
        }
        _ => Some(Vec::new()),
    };
    let curves = match curves {
        Some(wanted) => wanted.inspect(|wanted| choose_curves(&mut provider, wanted)),
        None => Some(Vec::new()),
    };
    let provider = Arc::new(provider);
    let verifier =
        auth.and_then(|auth| verifier(decoder, auth, authority.as_ref(), names.clone(), &provider));
    let chain = certificate
        .as_ref()
        .and_then(|pem| certificates(decoder, pem));
    let private = key.as_ref().and_then(|pem| private_key(decoder, pem));
    // From here on everything is needed; what is missing has been told.
    let (versions, _, _) = (versions?, suites?, curves?);
    let (certificate, key) = (certificate?, key?);

    let mut digest = Sha256::new();
    for pem in [Some(&certificate), Some(&key), authority.as_ref()] {
        let bytes = pem.map_or(&[][..], |pem| &pem.bytes);
        digest.update((bytes.len() as u64).to_be_bytes());
        digest.update(bytes);
    }
    let choices = (auth, &names, &versions, &provider, prefer, http2);
    digest.update(format!("{choices:?}"));

    let builder = ServerConfig::builder_with_provider(provider)
        .with_protocol_versions(&versions)
        .map_err(|error| decoder.problem(field, format!("rustls refuses it: {error}")))
        .ok()?;
    let mut config = builder
        .with_client_cert_verifier(verifier?)
        .with_single_cert(chain?, private?)
        .map_err(|error| refused(decoder, &certificate, &key, &error))
        .ok()?;
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

/// PEM in the section itself or in a file, not both; and whether either was given.
fn pem<'n>(
    decoder: &mut Decoder<'_>,
    section: &mut Section<'n>,
    (inline_name, file_name): (&'static str, &'static str),
    required: bool,
    files: &mut Files,
) -> (bool, Option<Pem<'n>>) {
    let inline = section.take(inline_name);
    let file = section.take(file_name);
    let is_given = inline.is_some() || file.is_some();
    let read = match (inline, file) {
        (Some(_), Some(file)) => {
            let message = format!("give either {inline_name} or {file_name}, not both");
            decoder.problem(&file, message);
            None
        }
        (Some(field), None) => decoder.text(&field).map(|text| Pem {
            bytes: text.value.into_bytes(),
            source: inline_name.to_owned(),
            field,
        }),
        (None, Some(field)) => decoder.text(&field).and_then(|text| {
            let source = format!("the file {}", files.path(&text.value).display());
            match files.read(Path::new(&text.value)) {
                Ok(bytes) => Some(Pem {
                    bytes,
                    source,
                    field,
                }),
                Err(error) => {
                    decoder.problem(&field, format!("cannot read {source}: {error}"));
                    None
                }
            }
        }),
        (None, None) => {
            if required {
                decoder.missing(section, &format!("{file_name} (or {inline_name})"));
            }
            None
        }
    };
    (is_given, read)
}

fn certificates(decoder: &mut Decoder<'_>, pem: &Pem<'_>) -> Option<Vec<CertificateDer<'static>>> {
    let chain: Result<Vec<_>, _> = CertificateDer::pem_slice_iter(&pem.bytes).collect();
    match chain {
        Ok(chain) if !chain.is_empty() => Some(chain),
        Ok(_) => {
            decoder.problem(
                &pem.field,
                format!("{} holds no certificate in PEM form", pem.source),
            );
            None
        }
        Err(error) => {
            decoder.problem(&pem.field, format!("{} is not PEM: {error}", pem.source));
            None
        }
    }
}

/// Errors say nothing of the content.
fn private_key(decoder: &mut Decoder<'_>, pem: &Pem<'_>) -> Option<PrivateKeyDer<'static>> {
    let key = PrivateKeyDer::from_pem_slice(&pem.bytes);
    if key.is_err() {
        let message = format!(
            "{} holds no private key in PEM form (PKCS#8, PKCS#1 or SEC 1, not encrypted)",
            pem.source
        );
        decoder.problem(&pem.field, message);
    }
    key.ok()
}

/// The items of a list by their names; `None` when one is not offered.
fn offered<T: Copy + PartialEq>(
    decoder: &mut Decoder<'_>,
    field: &Field<'_>,
    choices: &[(&str, T)],
    what: &str,
) -> Option<Vec<T>> {
    let names: Vec<&str> = choices.iter().map(|(name, _)| *name).collect();
    let items = decoder.items(field);
    let wanted: Vec<Option<T>> = items
        .iter()
        .map(|item| {
            let text = decoder.text(item)?.value;
            let found = choices.iter().find(|(name, _)| *name == text);
            if found.is_none() {
                let near = suggestion(&text, &names);
                let offer = if near.is_empty() {
                    format!("; it offers {}", names.join(", "))
                } else {
                    near
                };
                decoder.problem(item, format!("rustls offers no {what} {text:.60?}{offer}"));
            }
            found.map(|(_, value)| *value)
        })
        .collect();
    if items.is_empty() {
        decoder.problem(field, format!("expected at least one {what}"));
        return None;
    }
    wanted.into_iter().collect()
}

/// Those of the list in its order. A list without suites of TLS 1.3 leaves these as they are, as
/// the toolkit does; one that names some leaves only them. False when a version has none left.
fn choose_suites(
    decoder: &mut Decoder<'_>,
    field: &Field<'_>,
    provider: &mut CryptoProvider,
    wanted: &[CipherSuite],
    versions: &Option<Vec<&SupportedProtocolVersion>>,
) -> bool {
    let all = std::mem::take(&mut provider.cipher_suites);
    let named = wanted
        .iter()
        .filter_map(|name| all.iter().find(|suite| suite.suite() == *name).copied());
    provider.cipher_suites = named.collect();
    if provider.cipher_suites.iter().all(is_old) {
        let new = all.iter().filter(|suite| !is_old(suite)).copied();
        provider.cipher_suites.splice(0..0, new);
    }
    let needs_old = versions
        .as_ref()
        .is_some_and(|versions| versions.contains(&&TLS12));
    let works = !needs_old || provider.cipher_suites.iter().any(is_old);
    if !works {
        decoder.problem(
            field,
            "no cipher suite of TLS 1.2 is in the list: add one, or set min_version to TLS13",
        );
    }
    works
}

fn choose_curves(provider: &mut CryptoProvider, wanted: &[NamedGroup]) {
    let all = std::mem::take(&mut provider.kx_groups);
    let named = wanted
        .iter()
        .filter_map(|name| all.iter().find(|group| group.name() == *name).copied());
    provider.kx_groups = named.collect();
}

fn is_old(suite: &rustls::SupportedCipherSuite) -> bool {
    suite.version() == &TLS12
}

/// The versions from the least to the greatest.
fn versions(
    decoder: &mut Decoder<'_>,
    section: &mut Section<'_>,
) -> Option<Vec<&'static SupportedProtocolVersion>> {
    let mut bound = |name, default| {
        let field = section.take(name);
        let version = match &field {
            None => Some(default),
            Some(field) => version(decoder, field),
        };
        (field, version)
    };
    let (_, least) = bound("min_version", 2);
    let (field, most) = bound("max_version", 3);
    let (least, most) = (least?, most?);
    if least > most {
        decoder.problem(&field?, "max_version is lower than min_version");
        return None;
    }
    let all = [(2, &TLS12), (3, &TLS13)];
    let wanted = all
        .iter()
        .filter(|(number, _)| (least..=most).contains(number));
    Some(wanted.map(|(_, version)| *version).collect())
}

/// The minor number of TLS 1.x.
fn version(decoder: &mut Decoder<'_>, field: &Field<'_>) -> Option<u8> {
    if ["TLS10", "TLS11"].iter().any(|old| field.is(old)) {
        decoder.problem(
            field,
            "TLS 1.0 and 1.1 are broken (RFC 8996), and rustls does not speak them: expected TLS12 or TLS13",
        );
        return None;
    }
    decoder.choice(field, &[("TLS12", 2), ("TLS13", 3)])
}

/// Who looks at the clients' certificates.
fn verifier(
    decoder: &mut Decoder<'_>,
    auth: ClientAuth,
    authority: Option<&Pem<'_>>,
    names: Option<Vec<String>>,
    provider: &Arc<CryptoProvider>,
) -> Option<Arc<dyn ClientCertVerifier>> {
    let verifier: Arc<dyn ClientCertVerifier> = match auth {
        ClientAuth::None => WebPkiClientVerifier::no_client_auth(),
        ClientAuth::Request | ClientAuth::RequireAny => {
            // As in the toolkit, the authority only tells clients which certificate to send.
            let hints = match authority {
                Some(pem) => roots(decoder, pem)?.subjects(),
                None => Vec::new(),
            };
            let algorithms = provider.signature_verification_algorithms;
            Arc::new(AnyCertificate::new(algorithms, auth.requires(), hints))
        }
        ClientAuth::VerifyIfGiven | ClientAuth::RequireAndVerify => {
            let pem = authority?;
            let roots = Arc::new(roots(decoder, pem)?);
            let builder = WebPkiClientVerifier::builder_with_provider(roots, Arc::clone(provider));
            let builder = if auth.requires() {
                builder
            } else {
                builder.allow_unauthenticated()
            };
            let built = builder.build();
            if let Err(error) = &built {
                let message = format!("{} cannot be used: {error}", pem.source);
                decoder.problem(&pem.field, message);
            }
            built.ok()?
        }
    };
    Some(match names {
        Some(names) => Arc::new(WithName::new(verifier, names)),
        None => verifier,
    })
}

fn roots(decoder: &mut Decoder<'_>, pem: &Pem<'_>) -> Option<RootCertStore> {
    let mut roots = RootCertStore::empty();
    for certificate in certificates(decoder, pem)? {
        if let Err(error) = roots.add(certificate) {
            let message = format!("{} cannot be used: {error}", pem.source);
            decoder.problem(&pem.field, message);
            return None;
        }
    }
    Some(roots)
}
