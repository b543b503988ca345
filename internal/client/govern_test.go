package client

import (
	"fmt"
	"io"
	"net/http"
	"net/http/httptest"
	"slices"
	"strings"
	"testing"

	"github.com/go-json-experiment/json"

	"igledger/ledger/bundle"
	"igledger/ledger/wire"
)

// Lines are openings in log order, null for a public leaf. Anything else from a server is an error,
// never half an answer.
func TestOpenings(t *testing.T) {
	data, _ := json.Marshal(bundle.Opening{Index: 8, TagSalt: wire.Hash{1}, Tag: wire.Hash{2}, JWS: "a.b.c", Disclosures: []string{}})
	one := strings.Replace(string(data), "{", `{"added":"later",`, 1)
	for name, c := range map[string]struct {
		body string
		want []uint64 // indices, 0 for nil
		bad  bool
	}{
		"nothing":             {"", nil, false},
		"public and sealed":   {"null\n" + one + "\nnull\n", []uint64{0, 8, 0}, false},
		"out of order":        {one + "\n", nil, true},
		"cut off":             {"null\n" + one[:40], nil, true},
		"more than a page":    {strings.Repeat("null\n", MaxOpenings+1), nil, true},
		"a page of nothing":   {strings.Repeat("null\n", MaxOpenings), make([]uint64, MaxOpenings), false},
		"an array, not lines": {"[null]\n", nil, true},
	} {
		srv := httptest.NewServer(http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) {
			if r.URL.String() != "/v1/openings?from=7&purpose=HCOMPL" || r.Header.Get("Authorization") != "Bearer t" {
				t.Errorf("asked for %s", r.URL)
			}
			io.WriteString(w, c.body)
		}))
		client := &Client{Base: srv.URL, Purpose: []string{"HCOMPL"}, Token: func() (string, error) { return "t", nil }}
		list, err := client.Openings(t.Context(), 7)
		var got []uint64
		for _, o := range list {
			if o == nil {
				got = append(got, 0)
			} else {
				got = append(got, o.Index)
			}
		}
		if (err != nil) != c.bad || !slices.Equal(got, c.want) {
			t.Errorf("%s: %v, %v", name, got, err)
		}
		srv.Close()
	}
}

// The pages of a report are combined, and equal findings added up. The client stops if the server
// repeats a page.
func TestReportPages(t *testing.T) {
	pages := []string{
		`{"kind":"drift","at":"x","seen":3,"drift":[` +
			`{"agreement":"a","version":1,"organisation":"o","field":"purpose","code":"Y","count":2,"first":4,"last":9},` +
			`{"agreement":"a","version":1,"organisation":"o","field":"purpose","code":"X","count":1,"first":5,"last":5}],"next":10}`,
		`{"kind":"drift","at":"y","seen":2,"drift":[` +
			`{"agreement":"a","version":1,"organisation":"o","field":"purpose","code":"Y","count":5,"first":11,"last":19},` +
			`{"agreement":"a","version":2,"organisation":"o","field":"purpose","code":"Y","count":1,"first":12,"last":12}],"next":20}`,
		`{"kind":"drift","at":"z","seen":1,"next":20}`,
	}
	var asked []string
	srv := httptest.NewServer(http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) {
		body, _ := io.ReadAll(r.Body)
		asked = append(asked, string(body))
		io.WriteString(w, pages[len(asked)-1])
	}))
	defer srv.Close()
	r, err := (&Client{Base: srv.URL, Purpose: []string{"HCOMPL"}}).Report(t.Context(), ReportRequest{Kind: Drift})
	if err != nil {
		t.Fatal(err)
	}
	var got []string
	for _, d := range r.Drift {
		got = append(got, fmt.Sprintf("%s %d %s %d %d-%d", d.Agreement, d.Version, d.Code, d.Count, d.First, d.Last))
	}
	if want := []string{"a 1 X 1 5-5", "a 1 Y 7 4-19", "a 2 Y 1 12-12"}; !slices.Equal(got, want) || r.Seen != 6 || r.Next != 0 {
		t.Errorf("%q, %d seen, next %d", got, r.Seen, r.Next)
	}
	want := []string{
		`{"kind":"drift","purpose":["HCOMPL"]}`,
		`{"kind":"drift","after":10,"purpose":["HCOMPL"]}`,
		`{"kind":"drift","after":20,"purpose":["HCOMPL"]}`,
	}
	if !slices.Equal(asked, want) {
		t.Errorf("asked %q", asked)
	}
}
