package api

import (
	"crypto/sha256"
	"encoding/json"
	"io"
	"net/http"
	"net/http/httptest"
	"net/url"
	"strings"
	"testing"

	"igledger/internal/client"
	"igledger/ledger/entry"
	"igledger/policies"
)

// What the AuthZEN working group certifies of a decision point at the levels Basic, Batch and
// Discovery, against a live server over TLS. The checks are ours, in the order of its scenario.
//
// The scenario's fixture is played by a log: alice and bob are staff of the organisation that holds
// two records. The person of the first one refuses bob to change it. Archived data and soft
// deletion are categories of data, the property that this ledger looks at, since it knows no other
// properties of records and actions. An administrator is a role. Levels that search are not served.

// certified is a server with the fixture, and what a caller needs to ask it.
type certified struct {
	*board
	server *httptest.Server
	auth   string
}

const (
	archived = `"data":["urn:example:status|archived"]`
	soft     = `"data":["urn:example:delete|soft"]`
	record1  = `"resource":{"type":"record","id":"temp:SRC:record-1"}`
	record2  = `"resource":{"type":"record","id":"temp:SRC:record-2","properties":{` + archived + `}}`
	alice    = `"subject":{"type":"user","id":"alice"}`
	bob      = `"subject":{"type":"user","id":"bob"}`
	admin    = `"subject":{"type":"user","id":"bob","properties":{"role":"admin"}}`
	reads    = `"action":{"name":"read"}`
	writes   = `"action":{"name":"write"}`
	deletes  = `"action":{"name":"delete"}`
)

func newCertified(t *testing.T) *certified {
	c := &certified{board: newBoard(t)}
	set := policies.BuiltIn().Text()
	const needsPurpose = `when { context.purposes.isEmpty() };`
	if strings.Count(set, needsPurpose) != 1 {
		t.Fatal("the built-in set has another rule about purposes")
	}
	set = strings.Replace(set, needsPurpose, `when { context.purposes.isEmpty() && context.named };`, 1) + `
@id("archived") @plain("Archived records are changed by administrators only.")
forbid (principal, action, resource)
when { context.action == "U" && context.data.contains("urn:example:status|archived") && !context.roles.contains("admin") };

@id("hard-delete") @plain("Nothing is deleted for good.")
forbid (principal, action, resource)
when { context.action == "D" && !context.data.contains("urn:example:delete|soft") };
`
	c.append(c.registrar, &entry.PolicySet{Common: common("REG"), Version: 1, Schema: entry.SchemaV1,
		Text: set, Hash: sha256.Sum256([]byte(set)), Reason: "the fixture of the certification"})
	c.choose("temp:SRC:record-1", &entry.ConsentRule{Decision: "deny", Restricts: true, Staff: []string{"bob"}, Actions: []string{"U"}})
	s := httptest.NewUnstartedServer(nil)
	s.Config.Handler = New(Config{Log: c.log, Logger: c.logger(), PublicURL: "https://" + s.Listener.Addr().String()})
	s.StartTLS()
	t.Cleanup(s.Close)
	c.server, c.auth = s, "Bearer "+c.token(c.submit["SRC"], "SRC")
	return c
}

// ask sends a body as JSON, with a token and further headers.
func (c *certified) ask(method, path, body string, header ...string) (*http.Response, []byte) {
	c.Helper()
	req, err := http.NewRequestWithContext(c.Context(), method, c.server.URL+path, strings.NewReader(body))
	c.ok(err)
	req.Header.Set("Authorization", c.auth)
	req.Header.Set("Content-Type", "application/json")
	for i := 0; i < len(header); i += 2 {
		req.Header.Set(header[i], header[i+1])
	}
	resp, err := c.server.Client().Do(req)
	c.ok(err)
	defer resp.Body.Close()
	got, err := io.ReadAll(resp.Body)
	c.ok(err)
	return resp, got
}

// decisions returns the decisions of an answer, each of which must be there and a boolean.
func (c *certified) decisions(body []byte) (list []bool) {
	c.Helper()
	var one struct {
		Decision    *bool
		Context     map[string]any
		Evaluations []struct {
			Decision *bool
			Context  map[string]any
		}
	}
	c.ok(json.Unmarshal(body, &one))
	if one.Evaluations == nil {
		if one.Decision == nil {
			c.Fatalf("no decision: %s", body)
		}
		return []bool{*one.Decision}
	}
	for _, e := range one.Evaluations {
		if e.Decision == nil {
			c.Fatalf("no decision: %s", body)
		}
		list = append(list, *e.Decision)
	}
	return list
}

func TestCertificationBasic(t *testing.T) {
	c := newCertified(t)
	const path = "/access/v1/evaluation"
	for name, q := range map[string]struct {
		body string
		want bool
	}{
		"rule 1": {`{` + alice + `,` + reads + `,` + record1 + `}`, true},
		"rule 2": {`{` + alice + `,` + writes + `,` + record1 + `}`, true},
		"rule 3": {`{` + bob + `,` + reads + `,` + record1 + `}`, true},
		"rule 4": {`{` + bob + `,` + writes + `,` + record1 + `}`, false},
		"rule 5": {`{` + alice + `,` + writes + `,` + record2 + `}`, false},
		"rule 6": {`{` + admin + `,` + writes + `,` + record2 + `}`, true},
		"rule 7": {`{` + alice + `,` + deletes + `,"resource":{"type":"record","id":"temp:SRC:record-1","properties":{` + soft + `}}}`, true},
		"rule 8": {`{` + alice + `,` + deletes + `,` + record1 + `}`, false},
		"context": {`{` + alice + `,` + reads + `,` + record1 +
			`,"context":{"time":"2026-06-27T18:03-07:00","ip":"192.0.2.1"}}`, true},
		"more properties": {`{"subject":{"type":"user","id":"alice","properties":{"department":"Sales","role":"manager"}},` +
			`"action":{"name":"read","properties":{"method":"GET"}},` +
			`"resource":{"type":"record","id":"temp:SRC:record-1","properties":{"status":"active","owner":"bob"}}}`, true},
		"unknown members":  {`{` + alice + `,` + reads + `,` + record1 + `,"foo":"bar","futureField":{"nested":true}}`, true},
		"unknown subject":  {`{"subject":{"type":"spaceship","id":"alice"},` + reads + `,` + record1 + `}`, false},
		"unknown action":   {`{` + alice + `,"action":{"name":"approve"},` + record1 + `}`, false},
		"unknown resource": {`{` + alice + `,` + reads + `,"resource":{"type":"todo","id":"temp:SRC:record-1"}}`, false},
		"unknown resource with properties of its own": {`{` + alice + `,` + reads +
			`,"resource":{"type":"todo","id":"1","properties":{"data":{"title":"x"},"holder":7}},"context":{"log":"debug"}}`, false},
		"unknown subject with properties of its own": {`{"subject":{"type":"identity","id":"x","properties":{"role":{"name":"y"}}},` +
			reads + `,` + record1 + `}`, false},
		"unknown resource id": {`{` + alice + `,` + reads + `,"resource":{"type":"record","id":"record-1"}}`, false},
	} {
		for range 2 { // the same question has the same answer
			resp, body := c.ask("POST", path, q.body)
			if resp.StatusCode != 200 || resp.Header.Get("Content-Type") != "application/json" || c.decisions(body)[0] != q.want {
				t.Errorf("%s: %d %s", name, resp.StatusCode, body)
			}
			if strings.HasPrefix(name, "unknown ") && !q.want && !strings.Contains(string(body), `"reasons":[{"id":"unknown-`) {
				t.Errorf("%s has no reason: %s", name, body)
			}
		}
	}
	for name, body := range map[string]string{
		"no subject":             `{` + reads + `,` + record1 + `}`,
		"no action":              `{` + alice + `,` + record1 + `}`,
		"no resource":            `{` + alice + `,` + reads + `}`,
		"no subject type":        `{"subject":{"id":"alice"},` + reads + `,` + record1 + `}`,
		"no subject id":          `{"subject":{"type":"user"},` + reads + `,` + record1 + `}`,
		"no action name":         `{` + alice + `,"action":{},` + record1 + `}`,
		"no resource type":       `{` + alice + `,` + reads + `,"resource":{"id":"temp:SRC:record-1"}}`,
		"no resource id":         `{` + alice + `,` + reads + `,"resource":{"type":"record"}}`,
		"subject is a text":      `{"subject":"alice",` + reads + `,` + record1 + `}`,
		"known, with wrong data": `{` + alice + `,` + reads + `,"resource":{"type":"record","id":"temp:SRC:record-1","properties":{"data":{}}}}`,
		"unknown, and no id":     `{` + alice + `,` + reads + `,"resource":{"type":"todo","properties":{"data":{}}}}`,
		"action is a number":     `{` + alice + `,"action":{"name":123},` + record1 + `}`,
		"not JSON":               `{` + alice,
		"nothing":                ``,
	} {
		if resp, body := c.ask("POST", path, body, "X-Request-ID", "b-1"); resp.StatusCode != 400 || resp.Header.Get("X-Request-ID") != "b-1" {
			t.Errorf("%s: %d %s", name, resp.StatusCode, body)
		}
	}
	if resp, body := c.ask("POST", path, `{`+alice+`,`+reads+`,`+record1+`}`, "Content-Type", "text/plain"); resp.StatusCode != 400 {
		t.Errorf("another type: %d %s", resp.StatusCode, body)
	}
	long := strings.Repeat("bfe9eb29-ab87-4ca3-be83-", 100)
	for _, id := range []string{"", "bfe9eb29-ab87-4ca3-be83-a1d5d8305716", long} {
		resp, body := c.ask("POST", path, `{`+alice+`,`+reads+`,`+record1+`}`, "X-Request-ID", id)
		if resp.StatusCode != 200 || resp.Header.Get("X-Request-ID") != id {
			t.Errorf("the id %q comes back as %q: %d %s", id, resp.Header.Get("X-Request-ID"), resp.StatusCode, body)
		}
	}
}

func TestCertificationBatch(t *testing.T) {
	c := newCertified(t)
	const path = "/access/v1/evaluations"
	for name, q := range map[string]struct {
		body string
		want []bool
	}{
		"list":           {`{` + alice + `,` + reads + `,"evaluations":[{` + record1 + `},{` + record2 + `}]}`, []bool{true, true}},
		"decisions":      {`{` + bob + `,` + record1 + `,"evaluations":[{` + reads + `},{` + writes + `}]}`, []bool{true, false}},
		"properties":     {`{` + alice + `,` + writes + `,"evaluations":[{` + record1 + `},{` + record2 + `}]}`, []bool{true, false}},
		"their subjects": {`{` + writes + `,` + record2 + `,"evaluations":[{` + alice + `},{` + admin + `}]}`, []bool{false, true}},
		"no defaults": {
			`{"evaluations":[{` + alice + `,` + reads + `,` + record1 + `},{` + bob + `,` + writes + `,` + record1 + `}]}`,
			[]bool{true, false},
		},
		"context": {
			`{` + alice + `,` + reads + `,"context":{"time":"x"},"evaluations":[{` + record1 + `},{` + record2 + `,"context":{"source":"y"}}]}`,
			[]bool{true, true},
		},
		"defaults": {`{` + alice + `,` + writes + `,` + record1 + `,"evaluations":[{},{` + record2 + `}]}`, []bool{true, false}},
		"one is not whole": {
			`{` + alice + `,` + reads + `,"options":{"evaluations_semantic":"execute_all"},"evaluations":[{` + record1 + `},{}]}`,
			[]bool{true, false},
		},
		"one is malformed": {`{` + alice + `,` + reads + `,` + record1 + `,"evaluations":[{"subject":"alice"},{"action":{"name":7}},null,3,[],{}]}`,
			[]bool{false, false, false, false, false, true}},
		"one is not the caller's": {`{` + alice + `,` + reads + `,` + record1 + `,"evaluations":[{"subject":{"type":"user","id":"x","properties":{"organisation":"CTL"}},` +
			`"resource":{"type":"record","id":"temp:SRC:1","properties":{"holder":"OTH"}}},{}]}`, []bool{false, true}},
		"one is unknown, with properties": {`{` + alice + `,` + reads +
			`,"evaluations":[{"resource":{"type":"todo","id":"1","properties":{"data":7}}},{` + record1 + `}]}`, []bool{false, true}},
		"one is unknown": {
			`{` + alice + `,` + reads + `,"evaluations":[{"resource":{"type":"todo","id":"1"}},{` + record1 + `}]}`,
			[]bool{false, true},
		},
		"no list":       {`{` + alice + `,` + reads + `,` + record1 + `}`, []bool{true}},
		"an empty list": {`{` + alice + `,` + reads + `,` + record1 + `,"evaluations":[]}`, []bool{true}},
	} {
		resp, body := c.ask("POST", path, q.body, "X-Request-ID", "b-2")
		if resp.StatusCode != 200 || resp.Header.Get("Content-Type") != "application/json" || resp.Header.Get("X-Request-ID") != "b-2" {
			t.Errorf("%s: %d %s", name, resp.StatusCode, body)
			continue
		}
		got := c.decisions(body)
		if len(got) != len(q.want) {
			t.Errorf("%s: %v, want %v", name, got, q.want)
			continue
		}
		for i := range got {
			if got[i] != q.want[i] {
				t.Errorf("%s: %v, want %v: %s", name, got, q.want, body)
				break
			}
		}
	}
	for name, body := range map[string]string{
		"not JSON": `{"evaluations":[`, "nothing": ``, "not a list": `{"evaluations":{}}`, "not whole": `{` + alice + `}`,
	} {
		if resp, got := c.ask("POST", path, body); resp.StatusCode != 400 {
			t.Errorf("%s: %d %s", name, resp.StatusCode, got)
		}
	}
}

// Nothing is announced that is not served, and searching is not.
func TestCertificationDiscovery(t *testing.T) {
	c := newCertified(t)
	resp, body := c.ask("GET", "/.well-known/authzen-configuration", "", "X-Request-ID", "b-3")
	var p client.PDP
	c.ok(json.Unmarshal(body, &p))
	if resp.StatusCode != 200 || resp.Header.Get("Content-Type") != "application/json" || p.PolicyDecisionPoint != c.server.URL ||
		resp.Header.Get("X-Request-ID") != "b-3" {
		t.Errorf("%d %s", resp.StatusCode, body)
	}
	for _, text := range []string{p.PolicyDecisionPoint, p.Evaluation, p.Evaluations} {
		if u, err := url.Parse(text); err != nil || u.Scheme != "https" || u.Host == "" || u.RawQuery != "" || u.Fragment != "" {
			t.Errorf("announces %q", text)
		}
	}
	path, _ := strings.CutPrefix(p.Evaluation, c.server.URL)
	if resp, body := c.ask("POST", path, `{`+alice+`,`+reads+`,`+record1+`}`); resp.StatusCode != 200 || !c.decisions(body)[0] {
		t.Errorf("where it says: %d %s", resp.StatusCode, body)
	}
	if strings.Contains(string(body), "search") {
		t.Errorf("a search is announced: %s", body)
	}
	for _, what := range []string{"subject", "resource", "action"} {
		if resp, body := c.ask("POST", "/access/v1/search/"+what, `{`+alice+`,`+reads+`,`+record1+`}`); resp.StatusCode != 404 {
			t.Errorf("searching for a %s: %d %s", what, resp.StatusCode, body)
		}
	}
}

// Only a URL that is safe to ask is announced.
func TestPublicURL(t *testing.T) {
	b := newBoard(t)
	for base, want := range map[string]int{
		"https://ledger.example.scot": 200, "https://ledger.example.scot/": 200, "https://ledger.example.scot:8443/a/pdp": 200,
		"http://127.0.0.1:8080": 200, "http://[::1]:8080": 200, "http://localhost": 200,
		"": 404, "http://ledger.example.scot": 404, "http://192.0.2.1": 404, "http://127.0.0.1.example": 404,
		"https://": 404, "https://a@ledger.example.scot": 404, "https://ledger.example.scot?x": 404, "https://ledger.example.scot#x": 404,
		"ftp://127.0.0.1": 404, "ledger.example.scot": 404,
	} {
		rec := httptest.NewRecorder()
		path := "/.well-known/authzen-configuration"
		if strings.HasSuffix(base, "/a/pdp") {
			path += "/a/pdp"
		}
		New(Config{Log: b.log, PublicURL: base}).ServeHTTP(rec, httptest.NewRequest("GET", path, nil))
		if rec.Code != want || (CheckPublicURL(base) == nil) != (want == 200) {
			t.Errorf("%q: %d", base, rec.Code)
		}
	}
}
