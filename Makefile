# The commands of the project. CI runs `make ci` and nothing else.

CARGO ?= cargo

.PHONY: demo test test-catalogs ci setup fmt clippy deny docs demo-exit golden bench bench-short bench-setup bench-dashboard compare-sharp fuzz fuzz-ci mutate mutate-ci conformance \
	contact-sheet memory release render deb setup-build

## demo: build, and show private images end to end on a throwaway data folder
demo: setup-build
	$(CARGO) run --release --locked -- demo

## test: every test, and then those of the catalog and the API once more with the catalog in PostgreSQL
test: setup
	scripts/postgres $(MAKE) --no-print-directory test-catalogs

test-catalogs:
	$(CARGO) test --workspace --locked
	SAFELIGHT_TEST_CATALOG=postgres $(CARGO) test --locked -p safelight-catalog -p safelight --lib --test api

## ci: everything that must pass before a change lands
ci: setup fmt clippy test fuzz-ci demo-exit mutate-ci docs deny

## setup: what building and testing need beyond Rust, gcc, make and Python
setup:
	@scripts/setup build test

setup-build:
	@scripts/setup build

fmt:
	$(CARGO) fmt --all --check

clippy:
	$(CARGO) clippy --workspace --all-targets --locked -- -D warnings

docs:
	RUSTDOCFLAGS="-D warnings" $(CARGO) doc --workspace --no-deps --locked

deny:
	@scripts/setup deny
	$(CARGO) deny --locked check bans licenses sources

demo-exit:
	$(CARGO) run --release --locked -- demo --exit

## golden: rewrite the expected pixels of the engine's tests, for a commit of their own
golden:
	GOLDEN=write $(CARGO) test -p safelight-pixels --test golden --locked

## bench: beside sharp, ipx, thumbor, oximg, libvips and nginx, into bench/RESULTS.md; takes 25 minutes, and a quiet machine
bench: bench-setup
	bench/run --write

## bench-short: the same in a few rounds on one picture, to see that all works
bench-short: bench-setup
	bench/run --short

bench-setup:
	@scripts/setup build bench
	$(CARGO) build --release --locked
	$(CARGO) build --release --locked -p safelight-pixels --example score --example sample

## bench-dashboard: how long the dashboard's page of images takes among 100,000
bench-dashboard: release
	@scripts/setup test
	scripts/bench-dashboard

## compare-sharp: sizes and looks of every fit and option beside sharp; takes minutes, and needs npm
compare-sharp:
	@scripts/setup build test
	scripts/compare-sharp

## fuzz: every target under libFuzzer, FUZZ_SECONDS each (600); goes on from the corpora of the last run
fuzz:
	@scripts/setup build fuzz
	scripts/fuzz

## fuzz-ci: every target over its seeds and FUZZ_ROUNDS mutations of them, the same each time
fuzz-ci: setup-build
	FUZZ_ROUNDS=$${FUZZ_ROUNDS:-30000} $(CARGO) test -p safelight-fuzzing --locked

## mutate: 200 broken copies of every picture against the real server; goes on where it stopped
mutate: release
	scripts/mutate

## mutate-ci: two minutes of it, in the same order each time
mutate-ci: release
	scripts/mutate --seconds 120

## conformance: every picture beside other decoders, and every option beside its rule
conformance: render
	scripts/conformance

## contact-sheet: every option on one photograph, in target/contact-sheet
contact-sheet: render
	scripts/contact-sheet

## memory: the most memory of worker and server, for large and for hostile files
memory: release
	@scripts/setup compare
	scripts/memory

## deb: a Debian package of the program, with its unit, pages and completions, in target/debian
deb: release
	@scripts/setup deb
	scripts/deb

release: setup-build
	$(CARGO) build --release --locked

render: setup-build
	@scripts/setup compare
	$(CARGO) build --release --locked -p safelight-pixels --example render
