# make demo   the main job on the embedded database, verified, then up to explore
# make test   all tests, with the race detector
# make bench  the benchmarks
GO ?= go

.PHONY: demo test bench build vet clean

build:
	$(GO) build -trimpath -o bin/ ./cmd/...

demo: build
	bin/igledger demo $(DEMO)

test:
	$(GO) test -race -timeout 40m ./...

bench:
	$(GO) test -run '^$$' -bench . -benchtime 3s ./...

vet:
	$(GO) vet ./...
	$(GO) tool staticcheck ./...

clean:
	rm -rf bin
