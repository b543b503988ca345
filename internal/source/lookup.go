package source

import (
	"bytes"
	"context"
	"errors"
	"io"
	"net/http"
	"net/url"
	"os"
	"strings"
	"sync"
	"time"

	"igledger/consent/fhir/mapping"
	"igledger/consent/fhir/tree"
)

// A look-up asks the server that the mapping names for the person behind a local number. A number
// is asked for once, by POST, so that none is in a URL. Only one certain match counts: one patient,
// who has the number (ITI-78), or whom the server calls a certain match ($match), and who has one
// current CHI or NHS number. Anything else leaves the access under the local number: it is never
// lost.
type lookup struct {
	mapping.Lookup
	people tree.Patients
	token  string
	http   *http.Client

	mu     sync.Mutex
	known  map[[2]string]string // system, value -> id, "" if it is not certain
	failed int                  // requests in a row
	sum    struct{ found, failed int }
}

const (
	maxKnown  = 1 << 16 // numbers that are remembered
	maxFailed = 5       // failures in a row after which nothing is asked any more in this run
	maxAnswer = 1 << 20 // bytes
)

// newLookup returns the look-up of a mapping, nil if it has none.
func newLookup(m *mapping.Map, people tree.Patients) *lookup {
	if m == nil || m.Lookup == nil {
		return nil
	}
	l := &lookup{Lookup: *m.Lookup, people: people, known: map[[2]string]string{}}
	if l.Token != "" {
		l.token = os.Getenv(l.Token)
	}
	timeout := 5 * time.Second
	if l.Timeout > 0 {
		timeout = time.Duration(l.Timeout) * time.Second
	}
	l.http = &http.Client{Timeout: timeout, CheckRedirect: func(*http.Request, []*http.Request) error {
		return http.ErrUseLastResponse // a number goes to the server that was named, and to no other
	}}
	return l
}

// resolve returns the id of the person with a local number, "" if it is not certain.
func (l *lookup) resolve(ctx context.Context, system, value string) string {
	if len(l.Systems) > 0 && !l.has(system) {
		return ""
	}
	key := [2]string{system, value}
	l.mu.Lock()
	id, known := l.known[key]
	known = known || l.failed >= maxFailed
	l.mu.Unlock()
	if known {
		return id
	}
	id, err := l.ask(ctx, system, value)
	if err != nil {
		id, err = l.ask(ctx, system, value)
	}
	l.mu.Lock()
	defer l.mu.Unlock()
	if err != nil {
		l.failed++
		l.sum.failed++
		return ""
	}
	l.failed = 0
	if len(l.known) >= maxKnown {
		clear(l.known)
	}
	l.known[key] = id
	if id != "" {
		l.sum.found++
	}
	return id
}

func (l *lookup) has(system string) bool {
	for _, s := range l.Systems {
		if s == system {
			return true
		}
	}
	return false
}

var errLookup = errors.New("the look-up failed")

// escaping is that of values in a FHIR search (R4 search.html#escaping).
var escaping = strings.NewReplacer(`\`, `\\`, `,`, `\,`, `$`, `\$`, `|`, `\|`)

// ask asks the server once. No error holds anything of the question or the answer.
func (l *lookup) ask(ctx context.Context, system, value string) (string, error) {
	address, media := strings.TrimSuffix(l.Match, "/")+"/Patient/$match", "application/fhir+json"
	var body []byte
	if l.PDQm != "" {
		address, media = strings.TrimSuffix(l.PDQm, "/")+"/Patient/_search", "application/x-www-form-urlencoded"
		body = []byte(url.Values{"identifier": {escaping.Replace(system) + "|" + escaping.Replace(value)}}.Encode())
	} else {
		question, err := tree.Write(tree.Object{"resourceType": "Parameters", "parameter": []any{
			tree.Object{"name": "resource", "resource": tree.Object{"resourceType": "Patient",
				"identifier": []any{tree.Object{"system": system, "value": value}}}},
			tree.Object{"name": "onlyCertainMatches", "valueBoolean": true},
		}})
		if err != nil {
			return "", errLookup
		}
		body = question
	}
	req, err := http.NewRequestWithContext(ctx, http.MethodPost, address, bytes.NewReader(body))
	if err != nil {
		return "", errLookup
	}
	req.Header.Set("Content-Type", media)
	req.Header.Set("Accept", "application/fhir+json")
	if l.token != "" {
		req.Header.Set("Authorization", "Bearer "+l.token)
	}
	res, err := l.http.Do(req)
	if err != nil {
		return "", errLookup
	}
	defer res.Body.Close()
	data, err := io.ReadAll(io.LimitReader(res.Body, maxAnswer+1))
	if err != nil || len(data) > maxAnswer || res.StatusCode != http.StatusOK {
		return "", errLookup
	}
	v, err := tree.Parse("Bundle", data)
	bundle, ok := v.(tree.Object)
	if err != nil || !ok || tree.Text(bundle, "resourceType") != "Bundle" {
		return "", errLookup
	}
	return l.certain(bundle, system, value), nil
}

// certain returns the id of the only patient of an answer, "" if there are more or none.
func (l *lookup) certain(bundle tree.Object, system, value string) string {
	for _, link := range tree.Objects(bundle, "link") {
		if tree.Text(link, "relation") == "next" {
			return ""
		}
	}
	var only tree.Object
	for _, e := range tree.Objects(bundle, "entry") {
		mode := tree.Text(tree.Child(e, "search"), "mode")
		if tree.Text(tree.Child(e, "resource"), "resourceType") != "Patient" || mode == "include" || mode == "outcome" {
			continue
		}
		if only != nil {
			return ""
		}
		only = e
	}
	patient := tree.Child(only, "resource")
	if patient == nil || patient["active"] == false || replaced(patient) || l.Match != "" && !graded(only) || l.PDQm != "" &&
		!identified(patient, system, value) {
		return ""
	}
	return l.people.Number(patient)
}

// graded reports whether $match calls an entry a certain match.
func graded(e tree.Object) bool {
	for _, x := range tree.Objects(tree.Child(e, "search"), "extension") {
		if tree.Text(x, "url") == "http://hl7.org/fhir/StructureDefinition/match-grade" {
			return tree.Text(x, "valueCode") == "certain"
		}
	}
	return false
}

// replaced reports whether the server says that another Patient has taken a patient's place, whose
// numbers may be those of somebody else since.
func replaced(patient tree.Object) bool {
	for _, link := range tree.Objects(patient, "link") {
		if tree.Text(link, "type") == "replaced-by" {
			return true
		}
	}
	return false
}

// identified reports whether a patient has an identifier: a server may ignore what it is asked.
func identified(patient tree.Object, system, value string) bool {
	for _, i := range tree.Objects(patient, "identifier") {
		if tree.Text(i, "system") == system && tree.Text(i, "value") == value {
			return true
		}
	}
	return false
}
