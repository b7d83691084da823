# Two commands matter: `make demo` and `make test`. Each installs what it needs.
SHELL := /bin/bash
export CARGO_TERM_COLOR := always

.PHONY: test fmt lint

test:
	cargo fmt --all --check
	cargo clippy --workspace --all-targets -- -D warnings
	cargo test --workspace

fmt:
	cargo fmt --all

lint:
	cargo clippy --workspace --all-targets -- -D warnings
