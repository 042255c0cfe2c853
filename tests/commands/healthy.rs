//! `healthy` asks the running program, over whatever it serves.

use std::fs;

use crate::common::{
    exporter::{Ended, Exporter, run},
    web_certificates,
};

fn healthy(address: &str, more: &[&str]) -> Ended {
    let listen = format!("--web.listen-address={address}");
    run(&[&["healthy", &listen], more].concat(), &[])
}

#[test]
fn a_running_exporter_is_healthy_and_a_stopped_one_is_not() {
    let exporter = Exporter::start(&["demo", "--web.route-prefix=/rate"], &[]);
    let address = exporter.address().to_owned();
    let yes = healthy(&address, &["--web.route-prefix=/rate"]);
    assert_eq!(yes.code, Some(0), "{}", yes.output);
    assert_eq!(yes.output, "");
    let elsewhere = healthy(&address, &[]);
    assert_eq!(elsewhere.code, Some(1));
    assert!(elsewhere.output.contains("404"), "{}", elsewhere.output);
    assert!(
        elsewhere.output.contains("--web.route-prefix"),
        "{}",
        elsewhere.output
    );
    exporter.signal("TERM");
    assert_eq!(exporter.ended().code, Some(0));
    let no = healthy(&address, &[]);
    assert_eq!(no.code, Some(1));
    assert!(no.output.contains("no answer from"), "{}", no.output);
}

#[test]
fn https_is_asked_with_and_without_client_certificates() {
    let folder = tempfile::tempdir().unwrap();
    web_certificates::make(folder.path());
    let certificate = "tls_server_config: {cert_file: server.pem, key_file: server.key";
    for more in [
        "}",
        ", client_auth_type: RequireAndVerifyClientCert, client_ca_file: authority.pem}",
        ", client_auth_type: RequireAndVerifyClientCert, client_ca_file: authority.pem, max_version: TLS12}",
    ] {
        let path = folder.path().join("web.yml");
        fs::write(&path, format!("{certificate}{more}\n")).unwrap();
        let web = format!("--web.config.file={}", path.display());
        let exporter = Exporter::start(&["demo", &web], &[]);
        let answer = healthy(exporter.address(), &[]);
        assert_eq!(answer.code, Some(0), "{more}: {}", answer.output);
    }
}

#[test]
fn without_a_port_nothing_can_be_asked() {
    let ended = healthy(":0", &[]);
    assert_eq!(ended.code, Some(1));
    assert!(ended.output.contains("has no port"), "{}", ended.output);
}
