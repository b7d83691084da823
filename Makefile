# Two commands matter: `make demo` and `make test`. Each installs what it needs.
SHELL := /bin/bash
.SHELLFLAGS := -euo pipefail -c
export CARGO_TERM_COLOR ?= always

# The tests run the daemon with its crash points; a release never has them.
TEST_FEATURES := --features fengsui/crash-points
STAGE := scripts/stage
# The browser tests use the binaries that the other tests were built with.
BUILT := $(abspath $(or $(CARGO_TARGET_DIR),target))/debug

.PHONY: demo test bench night nasty web run fmt lint tools

demo: tools web
	cargo build --release --workspace --bins
	scripts/demo

test:
	@$(STAGE) begin
	@$(STAGE) install       $(MAKE) --no-print-directory tools
	@$(STAGE) build         $(MAKE) --no-print-directory build-for-tests
	@$(STAGE) 'unit, core'  $(MAKE) --no-print-directory test-unit
	@$(STAGE) integration   cargo test --workspace $(TEST_FEATURES) --test '*' -- --test-threads 4
	@$(STAGE) browser       env FENGSUI_BIN=$(BUILT)/fengsui FENGSUI_SIM_BIN=$(BUILT)/fengsui-sim npm --prefix web run e2e
	@$(STAGE) lint          $(MAKE) --no-print-directory lint
	@$(STAGE) end

.PHONY: build-for-tests test-unit
build-for-tests: web
	cargo test --workspace $(TEST_FEATURES) --no-run
	cargo build --workspace $(TEST_FEATURES) --bins

test-unit:
	cargo test --workspace $(TEST_FEATURES) --lib --bins
	npm --prefix web run test

# A fire killed at every hit of every place: about ten minutes. Then five minutes of changed bytes into every decoder.
night: tools web
	FENGSUI_KILL_ALL=1 cargo test --workspace $(TEST_FEATURES) --test it kill
	FENGSUI_FUZZ_SECONDS=300 cargo test --workspace $(TEST_FEATURES) --lib fuzz

# All 20 nasty behaviours of the field on TCP and serial lines through the whole daemon, 82 lines in waves: `make test` runs a part.
nasty: tools
	FENGSUI_NASTY=all cargo test --workspace $(TEST_FEATURES) --test it nasty -- --nocapture

bench: tools
	scripts/bench

web: web/node_modules/.installed
	npm --prefix web run build

web/node_modules/.installed: web/package-lock.json
	npm --prefix web ci --no-audit --no-fund
	touch $@

run: web
	cargo run -- run --config config --data demo/data

fmt:
	cargo fmt --all

lint:
	cargo fmt --all --check
	cargo clippy --workspace --all-targets $(TEST_FEATURES) -- -D warnings

tools: web/node_modules/.installed
	scripts/tools
