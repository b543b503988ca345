package webtest

import (
	"net/http"
	"net/http/httptest"
	"os"
	"testing"
)

func TestMain(m *testing.M) { os.Exit(Main(m)) }

// What people would notice is noticed.
func TestBrowser(t *testing.T) {
	mux := http.NewServeMux()
	mux.HandleFunc("GET /{$}", func(w http.ResponseWriter, r *http.Request) {
		w.Header().Set("Content-Type", "text/html; charset=utf-8")
		w.Write([]byte(`<!doctype html><html lang="en"><title>One</title><main><h1>One</h1>` +
			`<form action="/two"><label for="n">Your name</label><input id="n" name="n"><button>Go on</button></form></main></html>`))
	})
	mux.HandleFunc("GET /two", func(w http.ResponseWriter, r *http.Request) {
		w.Header().Set("Content-Type", "text/html; charset=utf-8")
		w.Write([]byte(`<!doctype html><html lang="en"><title>Two</title><main><h1>Hello ` + r.URL.Query().Get("n") + `</h1></main></html>`))
	})
	server := httptest.NewServer(mux)
	defer server.Close()
	p := New(t, How{Width: Phone, NoScript: true})
	p.Open(server.URL)
	p.Accessible()
	p.Fill("Your name", "Morag")
	p.Press("Go on")
	if got := p.Text("h1"); got != "Hello Morag" {
		t.Errorf("the heading is %q", got)
	}
	p.Shot("two")
}
