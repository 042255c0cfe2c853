//! Certificates for TLS tests. Debian package: `openssl`.

#![allow(dead_code, reason = "each test program uses a part of it")]
#![allow(
    clippy::expect_used,
    clippy::panic,
    reason = "what a test needs and does not find fails the test"
)]

use std::{
    path::{Path, PathBuf},
    process::Command,
};

use super::server::{Home, program};

/// A server's certificate for `localhost` and 127.0.0.1, signed by an authority of its own.
pub struct Certificates {
    /// The authority's certificate.
    pub authority: PathBuf,
    /// An authority that signed nothing.
    pub stranger: PathBuf,
    /// The server's certificate.
    pub certificate: PathBuf,
    /// The server's key.
    pub key: PathBuf,
}

impl Certificates {
    /// Makes them in `home`.
    pub fn make(home: &Home) -> Self {
        let folder = home.path();
        let path = |name: &str| folder.join(name);
        for name in ["authority", "stranger"] {
            openssl(
                folder,
                &format!(
                    "req -x509 -newkey ec -pkeyopt ec_paramgen_curve:prime256v1 -nodes -days 2 \
                 -subj /CN={name} -keyout {name}.key -out {name}.pem"
                ),
            );
        }
        openssl(
            folder,
            "req -newkey ec -pkeyopt ec_paramgen_curve:prime256v1 -nodes -subj /CN=localhost \
             -keyout server.key -out server.request",
        );
        std::fs::write(
            path("server.extensions"),
            "subjectAltName=DNS:localhost,IP:127.0.0.1\nbasicConstraints=CA:FALSE\n",
        )
        .expect("a file");
        openssl(
            folder,
            "x509 -req -in server.request -CA authority.pem -CAkey authority.key -CAcreateserial \
             -days 2 -extfile server.extensions -out server.pem",
        );
        home.own(&path("server.key"));
        home.own(&path("server.pem"));
        Self {
            authority: path("authority.pem"),
            stranger: path("stranger.pem"),
            certificate: path("server.pem"),
            key: path("server.key"),
        }
    }
}

fn openssl(folder: &Path, arguments: &str) {
    let output = Command::new(program("openssl", &[], "openssl"))
        .args(arguments.split_whitespace())
        .current_dir(folder)
        .output()
        .expect("openssl runs");
    assert!(
        output.status.success(),
        "openssl {arguments}: {}",
        String::from_utf8_lossy(&output.stderr)
    );
}
