# The commands of the project. CI runs `make ci` and nothing else.

CARGO ?= cargo

.PHONY: demo test ci setup fmt clippy deny docs demo-exit golden bench compare-sharp

## demo: build, and show private images end to end on a throwaway data folder
demo: setup-build
	$(CARGO) run --release --locked -- demo

## test: every test
test: setup
	$(CARGO) test --workspace --locked

## ci: everything that must pass before a change lands
ci: setup fmt clippy test demo-exit docs deny

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

## bench: requests a second for a cached signed image, beside nginx with secure_link
bench:
	@scripts/setup build bench
	$(CARGO) build --release --locked
	scripts/bench-delivery

## compare-sharp: sizes and looks of every fit and option beside sharp; takes minutes, and needs npm
compare-sharp:
	@scripts/setup build test
	scripts/compare-sharp
