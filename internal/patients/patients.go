// Package patients asks a FHIR server who a person is.
//
// Only one certain match counts: one patient, who has the number that was asked for (IHE ITI-78), or
// whom the server calls a certain match (Patient/$match), and who has one current CHI or NHS number.
// Questions go by POST, so that nothing of the person is in a URL.
package patients

import (
	"bytes"
	"context"
	"errors"
	"io"
	"net/http"
	"net/url"
	"os"
	"strings"
	"time"

	"igledger/consent/fhir/mapping"
	"igledger/consent/fhir/tree"
)

// ErrAway means that the server did not answer as such a server does. It carries nothing of the
// question or the answer.
var ErrAway = errors.New("the server of patients did not answer")

// Server is the server that a mapping names. It is safe for concurrent use.
type Server struct {
	mapping.Lookup
	people tree.Patients
	token  string
	http   *http.Client
}

// New returns the server of l. people makes ids of what it answers.
func New(l mapping.Lookup, people tree.Patients) *Server {
	s := &Server{Lookup: l, people: people}
	if l.Token != "" {
		s.token = os.Getenv(l.Token)
	}
	timeout := 5 * time.Second
	if l.Timeout > 0 {
		timeout = time.Duration(l.Timeout) * time.Second
	}
	s.http = &http.Client{Timeout: timeout, CheckRedirect: func(*http.Request, []*http.Request) error {
		return http.ErrUseLastResponse // a person's data go to the server that was named, and to no other
	}}
	return s
}

// ByNumber returns the id of the person with a local number, "" if it is not certain.
func (s *Server) ByNumber(ctx context.Context, system, value string) (string, error) {
	if s.PDQm == "" {
		return s.match(ctx, tree.Object{"identifier": []any{tree.Object{"system": system, "value": value}}},
			func(tree.Object) bool { return true })
	}
	asked := url.Values{"identifier": {escaping.Replace(system) + "|" + escaping.Replace(value)}}
	bundle, err := s.ask(ctx, strings.TrimSuffix(s.PDQm, "/")+"/Patient/_search", "application/x-www-form-urlencoded",
		[]byte(asked.Encode()))
	if err != nil {
		return "", err
	}
	return s.certain(bundle, func(_, patient tree.Object) bool { return identified(patient, system, value) }), nil
}

// Demographics are what somebody else verified of a person.
type Demographics struct {
	Given     []string
	Family    string
	BirthDate string // YYYY-MM-DD
	Postcode  string
}

// ByDemographics returns the id of the person, "" if it is not certain. The server must have $match.
func (s *Server) ByDemographics(ctx context.Context, d Demographics) (string, error) {
	if s.Match == "" {
		return "", errors.New("a person can be looked up by name only on a server with Patient/$match")
	}
	name := tree.Object{"use": "official", "family": d.Family}
	if len(d.Given) > 0 {
		given := make([]any, len(d.Given))
		for i, g := range d.Given {
			given[i] = g
		}
		name["given"] = given
	}
	return s.match(ctx, tree.Object{
		"name": []any{name}, "birthDate": d.BirthDate,
		"address": []any{tree.Object{"postalCode": d.Postcode}},
	}, func(patient tree.Object) bool {
		// A server may ignore what it is asked. A name is spelt in many ways, a birth date in one.
		return tree.Text(patient, "birthDate") == d.BirthDate
	})
}

func (s *Server) match(ctx context.Context, patient tree.Object, fits func(tree.Object) bool) (string, error) {
	patient["resourceType"] = "Patient"
	question, err := tree.Write(tree.Object{"resourceType": "Parameters", "parameter": []any{
		tree.Object{"name": "resource", "resource": patient},
		tree.Object{"name": "onlyCertainMatches", "valueBoolean": true},
	}})
	if err != nil {
		return "", ErrAway
	}
	bundle, err := s.ask(ctx, strings.TrimSuffix(s.Match, "/")+"/Patient/$match", "application/fhir+json", question)
	if err != nil {
		return "", err
	}
	return s.certain(bundle, func(e, patient tree.Object) bool { return graded(e) && fits(patient) }), nil
}

// escaping is that of values in a FHIR search (R4 search.html#escaping).
var escaping = strings.NewReplacer(`\`, `\\`, `,`, `\,`, `$`, `\$`, `|`, `\|`)

const maxAnswer = 1 << 20 // bytes

func (s *Server) ask(ctx context.Context, address, media string, body []byte) (tree.Object, error) {
	req, err := http.NewRequestWithContext(ctx, http.MethodPost, address, bytes.NewReader(body))
	if err != nil {
		return nil, ErrAway
	}
	req.Header.Set("Content-Type", media)
	req.Header.Set("Accept", "application/fhir+json")
	if s.token != "" {
		req.Header.Set("Authorization", "Bearer "+s.token)
	}
	res, err := s.http.Do(req)
	if err != nil {
		return nil, ErrAway
	}
	defer res.Body.Close()
	data, err := io.ReadAll(io.LimitReader(res.Body, maxAnswer+1))
	if err != nil || len(data) > maxAnswer || res.StatusCode != http.StatusOK {
		return nil, ErrAway
	}
	v, err := tree.Parse("Bundle", data)
	bundle, ok := v.(tree.Object)
	if err != nil || !ok || tree.Text(bundle, "resourceType") != "Bundle" {
		return nil, ErrAway
	}
	return bundle, nil
}

// certain returns the id of the only patient of an answer, "" if there are more or none, or if fits
// says that it is not the one.
func (s *Server) certain(bundle tree.Object, fits func(entry, patient tree.Object) bool) string {
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
	if patient == nil || patient["active"] == false || replaced(patient) || !fits(only, patient) {
		return ""
	}
	return s.people.Number(patient)
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
