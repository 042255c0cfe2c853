//! Certificates and keys, in the web config or in files that it names.

use std::path::Path;

use rustls::pki_types::{CertificateDer, PrivateKeyDer, pem::PemObject as _};

use crate::{
    config::decode::{Decoder, Field, Section},
    web::settings::files::Files,
};

/// PEM that was given, and where.
pub struct Pem<'n> {
    /// Its place in the web config.
    pub field: Field<'n>,
    /// The text.
    pub bytes: Vec<u8>,
    /// How it is called in messages.
    pub source: String,
}

/// PEM in the section itself or in a file, not both; and whether either was given.
pub fn pem<'n>(
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
                    field,
                    bytes,
                    source,
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

/// All certificates of a PEM text, at least one.
pub fn certificates(
    decoder: &mut Decoder<'_>,
    pem: &Pem<'_>,
) -> Option<Vec<CertificateDer<'static>>> {
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

/// The first private key. Errors say nothing of the content.
pub fn private_key(decoder: &mut Decoder<'_>, pem: &Pem<'_>) -> Option<PrivateKeyDer<'static>> {
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
