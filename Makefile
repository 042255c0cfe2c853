.PHONY: test demo bench

# Everything that must hold: formats, lints, unit, integration, fault and end-to-end tests.
test:
	@scripts/test

# The exporter on a simulated Help Scout and an embedded database: http://localhost:10473/
demo:
	cargo run --release --locked -- demo

# Micro-benchmarks, then the release binary beside a bare hyper server.
bench:
	@scripts/bench
