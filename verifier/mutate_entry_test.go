package verifier_test

import (
	"crypto/sha256"
	"encoding/base64"
	"encoding/json"
	"fmt"
	"math/rand/v2"
	"os"
	"path/filepath"
	"reflect"
	"slices"
	"strings"
	"testing"
	"testing/cryptotest"

	"igledger/internal/oracle"
	"igledger/internal/testlog"
	"igledger/internal/testneeds"
	"igledger/ledger/entry"
	"igledger/ledger/wire"
	"igledger/verifier"
)

// sealed returns an entry about the person of every sealed type that statements hold, with
// everything that it may have.
func (f *forge) sealed(l *testlog.Log) *entry.Entry {
	const at, uuid = "2026-11-22T10:00:00Z", "0193b5a0-0000-7000-8000-000000000001"
	common, seq := l.Common("lothian"), uint64(7)
	sub := f.w.me()
	var body entry.Body
	switch f.IntN(6) {
	case 0, 1:
		body = &entry.Access{Common: common, Source: "portal", Org: "fife", Recipient: "fife", System: "portal", Event: []string{"s|a",
			"s|b"}, Action: "R",
			Data: []string{"http://loinc.org|4548-4"}, Purpose: []string{"TREAT"}, Role: []string{"nurse"}, Emergency: true,
			Agreement: "isa-1", Decision: uuid,
			Delegation: uuid, Request: "r-1", Identity: entry.BySignIn, Outcome: "0", Occurred: at, OccurredEnd: at, Recorded: at, Sub: sub,
			Staff: &entry.Staff{ID: "n1", System: "urn:staff", Name: "N. Tester", AltID: "a", IDs: []string{"urn:s|1"},
				Units: []string{"urn:u|2"}},
			Parties: []entry.Party{{Type: "s|t", ID: "p1", Name: "P", Address: "10.0.0.1"}}, Seq: &seq, FHIR: []byte(`{"a":{"b":[1,{"c":"d"}]}}`),
			Text: &entry.Text{Why: "why", Justification: "just", Outcome: "ok", Query: "a=b"}}
	case 2:
		c := &entry.Consent{Common: common, Consent: uuid, Act: "given", Scope: "research", Agreements: []string{"isa-1"}, Decided: at,
			Updated: at, Version: 3,
			Rule: &entry.ConsentRule{Decision: "permit", Start: at, End: "2028-11-30T00:00:00Z", Purposes: []string{"HRESCH"},
				Recipients: []string{"fife"},
				Except:     []entry.ConsentRule{{Decision: "deny", Data: []string{"http://snomed.info/sct|365866002"}, Staff: []string{"urn:s|1"}}}},
			Expressed: entry.Expressed{How: "written", Verified: at, Language: "en-GB"}, Sub: sub,
			Notice: &entry.Notice{URL: "https://north.example/privacy", Hash: sha256.Sum256([]byte("notice")), Version: "3"},
			By:     &entry.ConsentBy{Delegation: uuid, Name: "B. Tester", Relation: "HPOWATT"},
			Text:   &entry.ConsentText{Reason: "because", Evidence: "form 12"}, FHIR: []byte(`{"language":"en"}`)}
		if f.chance(30) {
			c.Act, c.Rule, c.Notice = "withdrawn", nil, nil
		}
		body = c
	case 3:
		d := &entry.Delegation{Common: common, Delegation: uuid, Act: "granted", Kind: "HPOWATT", Scope: []string{"access", "consent"}, Start: at,
			End: "2029-11-01T00:00:00Z", Basis: "an act of 2000", Sub: sub, Delegate: &entry.Delegate{ID: "chi:0101201234", Name: "B. Tester"},
			Evidence: &entry.DelegationEvidence{Reference: "PG-1234", Seen: at, Office: "Public Guardian"}}
		if f.chance(30) {
			d.Act, d.Kind, d.Scope, d.Start, d.End, d.Basis, d.Delegate = "revoked", "", nil, "", "", "", nil
		}
		body = d
	case 4:
		body = &entry.Decision{Common: common, Org: "fife", Holder: "lothian", System: "study-7", Action: "R", Data: []string{"s|d"},
			Purpose: []string{"HRESCH"},
			Role:    []string{"researcher"}, Machine: true, Emergency: true, Justified: true, Agreement: "isa-1", Delegation: uuid, Decision: "deny",
			Rules: []string{"consent-refused"}, Obligations: []string{"log"}, Asked: at, Sub: sub, Staff: &entry.Staff{ID: "r-1"},
			Text: &entry.Text{Why: "why"}}
	default:
		body = &entry.Link{Common: common, Act: pick(f, "linked", "unlinked"), Reason: "one person, two numbers", Sub: sub,
			Other: "nhs:9434765919"}
	}
	return testlog.Sign(f.w.Second, body)
}

// addChanged logs a sealed entry whose claims and disclosures were changed before it was signed, as
// a source could that keeps no rules, and returns its index.
func (f *forge) addChanged(l *testlog.Log) uint64 {
	e := f.sealed(l)
	payload := parseTree(unbase64(strings.Split(e.Compact, ".")[1]))
	like := parseTree(unbase64(strings.Split(f.sealed(l).Compact, ".")[1]))
	var shown []string
	for _, d := range e.Disclosures {
		text := d.Encoded
		if f.chance(25) {
			tree := parseTree(unbase64(text))
			value := tree.parts[2]
			if f.chance(10) {
				value = tree
			}
			mutateTree(f.Rand, value, like)
			text = base64.RawURLEncoding.EncodeToString(tree.bytes())
			replaceDigest(payload, d.Digest(), wire.Disclosure{Encoded: text}.Digest())
		}
		if !f.chance(5) {
			shown = append(shown, text)
		}
	}
	for range f.IntN(3) {
		mutateTree(f.Rand, payload, like)
	}
	jws, err := f.w.Second.SignJWS(wire.TypEntry, payload.bytes())
	if err != nil {
		jws = e.Compact
	}
	f.addRawSealed(l, e, jws)
	i := l.Size() - 1
	o := *l.Openings[i]
	o.Disclosures = shown
	l.Openings[i] = &o
	return i
}

// replaceDigest puts a digest in the place of another, in order.
func replaceDigest(payload *jsonTree, old, other string) {
	for i, name := range payload.names {
		if name != "_sd" {
			continue
		}
		sd := payload.parts[i]
		for _, d := range sd.parts {
			if d.raw == quoted(old) {
				d.raw = quoted(other)
			}
		}
		slices.SortFunc(sd.parts, func(a, b *jsonTree) int { return strings.Compare(a.raw, b.raw) })
	}
}

// TestVerifiersAgreeOnEntries gives entries of all sealed types, with claims and disclosures that
// were changed before they were signed, to igverify's verifier, to the oracle and to the browser's.
func TestVerifiersAgreeOnEntries(t *testing.T) {
	chance := setting(t, "IGLEDGER_CHANCE", 20261128)
	rounds := int(setting(t, "IGLEDGER_MUTATIONS", uint64(testneeds.Part(under(1000), 50)))) / 10
	b := newBrowser(t)
	cryptotest.SetGlobalRandom(t, chance)
	f := newForge(t, rand.New(rand.NewPCG(chance, 4)))
	firsts := map[string]int{}
	disagreed := 0
	for n := 0; n < rounds && disagreed <= 20; n++ {
		l := f.w.log()
		var list []question
		var at []uint64
		for range 10 {
			at = append(at, f.addChanged(l))
		}
		c := f.claim(l)
		c.Period, c.Besides, c.Linked = nil, "", nil
		for _, i := range at {
			list = append(list, question{"extract", raw(t, l.Extract(c, i)), f.policies[0], "", "", float64(now.Unix())})
		}
		for i, browsers := range b.ask(t, list) {
			q := list[i]
			ours := q.igverifys()
			other := oracle.Extract(string(q.File), oracle.Asked{Policy: q.Policy, Now: now})
			firsts[ours.First]++
			if d := differs(browsers, ours); d != "" || !reflect.DeepEqual(other, ours.Answer) {
				disagreed++
				name := filepath.Join(os.TempDir(), fmt.Sprintf("entry-%d-%d.json", chance, n*10+i))
				data, err := json.Marshal(q)
				if err == nil {
					err = os.WriteFile(name, data, 0o600)
				}
				p, _ := verifier.ParsePolicy([]byte(q.Policy))
				why := verifier.CheckExtract(verifier.StatementEvidence{Statement: q.File, Policy: p, Now: now}).Err()
				t.Errorf("entry %d from chance %d, %s (%v):\n%s\nthe oracle %+v\n%v", n*10+i, chance, name, err, d, other, why)
			}
		}
	}
	t.Logf("%d entries; the first check that failed: %v", rounds*10, firsts)
}
