# make demo   the main job on the embedded database, verified, then up to explore
# make test   all tests, with the race detector where there is a C compiler
# make bench  the benchmarks
GO ?= go
# The race detector needs a C compiler; without one the tests still run.
RACE ?= $(if $(shell command -v gcc || command -v clang),-race)

.PHONY: demo test bench build vet clean

build:
	$(GO) build -trimpath -o bin/ ./cmd/...

demo: build
	bin/igledger demo $(DEMO)

test:
	$(GO) test $(RACE) -timeout 40m ./...

bench:
	$(GO) test -run '^$$' -bench . -benchtime 3s ./...

vet:
	$(GO) vet ./...
	$(GO) tool staticcheck ./...

clean:
	rm -rf bin
