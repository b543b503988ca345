# make demo   the main job on the embedded database, verified, then up to explore
# make test   all tests, with the race detector where there is a C compiler
# make bench  the benchmarks
# make web    bin/web: the page on which a citizen checks a statement, to be served by any web server
GO ?= go
# The race detector needs a C compiler; without one the tests still run.
RACE ?= $(if $(shell command -v gcc || command -v clang),-race)

.PHONY: demo test bench build web vet clean

build:
	$(GO) build -trimpath -ldflags '-s -w' -o bin/ ./cmd/...

demo: build
	bin/igledger demo $(DEMO)

# wasm_exec.js belongs to the Go version that compiled the program.
web:
	mkdir -p bin/web
	cp internal/web/page/index.html internal/web/page/app.js internal/web/page/style.css "$$($(GO) env GOROOT)/lib/wasm/wasm_exec.js" bin/web/
	GOOS=js GOARCH=wasm $(GO) build -trimpath -ldflags '-s -w' -o bin/web/igverify.wasm ./cmd/igverify-wasm
	chmod 644 bin/web/*

test:
	$(GO) test $(RACE) -timeout 40m ./...

bench:
	$(GO) test -run '^$$' -bench . -benchtime 3s ./...

# deadcode lists functions that neither a command nor a test reaches.
vet:
	$(GO) vet ./...
	$(GO) tool staticcheck ./...
	@unreached=$$($(GO) tool deadcode -test ./...); test -z "$$unreached" || { echo "$$unreached"; exit 1; }

clean:
	rm -rf bin
