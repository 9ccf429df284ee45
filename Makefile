# Two commands on a fresh machine with the Rust toolchain: `make play`, `make test`.
# Each first puts the system packages in place that it needs (tests/setup/packages.sh).
#
#   make play ARGS="my.toml --record take.wav"

ARGS ?=
PACKAGES = sh tests/setup/packages.sh

.PHONY: play test test-lab test-deep bench bench-peers bench-instructions lint

play:
	@$(PACKAGES) play
	cargo run --locked --release -- play $(ARGS)

# Units, renders, real servers: at most ten minutes warm.
test:
	@$(PACKAGES) test
	@bash tests/setup/fast

# The release binary inside an emulated PC with a sound card and a USB-MIDI keyboard.
test-lab:
	@$(PACKAGES) lab
	@bash tests/lab/run

# Instructions counted, Miri, sanitizers, loom, a minute of fuzzing each; as far as the tools are there.
test-deep:
	@$(PACKAGES) deep
	@bash tests/deep/run

bench:
	@$(PACKAGES) play
	cargo bench --locked $(ARGS)

# The same jobs by Antiphon and by others, in turn: offline synthesis, then messages and queues.
bench-peers:
	@$(PACKAGES) play
	cargo build --locked --release
	python3 benches/peers/offline.py $(ARGS)
	cargo run --release --locked --manifest-path benches/peers/Cargo.toml

# Instructions of the hot paths against those kept; ARGS=--renew keeps new ones.
bench-instructions:
	@$(PACKAGES) deep
	@ANTIPHON_INSTRUCTIONS=$(or $(ARGS),--compare) bash tests/deep/run instructions

lint:
	@$(PACKAGES) play
	cargo fmt --check
	cargo clippy --locked --all-targets -- -D warnings
	RUSTDOCFLAGS="-D warnings" cargo doc --locked --no-deps --document-private-items
