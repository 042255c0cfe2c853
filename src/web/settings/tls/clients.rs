//! What clients have to show: `client_auth_type`, `client_ca_file`, `client_allowed_sans`.

use std::sync::Arc;

use rustls::{
    RootCertStore,
    crypto::CryptoProvider,
    server::{WebPkiClientVerifier, danger::ClientCertVerifier},
};

use super::pem::{Pem, certificates, pem};
use crate::{
    config::decode::{Decoder, Section},
    web::{
        client_certificate::{AnyCertificate, WithName},
        settings::files::Files,
    },
};

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

/// The keys about clients.
pub struct Clients<'n> {
    /// Who signs their certificates.
    pub authority: Option<Pem<'n>>,
    auth: Option<ClientAuth>,
    names: Option<Vec<String>>,
}

impl<'n> Clients<'n> {
    /// Decodes the keys, and notes which do not go together.
    pub fn decode(decoder: &mut Decoder<'_>, section: &mut Section<'n>, files: &mut Files) -> Self {
        let names = ("client_ca", "client_ca_file");
        let (authority_given, authority) = pem(decoder, section, names, false, files);
        let auth_field = section.take("client_auth_type");
        let auth = match &auth_field {
            Some(field) => decoder.choice(field, &ClientAuth::NAMES),
            None => Some(ClientAuth::None),
        };
        let names_field = section.take("client_allowed_sans");
        let names = names_field.as_ref().map(|field| {
            let items = decoder.items(field);
            let texts = items.iter().filter_map(|item| decoder.text(item));
            texts.map(|text| text.value).collect()
        });
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
        Self {
            authority,
            auth,
            names,
        }
    }

    /// All that the verifier depends on but the authority, as text.
    pub fn choices(&self) -> String {
        format!("{:?} {:?}", self.auth, self.names)
    }

    /// Who looks at the clients' certificates.
    pub fn verifier(
        &self,
        decoder: &mut Decoder<'_>,
        provider: &Arc<CryptoProvider>,
    ) -> Option<Arc<dyn ClientCertVerifier>> {
        let auth = self.auth?;
        let verifier: Arc<dyn ClientCertVerifier> = match auth {
            ClientAuth::None => WebPkiClientVerifier::no_client_auth(),
            ClientAuth::Request | ClientAuth::RequireAny => {
                // As in the toolkit, the authority only tells clients which certificate to send.
                let hints = match &self.authority {
                    Some(pem) => roots(decoder, pem)?.subjects(),
                    None => Vec::new(),
                };
                let algorithms = provider.signature_verification_algorithms;
                Arc::new(AnyCertificate::new(algorithms, auth.requires(), hints))
            }
            ClientAuth::VerifyIfGiven | ClientAuth::RequireAndVerify => {
                let pem = self.authority.as_ref()?;
                let roots = Arc::new(roots(decoder, pem)?);
                let builder =
                    WebPkiClientVerifier::builder_with_provider(roots, Arc::clone(provider));
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
        Some(match &self.names {
            Some(names) => Arc::new(WithName::new(verifier, names.clone())),
            None => verifier,
        })
    }
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
