//! Certificates of a web server and its clients. Debian package: `openssl`.

#![allow(dead_code, reason = "each test program uses a part of it")]
#![allow(
    clippy::expect_used,
    clippy::panic,
    reason = "what a test needs and does not find fails the test"
)]

use std::{fs, path::Path, process::Command};

/// Makes `authority.pem`; `server.pem` for `localhost`, 127.0.0.1; `client.pem` for
/// `prometheus.example.org` and other names, both signed by it; `stranger.pem`, signed by itself. Keys
/// end in `.key`.
pub fn make(folder: &Path) {
    for name in ["authority", "stranger"] {
        openssl(
            folder,
            &format!(
                "req -x509 -newkey ec -pkeyopt ec_paramgen_curve:prime256v1 -nodes -days 2 \
                 -subj /CN={name} -keyout {name}.key -out {name}.pem"
            ),
        );
    }
    sign(folder, "server", "DNS:localhost,IP:127.0.0.1", "serverAuth");
    sign(
        folder,
        "client",
        "DNS:prometheus.example.org,IP:192.0.2.1,email:ops@example.org,URI:spiffe://example.org/prometheus",
        "clientAuth",
    );
}

/// Makes a certificate of the authority.
pub fn sign(folder: &Path, name: &str, alternative_names: &str, usage: &str) {
    sign_for(folder, name, alternative_names, usage, 2);
}

/// The same, for so many days from now; one that has expired for less than none.
pub fn sign_for(folder: &Path, name: &str, alternative_names: &str, usage: &str, days: i32) {
    openssl(
        folder,
        &format!(
            "req -newkey ec -pkeyopt ec_paramgen_curve:prime256v1 -nodes -subj /CN={name} \
             -keyout {name}.key -out {name}.request"
        ),
    );
    let extensions = format!(
        "subjectAltName={alternative_names}\nbasicConstraints=CA:FALSE\nextendedKeyUsage={usage}\n"
    );
    fs::write(folder.join("extensions"), extensions).expect("a file");
    openssl(
        folder,
        &format!(
            "x509 -req -in {name}.request -CA authority.pem -CAkey authority.key -CAcreateserial \
             -days {days} -extfile extensions -out {name}.pem"
        ),
    );
}

fn openssl(folder: &Path, arguments: &str) {
    let output = Command::new("openssl")
        .args(arguments.split_whitespace())
        .current_dir(folder)
        .output()
        .expect("openssl (Debian package openssl)");
    assert!(
        output.status.success(),
        "openssl {arguments}: {}",
        String::from_utf8_lossy(&output.stderr)
    );
}
