package audit

import (
	"crypto/sha256"
	"encoding/base64"
	"encoding/hex"
	"fmt"
	"slices"
	"strings"
	"testing"

	"igledger/consent/fhir/tree"
)

func hashOf(s string) string {
	sum := sha256.Sum256([]byte(s))
	return hex.EncodeToString(sum[:])
}

// with returns an event with further members.
func with(members string) string {
	return strings.TrimSuffix(strings.Replace(ev("large"), `"agent":[`,
		`"entity":[{"what":{"identifier":{"system":"urn:oid:2.16.840.1.113883.2.1.3.2.4.16.53","value":"2902640017"}}}],"agent":[`, 1),
		"}") + "," + members + "}"
}

// An event of any size is an access. What does not fit is known by its hash.
func TestLargeEvents(t *testing.T) {
	query := base64.StdEncoding.EncodeToString([]byte("GET /Observation?patient=" + strings.Repeat("1,", 40000) + "1"))
	for name, c := range map[string]struct {
		event string
		cut   string // one of the strings that is cut; "": none is by itself
	}{
		"long text":         {with(`"language":"` + strings.Repeat("x", 70000) + `"`), strings.Repeat("x", 70000)},
		"megabytes of text": {with(`"language":"` + strings.Repeat("x", 3<<20) + `"`), strings.Repeat("x", 3<<20)},
		"many small things": {with(`"extension":[` + strings.Repeat(`{"url":"http://example.org/x","valueString":"a"},`, 30000) + `{}]`), ""},
		"many members":      {with(`"extension":[{` + manyMembers(90000) + `}]`), ""},
		"nested deep": {
			with(`"extension":` + strings.Repeat(`[`, 100) + strings.Repeat(`]`, 100)),
			strings.Repeat(`[`, 69) + strings.Repeat(`]`, 69),
		},
		"many agents": {
			strings.Replace(
				with(`"language":"en"`), `"agent":[`,
				`"agent":[`+strings.Repeat(`{"requestor":false,"who":{"reference":"Device/1","display":"a device of the ward"}},`, 5000),
				1,
			),
			"",
		},
		"a text of the form of a cut": {
			with(`"language":"={cut/9/00}` + strings.Repeat("y", 70000) + `"`), "==" + `{cut/9/00}` + strings.Repeat("y", 70000),
		},
	} {
		list, said, err := board.FromAuditEvent([]byte(c.event))
		if err != nil || len(list) != 1 || list[0].Sub != "chi:2902640017" || !slices.Contains(said, Note{"AuditEvent", SizeCut}) {
			t.Errorf("%s: %d accesses, %v, %v", name, len(list), said, err)
			continue
		}
		_, a := signed(t, list[0])
		cuts := tree.Cuts(a.FHIR)
		if len(cuts) == 0 || cuts[0] != (tree.Cut{Bytes: len(c.event), Hash: hashOf(c.event)}) {
			t.Errorf("%s: cut %v, want the hash of the event first", name, cuts)
		}
		if c.cut != "" && !slices.Contains(cuts[1:], tree.Cut{Bytes: len(c.cut), Hash: hashOf(c.cut)}) {
			t.Errorf("%s: cut %v, want the hash of the part", name, cuts)
		}
		back, err := ToAuditEvent(a)
		if err != nil || len(back) > MaxEvent || strings.Contains(string(back), `"={cut/`) || strings.Contains(string(back), tree.Original) {
			t.Errorf("%s: %d bytes come back, %v", name, len(back), err)
		}
	}
	list, _, err := board.FromAuditEvent([]byte(with(`"outcomeDesc":"` + strings.Repeat("x", 70000) + `"`)))
	if err != nil || list[0].Text != nil {
		t.Errorf("a long description: %+v, %v", list, err)
	}
	event := strings.Replace(
		with(`"language":"en"`), `"entity":[`,
		`"entity":[{"role":{"system":"http://terminology.hl7.org/CodeSystem/object-role","code":"24"},"query":"`+query+`"},`,
		1,
	)
	list, _, err = board.FromAuditEvent([]byte(event))
	if err != nil || !slices.Contains(list[0].Data, resourceTypes+"|Observation") ||
		!slices.Contains(tree.Cuts(list[0].FHIR), tree.Cut{Bytes: len(query), Hash: hashOf(query)}) {
		t.Errorf("a long query: %+v, %v", list, err)
	}
}

func manyMembers(n int) string {
	var b strings.Builder
	for i := range n {
		if i > 0 {
			b.WriteByte(',')
		}
		fmt.Fprintf(&b, `"m%d":%d`, i, i)
	}
	return b.String()
}

// A hash of an event about several patients would let each look for the others.
func TestLargeSharedEvent(t *testing.T) {
	event := strings.Replace(
		with(`"language":"`+strings.Repeat("x", 3<<20)+`"`), `"entity":[`,
		`"entity":[{"what":{"reference":"Patient/other"}},`, 1,
	)
	list, _, err := board.FromAuditEvent([]byte(event))
	if err != nil || len(list) != 2 {
		t.Fatalf("%d accesses, %v", len(list), err)
	}
	for _, a := range list {
		for _, c := range tree.Cuts(a.FHIR) {
			if c.Hash != "" {
				t.Errorf("%s has the hash of %d bytes", a.Sub, c.Bytes)
			}
		}
		if len(tree.Cuts(a.FHIR)) == 0 {
			t.Errorf("%s does not say that something is missing", a.Sub)
		}
	}
}
