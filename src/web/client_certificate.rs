//! Who looks at clients' certificates where rustls' own verifier does not do.

use std::{net::IpAddr, sync::Arc};

use rustls::{
    CertificateError, DigitallySignedStruct, DistinguishedName, Error, OtherError, SignatureScheme,
    client::danger::HandshakeSignatureValid,
    crypto::{WebPkiSupportedAlgorithms, verify_tls12_signature, verify_tls13_signature},
    pki_types::{CertificateDer, UnixTime},
    server::danger::{ClientCertVerified, ClientCertVerifier},
};
use x509_cert::{
    Certificate,
    der::Decode as _,
    ext::pkix::{SubjectAltName, name::GeneralName},
};

/// Takes any certificate whose key the client has, as `RequestClientCert` and
/// `RequireAnyClientCert` do.
#[derive(Debug)]
pub struct AnyCertificate {
    algorithms: WebPkiSupportedAlgorithms,
    is_required: bool,
    hints: Vec<DistinguishedName>,
}

impl AnyCertificate {
    /// `hints` tell clients which authorities' certificates are welcome.
    pub fn new(
        algorithms: WebPkiSupportedAlgorithms,
        is_required: bool,
        hints: Vec<DistinguishedName>,
    ) -> Self {
        Self {
            algorithms,
            is_required,
            hints,
        }
    }
}

impl ClientCertVerifier for AnyCertificate {
    fn client_auth_mandatory(&self) -> bool {
        self.is_required
    }

    fn root_hint_subjects(&self) -> &[DistinguishedName] {
        &self.hints
    }

    fn verify_client_cert(
        &self,
        _: &CertificateDer<'_>,
        _: &[CertificateDer<'_>],
        _: UnixTime,
    ) -> Result<ClientCertVerified, Error> {
        Ok(ClientCertVerified::assertion())
    }

    fn verify_tls12_signature(
        &self,
        message: &[u8],
        certificate: &CertificateDer<'_>,
        signature: &DigitallySignedStruct,
    ) -> Result<HandshakeSignatureValid, Error> {
        verify_tls12_signature(message, certificate, signature, &self.algorithms)
    }

    fn verify_tls13_signature(
        &self,
        message: &[u8],
        certificate: &CertificateDer<'_>,
        signature: &DigitallySignedStruct,
    ) -> Result<HandshakeSignatureValid, Error> {
        verify_tls13_signature(message, certificate, signature, &self.algorithms)
    }

    fn supported_verify_schemes(&self) -> Vec<SignatureScheme> {
        self.algorithms.supported_schemes()
    }
}

/// Takes what another verifier takes, if the certificate also has one of some names.
#[derive(Debug)]
pub struct WithName {
    verifier: Arc<dyn ClientCertVerifier>,
    names: Vec<String>,
}

impl WithName {
    /// The names are subject alternative names: DNS names, IP and e-mail addresses, URIs.
    pub fn new(verifier: Arc<dyn ClientCertVerifier>, names: Vec<String>) -> Self {
        let names = names.into_iter().map(|name| match name.parse::<IpAddr>() {
            Ok(address) => address.to_string(),
            Err(_) => name,
        });
        Self {
            verifier,
            names: names.collect(),
        }
    }
}

/// The client's certificate has none of the names that are allowed.
#[derive(Debug, thiserror::Error)]
#[error("the client's certificate has no subject alternative name of client_allowed_sans")]
struct NoAllowedName;

impl ClientCertVerifier for WithName {
    fn offer_client_auth(&self) -> bool {
        self.verifier.offer_client_auth()
    }

    fn client_auth_mandatory(&self) -> bool {
        self.verifier.client_auth_mandatory()
    }

    fn root_hint_subjects(&self) -> &[DistinguishedName] {
        self.verifier.root_hint_subjects()
    }

    fn verify_client_cert(
        &self,
        certificate: &CertificateDer<'_>,
        intermediates: &[CertificateDer<'_>],
        now: UnixTime,
    ) -> Result<ClientCertVerified, Error> {
        let verified = self
            .verifier
            .verify_client_cert(certificate, intermediates, now)?;
        let found = alternative_names(certificate).ok_or(CertificateError::BadEncoding)?;
        if found.iter().any(|name| self.names.contains(name)) {
            return Ok(verified);
        }
        let error = OtherError(Arc::new(NoAllowedName));
        Err(CertificateError::Other(error).into())
    }

    fn verify_tls12_signature(
        &self,
        message: &[u8],
        certificate: &CertificateDer<'_>,
        signature: &DigitallySignedStruct,
    ) -> Result<HandshakeSignatureValid, Error> {
        self.verifier
            .verify_tls12_signature(message, certificate, signature)
    }

    fn verify_tls13_signature(
        &self,
        message: &[u8],
        certificate: &CertificateDer<'_>,
        signature: &DigitallySignedStruct,
    ) -> Result<HandshakeSignatureValid, Error> {
        self.verifier
            .verify_tls13_signature(message, certificate, signature)
    }

    fn supported_verify_schemes(&self) -> Vec<SignatureScheme> {
        self.verifier.supported_verify_schemes()
    }
}

/// The names of a certificate, as text; `None` when it cannot be read.
fn alternative_names(certificate: &CertificateDer<'_>) -> Option<Vec<String>> {
    let certificate = Certificate::from_der(certificate).ok()?;
    let extension = certificate
        .tbs_certificate()
        .get_extension::<SubjectAltName>()
        .ok()?;
    let Some((_, SubjectAltName(names))) = extension else {
        return Some(Vec::new());
    };
    let text = |name: &GeneralName| match name {
        GeneralName::DnsName(name)
        | GeneralName::Rfc822Name(name)
        | GeneralName::UniformResourceIdentifier(name) => Some(name.as_str().to_owned()),
        GeneralName::IpAddress(bytes) => {
            let bytes = bytes.as_bytes();
            let address = <[u8; 4]>::try_from(bytes)
                .map(IpAddr::from)
                .or_else(|_| <[u8; 16]>::try_from(bytes).map(IpAddr::from));
            address.ok().map(|address| address.to_string())
        }
        _ => None,
    };
    Some(names.iter().filter_map(text).collect())
}
