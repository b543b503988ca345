# make demo   the main job on the embedded database, verified, then up to explore
# make test   all tests, with the race detector where there is a C compiler; long comparisons once more without
# make test-short  the inner loop: SQLite only, no browser, a part of the long comparisons, no race detector
# make bench  the benchmarks
# make nightly  a million mutated statements for the verifier of the browser and for the oracle; a few hours
# make pages  the styles and scripts of the pages, which are embedded in the binary; needs npm
GO ?= go
# The race detector needs a C compiler; without one the tests still run.
# It has nothing to find in the arithmetic of signatures and passphrases, and would make it ten times slower.
ARITHMETIC = crypto/internal/fips140/edwards25519/... crypto/internal/fips140/nistec/... crypto/internal/fips140/bigmod \
	filippo.io/edwards25519/... filippo.io/mldsa/... github.com/gtank/ristretto255 golang.org/x/crypto/scrypt
RACE ?= $(if $(shell command -v gcc || command -v clang),-race $(ARITHMETIC:%=-gcflags=%=-race=false))

# vet has a target of its own, which CI runs first.
QUICK = -vet=off

.PHONY: first demo test test-short nightly bench build pages pictures vet clean

build: first pages
	$(GO) build -trimpath -ldflags '-s -w' -o bin/ ./cmd/...

# The first build is silent for a while, so it says so before it begins.
first:
	@test -x bin/igledger || { echo "First build: npm fetches the tools of the pages, if it is there; Go fetches the modules and compiles all of them."; \
	echo "This takes one to three minutes on two cores, and prints little meanwhile. Later builds take seconds."; }

demo: build
	bin/igledger demo $(DEMO)

# Without npm every page is there and readable, in a plain style and without scripts.
pages:
	@if command -v npm >/dev/null; then $(MAKE) -s internal/web/ui/dist/design-system.css; \
	else echo "npm is not installed: the pages have the plain style and no scripts (no design system, no check in the browser)"; fi

internal/web/node_modules/.package-lock.json: internal/web/package.json internal/web/package-lock.json
	cd internal/web && npm ci --silent
	@touch $@

internal/web/ui/dist/design-system.css: internal/web/node_modules/.package-lock.json internal/web/build.mjs \
		$(wildcard internal/web/scripts/*.ts internal/web/verifier/*.ts internal/web/paper/*.ts internal/web/officer/*.ts) internal/words/words.txt
	cd internal/web && npm run --silent check && npm run --silent build
	@touch $@

test: pages
	$(GO) test $(QUICK) $(RACE) -timeout 40m ./...
	$(if $(RACE),$(GO) test $(QUICK) -timeout 20m ./verifier)

test-short: pages
	$(GO) test $(QUICK) -short -timeout 10m ./...

nightly: pages
	$(GO) test -tags nightly -run TestContainerBuilds ./cmd/igledger
	IGLEDGER_REQUIRE_ALL=1 IGLEDGER_MUTATIONS=1000000 $(GO) test -timeout 0 -run 'TestBrowserAgreesOnMutations|TestOracleAgreesOnMutations' ./verifier

bench:
	$(GO) test -run '^$$' -bench . -benchtime 3s ./...

# deadcode lists functions that neither a command nor a test reaches.
vet:
	$(GO) vet ./...
	$(GO) tool staticcheck ./...
	@unreached=$$($(GO) tool deadcode -test ./...); test -z "$$unreached" || { echo "$$unreached"; exit 1; }

# pictures of every page for the documents, from the demonstration as it is now
pictures: pages
	rm -rf docs/pictures && mkdir -p docs/pictures
	IGLEDGER_REQUIRE_ALL=1 IGLEDGER_PICTURES="$(CURDIR)/docs/pictures" $(GO) test -count=1 ./internal/web/e2e

clean:
	rm -rf bin
