//! Versions, cipher suites and curves: what the operator chose of what rustls offers.

use rustls::{
    CipherSuite, NamedGroup, SupportedProtocolVersion,
    crypto::{CryptoProvider, ring},
    version::{TLS12, TLS13},
};

use crate::config::{
    decode::{Decoder, Field, Section},
    suggestion,
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

/// What rustls offers, cut down to what `cipher_suites` and `curve_preferences` name.
pub fn provider(
    decoder: &mut Decoder<'_>,
    section: &mut Section<'_>,
    versions: Option<&[&SupportedProtocolVersion]>,
) -> Option<CryptoProvider> {
    let mut provider = ring::default_provider();
    let mut is_good = true;
    if let Some(field) = section.take("cipher_suites") {
        let wanted = offered(decoder, &field, &CIPHER_SUITES, "cipher suite");
        is_good &= wanted
            .is_some_and(|wanted| choose_suites(decoder, &field, &mut provider, &wanted, versions));
    }
    if let Some(field) = section.take("curve_preferences") {
        let wanted = offered(decoder, &field, &CURVES, "curve");
        is_good &= wanted.is_some();
        choose_curves(&mut provider, &wanted.unwrap_or_default());
    }
    is_good.then_some(provider)
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
    versions: Option<&[&SupportedProtocolVersion]>,
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
    let needs_old = versions.is_some_and(|versions| versions.contains(&&TLS12));
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
pub fn versions(
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
