.PHONY: test demo bench deny

# Everything that must hold: formats, lints, unit, integration, fault and end-to-end tests.
test:
	@scripts/test

# The exporter on a simulated Help Scout and an embedded database: http://localhost:10473/
demo:
	cargo run --release --locked -- demo

# Licences, bans, sources and known vulnerabilities of all dependencies, before a release. Needs the network and
# cargo-deny (cargo install --locked cargo-deny). `make test` holds all but the vulnerabilities without it.
deny:
	cargo deny check

# Micro-benchmarks, then the release binary beside a bare hyper server.
bench:
	@scripts/bench
