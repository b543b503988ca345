package source_test

import (
	"encoding/json"
	"fmt"
	"io"
	"net/http"
	"net/http/httptest"
	"strings"
	"sync/atomic"
	"testing"

	"igledger/consent/fhir/mapping"
)

const (
	mrn = "https://board.example/id/mrn"
	chi = "urn:oid:2.16.840.1.113883.2.1.3.2.4.16.53"
)

// patientServer is a small FHIR server with patients by local number, each a Patient resource.
type patientServer struct {
	*httptest.Server
	asked atomic.Int32
}

func newPatientServer(t *testing.T, status int, patients map[string][]string, grade string) *patientServer {
	s := &patientServer{}
	s.Server = httptest.NewServer(http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) {
		s.asked.Add(1)
		if strings.Contains(r.URL.String(), "MRN") || r.Header.Get("Authorization") != "Bearer key" || r.Method != http.MethodPost {
			t.Errorf("%s %s", r.Method, r.URL)
		}
		number := ""
		switch r.URL.Path {
		case "/fhir/Patient/_search":
			number = strings.TrimPrefix(r.PostFormValue("identifier"), mrn+"|")
		case "/fhir/Patient/$match":
			body, _ := io.ReadAll(r.Body)
			var q struct {
				Parameter []struct {
					Resource struct {
						Identifier []struct{ System, Value string }
					}
				}
			}
			if err := json.Unmarshal(body, &q); err != nil || !strings.Contains(string(body), `"onlyCertainMatches","valueBoolean":true`) {
				t.Errorf("asked %s, %v", body, err)
			}
			number = q.Parameter[0].Resource.Identifier[0].Value
		}
		w.WriteHeader(status)
		var entries []string
		for _, p := range patients[number] {
			entries = append(entries, fmt.Sprintf(`{"resource":%s,"search":{"mode":"match","extension":[{"url":`+
				`"http://hl7.org/fhir/StructureDefinition/match-grade","valueCode":%q}]}}`, p, grade))
		}
		fmt.Fprintf(w, `{"resourceType":"Bundle","type":"searchset","entry":[%s]}`, strings.Join(entries, ","))
	}))
	t.Cleanup(s.Close)
	return s
}

func patient(local string, numbers ...string) string {
	ids := []string{fmt.Sprintf(`{"system":%q,"value":%q}`, mrn, local)}
	for _, n := range numbers {
		ids = append(ids, fmt.Sprintf(`{"system":%q,"value":%q}`, chi, n))
	}
	return `{"resourceType":"Patient","identifier":[` + strings.Join(ids, ",") + `]}`
}

func local(id, number string) string {
	return strings.Replace(event(id, "2026-11-01T10:00:00Z"), `{"reference":"Patient/p1"}`,
		fmt.Sprintf(`{"identifier":{"system":%q,"value":%q}}`, mrn, number), 1)
}

// A local number becomes the person's number only if the server is certain. Whatever it answers,
// the access is taken.
func TestLookup(t *testing.T) {
	t.Setenv("LOOKUP_KEY", "key")
	one := map[string][]string{"MRN1": {patient("MRN1", "2902640017")}}
	for name, c := range map[string]struct {
		status   int
		patients map[string][]string
		grade    string
		match    bool
		systems  []string
		sub      string // of the access to MRN1
		asked    int32
	}{
		"ITI-78":   {200, one, "", false, nil, "chi:2902640017", 1},
		"match":    {200, one, "certain", true, []string{mrn}, "chi:2902640017", 1},
		"probable": {200, one, "probable", true, nil, "", 1},
		"nobody":   {200, nil, "certain", false, nil, "", 1},
		"two people": {
			200, map[string][]string{"MRN1": {patient("MRN1", "2902640017"), patient("MRN1", "2902680019")}}, "certain",
			false, nil, "", 1,
		},
		"two numbers":   {200, map[string][]string{"MRN1": {patient("MRN1", "2902640017", "2902680019")}}, "certain", true, nil, "", 1},
		"somebody else": {200, map[string][]string{"MRN1": {patient("MRN2", "2902640017")}}, "", false, nil, "", 1},
		"no number":     {200, map[string][]string{"MRN1": {patient("MRN1")}}, "", false, nil, "", 1},
		"a patient that was merged": {200, map[string][]string{"MRN1": {strings.Replace(patient("MRN1", "2902640017"), `"identifier"`,
			`"link":[{"other":{"reference":"Patient/9"},"type":"replaced-by"}],"identifier"`, 1)}}, "certain", true, nil, "", 1},
		"another system":       {200, one, "", false, []string{"https://other.example"}, "", 0},
		"a server that fails":  {500, one, "", false, nil, "", 2},
		"a server that points": {302, one, "", false, nil, "", 2},
	} {
		t.Run(name, func(t *testing.T) {
			w := newWorld(t)
			server := newPatientServer(t, c.status, c.patients, c.grade)
			w.config.Map = &mapping.Map{Lookup: &mapping.Lookup{PDQm: server.URL + "/fhir", Token: "LOOKUP_KEY", Systems: c.systems}}
			if c.match {
				w.config.Map.Lookup.PDQm, w.config.Map.Lookup.Match = "", server.URL+"/fhir/"
			}
			w.config.Batch = 1
			sum := w.imports(text("events", local("a", "MRN1")+local("b", "MRN1")))
			if sum.Logged != 2 || len(w.rejects) > 0 || (sum.Found == 1) != (c.sub != "") {
				t.Errorf("%+v, %v", sum, w.rejects)
			}
			for n := range uint64(2) {
				if a := w.numbered(n + 1); c.sub != "" && a.Sub != c.sub || c.sub == "" && !strings.HasPrefix(a.Sub, "temp:SRC:") {
					t.Errorf("filed under %s", a.Sub)
				}
			}
			want := c.asked
			if c.status != 200 { // failures are not remembered
				want *= 2
			}
			if n := server.asked.Load(); n != want {
				t.Errorf("asked %d times, want %d", n, want)
			}
		})
	}
}

// A server that fails does not hold an import up.
func TestLookupGivesUp(t *testing.T) {
	t.Setenv("LOOKUP_KEY", "key")
	w := newWorld(t)
	server := newPatientServer(t, 503, nil, "")
	w.config.Map = &mapping.Map{Lookup: &mapping.Lookup{PDQm: server.URL + "/fhir", Token: "LOOKUP_KEY"}}
	w.config.Batch = 1
	var b strings.Builder
	for i := range 20 {
		b.WriteString(local(fmt.Sprint(i), fmt.Sprintf("MRN%d", i)))
	}
	if sum := w.imports(text("events", b.String())); sum.Logged != 20 || sum.Unasked != 5 || server.asked.Load() != 10 {
		t.Errorf("%+v, asked %d times", sum, server.asked.Load())
	}
}

// Two patients of one event who turn out to be one person are one access.
func TestLookupOfOnePersonTwice(t *testing.T) {
	t.Setenv("LOOKUP_KEY", "key")
	w := newWorld(t)
	server := newPatientServer(t, 200, map[string][]string{"MRN1": {patient("MRN1", "2902640017")}}, "")
	w.config.Map = &mapping.Map{Lookup: &mapping.Lookup{PDQm: server.URL + "/fhir", Token: "LOOKUP_KEY"}}
	both := strings.Replace(
		local("a", "MRN1"), `"entity":[`,
		fmt.Sprintf(`"entity":[{"what":{"identifier":{"system":%q,"value":"2902640017"}}},`, chi), 1,
	)
	if sum := w.imports(text("events", both)); sum.Logged != 1 {
		t.Errorf("%+v", sum)
	}
}
