//! The web config: a file in the format of Prometheus' exporter-toolkit.
//!
//! [`load`] reads the file and every file that it names, and collects every problem with its place.
//! Nothing of it is taken from the environment: `promtool check web-config` knows no `${NAME}`.

mod files;
mod http;
mod tls;

use std::{
    fmt,
    path::{Path, PathBuf},
};

use hyper::header::{HeaderName, HeaderValue};

use crate::config::{
    Problem, Secret,
    decode::{Decoder, Field},
    document,
};

pub use files::Fingerprint;
pub use http::RateLimit;
pub use tls::Tls;

use files::Files;

/// The web config cannot be used.
#[derive(Debug, thiserror::Error)]
pub enum Error {
    /// It cannot be read at all.
    #[error("cannot read the web config file {path} (--web.config.file)")]
    Read {
        /// Which file.
        path: PathBuf,
        /// Why.
        #[source]
        source: std::io::Error,
    },
    /// It can be read, but something in it, or in a file that it names, is wrong. Every problem is
    /// told.
    #[error("{}", Listed { path, problems })]
    Invalid {
        /// Which file.
        path: PathBuf,
        /// Everything that is wrong with it, in the order of the file.
        problems: Vec<Problem>,
    },
    /// It is empty where the one in force is not. Who wants none of it writes `{{}}`.
    #[error(
        "the web config file {path} is empty, which would take away TLS and passwords; \
         write {{}} if that is meant"
    )]
    Emptied {
        /// Which file.
        path: PathBuf,
    },
    /// The system gives no random numbers.
    #[error("no random key can be had for the passwords of the web config")]
    Random,
}

struct Listed<'a> {
    path: &'a Path,
    problems: &'a [Problem],
}

impl fmt::Display for Listed<'_> {
    fn fmt(&self, formatter: &mut fmt::Formatter<'_>) -> fmt::Result {
        let path = self.path.display();
        let count = self.problems.len();
        let noun = if count == 1 { "problem" } else { "problems" };
        write!(formatter, "{count} {noun} in the web config file")?;
        for problem in self.problems {
            write!(formatter, "\n  {path}:{problem}")?;
        }
        Ok(())
    }
}

/// What the file says, checked.
#[derive(Default)]
pub struct Settings {
    /// TLS; `None`: plain HTTP.
    pub tls: Option<Tls>,
    /// Headers of every answer.
    pub headers: Vec<(HeaderName, HeaderValue)>,
    /// Names and bcrypt hashes of those who may ask; empty: everybody may.
    pub users: Vec<User>,
    /// How often anybody may ask.
    pub rate_limit: Option<RateLimit>,
    /// Whether the file holds nothing, not even an empty mapping.
    pub is_empty: bool,
}

/// Somebody who may ask.
#[derive(Clone)]
pub struct User {
    /// The name.
    pub name: String,
    /// The bcrypt hash of the password.
    pub hash: Secret,
}

/// What came of reading the file, and which files that were, as they stood before.
pub struct Loaded {
    /// The settings, or what is wrong with them.
    pub outcome: Result<Settings, Error>,
    /// Every file that was read or could not be.
    pub files: Fingerprint,
}

/// Reads and checks the file and those that it names. Blocks.
pub fn load(path: &Path) -> Loaded {
    let folder = path.parent().unwrap_or(Path::new(""));
    let mut files = Files::new(folder);
    let outcome = read(path, &mut files);
    Loaded {
        outcome,
        files: files.into_fingerprint(),
    }
}

fn read(path: &Path, files: &mut Files) -> Result<Settings, Error> {
    // Already joined with its folder.
    let name = path.file_name().map_or(path, Path::new);
    let text = files
        .read(name)
        .and_then(|bytes| String::from_utf8(bytes).map_err(std::io::Error::other))
        .map_err(|source| Error::Read {
            path: path.to_owned(),
            source,
        })?;
    let invalid = |problems| Error::Invalid {
        path: path.to_owned(),
        problems,
    };
    let document = document::parse(&text).map_err(|error| {
        invalid(vec![Problem {
            position: error.position,
            key: String::new(),
            message: error.message,
        }])
    })?;
    let mut decoder = Decoder::literal();
    let settings = decode(&mut decoder, &document, files);
    let problems = decoder.into_problems();
    match settings {
        Some(settings) if problems.is_empty() => Ok(Settings {
            is_empty: text
                .lines()
                .all(|line| line.trim().is_empty() || line.trim_start().starts_with('#')),
            ..settings
        }),
        _ => Err(invalid(problems)),
    }
}

fn decode(
    decoder: &mut Decoder<'_>,
    document: &document::Node,
    files: &mut Files,
) -> Option<Settings> {
    let mut root = decoder.section(&Field {
        key: String::new(),
        node: document,
    })?;
    let tls = root.take("tls_server_config");
    let http = root.take("http_server_config");
    let users = root.take("basic_auth_users");
    let rate_limit = root.take("rate_limit");
    decoder.finish(root);
    let (http2, headers) = http::server(decoder, http.as_ref(), tls.is_some());
    let tls = tls.and_then(|field| tls::server(decoder, &field, http2, files));
    Some(Settings {
        tls,
        headers,
        users: http::users(decoder, users.as_ref()),
        rate_limit: http::rate_limit(decoder, rate_limit.as_ref()),
        is_empty: false,
    })
}
