package auditor_test

import (
	"bytes"
	"crypto/sha256"
	"encoding/base64"
	"errors"
	"fmt"
	"maps"
	"reflect"
	"slices"
	"strings"
	"testing"

	"igledger/consent"
	"igledger/internal/testlog"
	"igledger/ledger/entry"
	"igledger/ledger/proof"
	"igledger/ledger/register"
	"igledger/ledger/wire"
	"igledger/verifier"
	"igledger/verifier/auditor"
)

const origin = "ledger.test/2026"

// replaying is an audit with verdicts of a test log.
type replaying struct {
	testing.TB
	log      *testlog.Log
	auditor  *auditor.Auditor
	verdicts *auditor.Verdicts
	found    []auditor.Finding
	feed     map[uint64]proof.FeedRecord // what the feed has, where it is not what the opening has
}

func replay(t testing.TB, l *testlog.Log) *replaying {
	t.Helper()
	a, err := auditor.New(l.Key)
	if err != nil {
		t.Fatal(err)
	}
	r := &replaying{TB: t, log: l, auditor: a, verdicts: auditor.NewVerdicts(l.Origin, consent.New())}
	return r.listen()
}

func (r *replaying) listen() *replaying {
	r.auditor.OnPublic = func(i uint64, e *entry.Entry) {
		if f := r.verdicts.Public(i, e); f != nil {
			r.found = append(r.found, *f)
		}
	}
	return r
}

// to takes the leaves below size.
func (r *replaying) to(size uint64) *replaying {
	r.Helper()
	for i := r.auditor.Size(); i < size; i++ {
		var rec proof.FeedRecord
		o := r.log.Openings[i]
		if o != nil {
			rec = proof.FeedRecord{TagSalt: o.TagSalt, Tag: o.Tag}
			if other, ok := r.feed[i]; ok {
				rec = other
			}
			bulk := *o
			bulk.VRFProof, o = nil, &bulk
		}
		found, err := r.auditor.Add(r.log.Leaves[i], rec)
		if err != nil {
			r.Fatal(err)
		}
		r.found = append(r.found, found...)
		r.verdicts.Add(r.log.Leaves[i], rec, o)
	}
	r.verdicts.Flush()
	return r
}

func (r *replaying) clean() {
	r.Helper()
	if len(r.found) > 0 || len(r.verdicts.Wrong()) > 0 || len(r.verdicts.Doubts()) > 0 {
		r.Errorf("found %v, wrong %v, doubts %+v", r.found, r.verdicts.Wrong(), r.verdicts.Doubts())
	}
}

func governed() *testlog.Governed {
	g := testlog.NewGoverned(testlog.New(origin))
	g.GiveVerdicts(consent.New())
	return g
}

// What an honest ledger says of each access is what follows: covered while the agreement is in
// force, not after it ended.
func TestVerdictsOfAnHonestLog(t *testing.T) {
	g := governed()
	for n, i := range g.Shared {
		want := entry.Covered
		if i > g.Ended {
			want = entry.NotCovered
		}
		if v := g.Openings[i].Verdict; v.Result != want {
			t.Fatalf("access %d has verdict %+v, want %s: the test log is not what it should be", n, v, want)
		}
	}
	r := replay(t, g.Log)
	var sealed []uint64
	r.verdicts.OnSealed = func(i uint64, e *entry.Entry) {
		sealed = append(sealed, i)
		if e.Compact != g.Entries[i].Compact || e.ShownSub() != g.Entries[i].ShownSub() {
			t.Errorf("entry %d is given as another", i)
		}
	}
	r.to(g.Size()).clean()
	if !slices.Equal(sealed, slices.Sorted(maps.Keys(g.Openings))) {
		t.Errorf("sealed entries %v are given", sealed)
	}
	want := auditor.VerdictStats{Sealed: uint64(len(g.Openings)), Verdicts: uint64(len(g.Openings) - len(g.Consents))}
	if got := r.verdicts.Stats(); got != want {
		t.Errorf("stats %+v, want %+v", got, want)
	}
	v := g.Openings[g.Shared[5]].Verdict
	if words := r.verdicts.Rules().(*consent.Rules).Reasons(v); v.Agreement != "isa-1" || v.Version != 1 || slices.Contains(words, "") {
		t.Errorf("of %s version %d, in words: %q", v.Agreement, v.Version, words)
	}
}

// Whatever is changed of a verdict, it is found, with what it should have been, and nothing else
// is.
func TestTamperedVerdictIsFound(t *testing.T) {
	for name, change := range map[string]func(v *entry.Verdict) *entry.Verdict{
		"result":            func(v *entry.Verdict) *entry.Verdict { v.Result = entry.Covered; return v },
		"rule":              func(v *entry.Verdict) *entry.Verdict { v.Rules = []string{"agreement-party"}; return v },
		"rule left out":     func(v *entry.Verdict) *entry.Verdict { v.Rules = nil; return v },
		"agreement":         func(v *entry.Verdict) *entry.Verdict { v.Agreement = "isa-2"; return v },
		"version":           func(v *entry.Verdict) *entry.Verdict { v.Version++; return v },
		"consent":           func(v *entry.Verdict) *entry.Verdict { v.Consent = "7d444840-9dc0-11d1-b245-5ffdce74fad2"; return v },
		"policies":          func(v *entry.Verdict) *entry.Verdict { v.Policies = 1; return v },
		"taken out":         func(*entry.Verdict) *entry.Verdict { return nil },
		"another one whole": func(*entry.Verdict) *entry.Verdict { return &entry.Verdict{Result: entry.BreakGlass} },
	} {
		g := governed()
		at := g.Shared[4] // after the end of the agreement
		own := *g.Openings[at].Verdict
		forged := own
		g.Openings[at].Verdict = change(&forged)
		r := replay(t, g.Log).to(g.Size())
		if len(r.found) > 0 || len(r.verdicts.Wrong()) > 0 {
			t.Errorf("%s: a verdict is nobody's signature, yet found %v, wrong %v", name, r.found, r.verdicts.Wrong())
		}
		want := []auditor.Doubt{{Index: at, Kind: auditor.VerdictDiffers, Stored: g.Openings[at].Verdict, Own: &own}}
		if got := r.verdicts.Doubts(); !reflect.DeepEqual(got, want) {
			t.Errorf("%s: doubts %+v, want %+v", name, got, want)
		}
	}
}

// A ledger that began to judge later shows none for what came before: no doubt, but counted. A
// verdict of what has none is one.
func TestVerdictsBeforeTheFirst(t *testing.T) {
	g := governed()
	for _, i := range g.Accesses {
		g.Openings[i].Verdict = nil
	}
	r := replay(t, g.Log).to(g.Size())
	r.clean()
	if s := r.verdicts.Stats(); s.Without != uint64(len(g.Accesses)) || s.Verdicts != uint64(len(g.Shared)) {
		t.Errorf("stats %+v", s)
	}
	g.Openings[g.Consents[0]].Verdict = &entry.Verdict{Result: entry.Covered}
	r = replay(t, g.Log).to(g.Size())
	if d := r.verdicts.Doubts(); len(d) != 1 || d[0].Index != g.Consents[0] || d[0].Own != nil {
		t.Errorf("doubts %+v", d)
	}
}

// A person's consents and delegations count for what comes after them, and for nobody else.
func TestVerdictsFollowPersons(t *testing.T) {
	g := governed()
	add := func(id string, change func(a *entry.Access)) uint64 {
		a := *g.SharedAccess(id).Body.(*entry.Access)
		a.ID, a.SD, a.Org, a.Agreement = "", nil, "", ""
		change(&a)
		return g.AddSealed(testlog.Sign(g.Second, &a), id)
	}
	var indices []uint64
	for _, id := range g.IDs {
		indices = append(indices, add(id, func(a *entry.Access) { a.Purpose = []string{"HQUALIMP"} }),
			add(id, func(a *entry.Access) {
				a.Purpose, a.Delegation = []string{"PWATRNY"}, "7d444840-9dc0-11d1-b245-5ffdce74fad3"
			}))
	}
	mutual := g.AddSealed(testlog.Sign(g.Lothian, &entry.Delegation{Common: g.Common("lothian"), Delegation: "7d444840-9dc0-11d1-b245-5ffdce74fad4", Act: "granted", Kind: "POWATT", Scope: []string{"access"},
		Start: "2026-11-01T00:00:00Z", End: "2027-11-01T00:00:00Z", Sub: g.IDs[2], Delegate: &entry.Delegate{ID: g.IDs[1]}}), g.IDs[2])
	g.GiveVerdicts(consent.New())
	var got []string
	for _, i := range indices {
		got = append(got, strings.Join(g.Openings[i].Verdict.Rules, ","))
	}
	if want := []string{"delegation-known", "own-records", "delegation-known"}; !slices.Equal([]string{got[1], got[3], got[5]}, want) {
		t.Errorf("with a delegation: %q, want %q", got, want)
	}
	r := replay(t, g.Log).to(g.Size())
	// The circle can only be seen by the state of the delegate, whom an auditor knows by the id in
	// another entry.
	if d := r.verdicts.Doubts(); len(d) != 1 || d[0].Index != mutual || d[0].Kind != auditor.EntryRefused || !strings.Contains(d[0].Refused, string(register.BadDelegation)) {
		t.Errorf("doubts %+v, want the circular delegation at %d", d, mutual)
	}
}

// A refusal under one number counts for accesses under another that is linked with it, also when
// the replay was written down in between. A ledger that shows a verdict as if she had not refused
// is found out; where the refusal itself is gone nothing is said of it.
func TestVerdictsFollowLinks(t *testing.T) {
	const temp = "temp:lothian:77"
	for _, c := range []struct {
		name   string
		change func(g *testlog.Governed, shared uint64)
		doubt  auditor.DoubtKind // of shared; "": none
		unsure uint64
	}{
		{"honest", func(*testlog.Governed, uint64) {}, "", 0},
		{"as if not refused", func(g *testlog.Governed, shared uint64) { g.Openings[shared].Verdict = g.Openings[shared-2].Verdict }, auditor.VerdictDiffers, 0},
		{"the refusal is gone", func(g *testlog.Governed, _ uint64) {
			g.Openings[g.Consents[0]].JWS, g.Openings[g.Consents[0]].Disclosures = "", nil
		}, "", 1},
	} {
		t.Run(c.name, func(t *testing.T) {
			g := governed()
			add := func() uint64 {
				a := *g.SharedAccess(temp).Body.(*entry.Access)
				a.ID, a.SD, a.Org, a.Agreement, a.Purpose = "", nil, "", "", []string{"HRESCH"}
				return g.AddSealed(testlog.Sign(g.Second, &a), temp)
			}
			before := add()
			g.AddSealed(g.Link("lothian", g.Lothian, "linked", temp, g.IDs[0]), temp)
			linked := add()
			g.GiveVerdicts(consent.New())
			for i, refused := range map[uint64]bool{before: false, linked: true} {
				if v := g.Openings[i].Verdict; slices.Contains(v.Rules, "objection") != refused {
					t.Fatalf("the test log is not what it should be: %+v", v)
				}
			}
			c.change(g, linked)
			r := replay(t, g.Log).to(linked)
			again, err := auditor.ReadVerdicts(bytes.NewReader(written(t, r.verdicts)), secret, origin, consent.New())
			if err != nil {
				t.Fatal(err)
			}
			r.verdicts = again
			r.to(g.Size())
			var got auditor.DoubtKind
			for _, d := range again.Doubts() {
				if d.Index == linked {
					got = d.Kind
				}
			}
			if got != c.doubt || len(r.found) > 0 || len(again.Wrong()) > 0 || c.name == "honest" && len(again.Doubts()) > 0 {
				t.Errorf("doubt %q, want %q; found %v, wrong %v, doubts %+v", got, c.doubt, r.found, again.Wrong(), again.Doubts())
			}
			if c.unsure > 0 && again.Stats().Unsure == 0 {
				t.Errorf("%+v", again.Stats())
			}
		})
	}
}

// What the state of an agreement does not allow convicts the operator who logged it, and counts for
// nothing.
func TestForbiddenActsConvict(t *testing.T) {
	propose := func(id string, version uint64) func(*testlog.Governed) *entry.Entry {
		return func(g *testlog.Governed) *entry.Entry {
			return testlog.Sign(g.Lothian, &entry.Agreement{Common: g.Common("lothian"), Agreement: testlog.AgreementText(id, version)})
		}
	}
	policies := func(g *testlog.Governed) *entry.Entry {
		const text = "forbid (principal, action, resource);"
		return testlog.Sign(g.Registrar, &entry.PolicySet{Common: g.Common("registrar"), Version: 1, Schema: entry.SchemaV1, Text: text, Hash: sha256.Sum256([]byte(text)), Reason: "to deny everything"})
	}
	for name, c := range map[string]struct {
		make func(g *testlog.Governed) *entry.Entry
		code wire.Code
	}{
		"resumed after its end":      {func(g *testlog.Governed) *entry.Entry { return g.Act("lothian", "resume") }, register.BadTransition},
		"signed twice":               {func(g *testlog.Governed) *entry.Entry { return g.Signature("fife", g.Proposal) }, register.BadTransition},
		"amended after its end":      {propose("isa-1", 2), register.BadTransition},
		"begun at version 2":         {propose("isa-2", 2), register.UnknownAgreement},
		"policies that do not count": {policies, register.BadPolicySet},
	} {
		g := governed()
		at := g.AddPublic(c.make(g))
		g.AddSealed(g.SharedAccess(g.IDs[0]), g.IDs[0])
		g.GiveVerdicts(consent.New())
		r := replay(t, g.Log).to(g.Size())
		if len(r.found) != 1 || !r.found[0].Convicts || *r.found[0].Index != at || r.found[0].Check != verifier.CheckRules || !errors.Is(r.found[0], c.code) {
			t.Errorf("%s: found %v, want %s at %d", name, r.found, c.code, at)
		}
		if d := r.verdicts.Doubts(); len(d) > 0 {
			t.Errorf("%s: doubts %+v", name, d)
		}
	}
}

// Openings that are not what the operator committed to, or nobody signed, are told apart from
// doubts, and hide nothing after them.
func TestWrongOpenings(t *testing.T) {
	for name, c := range map[string]struct {
		lie   func(g *testlog.Governed) uint64 // where
		check verifier.Check
	}{
		"another content": {func(g *testlog.Governed) uint64 {
			g.Openings[g.Shared[0]].JWS = g.Openings[g.Shared[1]].JWS
			g.Openings[g.Shared[0]].Disclosures = g.Openings[g.Shared[1]].Disclosures
			return g.Shared[0]
		}, verifier.CheckBodyCommitment},
		"another tag":      {func(g *testlog.Governed) uint64 { g.Openings[g.Shared[0]].Tag[3] ^= 1; return g.Shared[0] }, verifier.CheckTagCommitment},
		"another tag salt": {func(g *testlog.Governed) uint64 { g.Openings[g.Shared[0]].TagSalt[3] ^= 1; return g.Shared[0] }, verifier.CheckTagCommitment},
		"another place":    {func(g *testlog.Governed) uint64 { g.Openings[g.Shared[0]].Index++; return g.Shared[0] }, verifier.CheckTagCommitment},
		"another salt":     {func(g *testlog.Governed) uint64 { g.Openings[g.Shared[0]].BodySalt[3] ^= 1; return g.Shared[0] }, verifier.CheckBodyCommitment},
		"whom it is about is kept back": {func(g *testlog.Governed) uint64 {
			o := g.Openings[g.Shared[0]]
			o.Disclosures = slices.DeleteFunc(slices.Clone(o.Disclosures), func(d string) bool {
				b, _ := base64.RawURLEncoding.DecodeString(d)
				return bytes.Contains(b, []byte(`"sub"`))
			})
			return g.Shared[0]
		}, verifier.CheckFiling},
		"a key that was revoked": {func(g *testlog.Governed) uint64 {
			return g.AddSealed(g.Access("lothian", g.Source, g.IDs[0]), g.IDs[0])
		}, verifier.CheckSignature},
		"an organisation whose role was taken away": {func(g *testlog.Governed) uint64 {
			m := entry.Member{ID: "lothian", Name: "Board lothian", Kind: "health-board", Roles: []entry.Role{entry.RoleController}}
			g.AddPublic(testlog.Sign(g.Registrar, &entry.Organisation{Common: g.Common("registrar"), Organisation: m}))
			at := g.AddSealed(g.Access("lothian", g.Second, g.IDs[0]), g.IDs[0])
			m.Roles = append(m.Roles, entry.RoleSource) // and given back
			counter, err := entry.Countersign(g.Enroller, entry.Countersignature{Issuer: "enroller", Audience: origin, IssuedAt: testlog.Now + 1, Organisation: &m})
			if err != nil {
				panic(err)
			}
			g.AddPublic(testlog.Sign(g.Registrar, &entry.Organisation{Common: g.Common("registrar"), Organisation: m, Counter: counter}))
			return at
		}, verifier.CheckSignature},
		"filed under another person": {func(g *testlog.Governed) uint64 {
			return g.AddSealed(g.SharedAccess(g.IDs[0]), g.IDs[1])
		}, verifier.CheckFiling},
		"somebody new filed under another person": {func(g *testlog.Governed) uint64 {
			return g.AddSealed(g.SharedAccess("chi:0202021238"), g.IDs[1])
		}, verifier.CheckFiling},
		"a second tag for one person": {func(g *testlog.Governed) uint64 {
			other := g.VRF
			g.VRF = wire.NewVRFKey()
			defer func() { g.VRF = other }()
			return g.AddSealed(g.SharedAccess(g.IDs[0]), g.IDs[0])
		}, verifier.CheckFiling},
	} {
		g := governed()
		feed := map[uint64]proof.FeedRecord{}
		for i, o := range g.Openings {
			feed[i] = proof.FeedRecord{TagSalt: o.TagSalt, Tag: o.Tag}
		}
		at := c.lie(g)
		last := g.AddSealed(g.SharedAccess(g.IDs[2]), g.IDs[2])
		verdict := *g.Openings[g.Shared[5]].Verdict
		g.Openings[last].Verdict = &verdict
		verdict.Rules = []string{"agreement-party"} // forged, so that it is seen that what comes after is still judged
		r := replay(t, g.Log)
		r.feed = feed
		r.to(g.Size())
		wrong := r.verdicts.Wrong()
		if len(r.found) > 0 || len(wrong) != 1 || *wrong[0].Index != at || wrong[0].Check != c.check {
			t.Errorf("%s: found %v, wrong %v, want %s at %d", name, r.found, wrong, c.check, at)
		}
		if d := r.verdicts.Doubts(); len(d) != 1 || d[0].Index != last {
			t.Errorf("%s: doubts %+v, want one at %d", name, d, last)
		}
		if name == "whom it is about is kept back" && wrong[0].Err == nil { // a false tag has no cause
			t.Errorf("%s: %v", name, wrong)
		}
		for _, id := range append([]string{"chi:0202021238"}, g.IDs...) {
			if _, number, _ := strings.Cut(id, ":"); strings.Contains(fmt.Sprint(wrong, r.verdicts.Doubts()), number) {
				t.Errorf("%s: names a person", name)
			}
		}
	}
}

// Where content is gone nothing is said of what depends on it: of that person, and of nobody else.
func TestContentThatIsGone(t *testing.T) {
	for _, whole := range []bool{true, false} {
		g := governed()
		gone := g.Consents[0] // of person 0: her refusal
		if whole {
			g.Openings[gone].JWS, g.Openings[gone].Disclosures = "", nil
		}
		for _, i := range []uint64{g.Shared[3], g.Shared[4]} { // of persons 0 and 1
			v := *g.Openings[i].Verdict
			v.Consent = "7d444840-9dc0-11d1-b245-5ffdce74fad9"
			g.Openings[i].Verdict = &v
		}
		var kinds []string
		r := replay(t, g.Log).to(g.Size())
		for _, d := range r.verdicts.Doubts() {
			kinds = append(kinds, fmt.Sprint(d.Index, d.Kind))
		}
		want := []string{fmt.Sprint(gone, auditor.NotOpened), fmt.Sprint(g.Shared[4], auditor.VerdictDiffers)}
		unsure := uint64(1)
		if !whole {
			want, unsure = []string{fmt.Sprint(g.Shared[3], auditor.VerdictDiffers), want[1]}, 0
		}
		if !slices.Equal(kinds, want) || r.verdicts.Stats().Unsure != unsure || len(r.verdicts.Wrong()) > 0 {
			t.Errorf("gone %v: %v, unsure %d, wrong %v; want %v", whole, kinds, r.verdicts.Stats().Unsure, r.verdicts.Wrong(), want)
		}
	}
}

// The register and the rules are those of each entry's place, although many entries are judged at
// once.
func TestEntriesAreJudgedByTheirPlace(t *testing.T) {
	g := governed()
	r := replay(t, g.Log)
	for i := r.auditor.Size(); i < g.Size(); i++ { // one batch: the source's first key is revoked, and the agreement ended, before any is judged
		var rec proof.FeedRecord
		o := g.Openings[i]
		if o != nil {
			rec = proof.FeedRecord{TagSalt: o.TagSalt, Tag: o.Tag}
		}
		if _, err := r.auditor.Add(g.Leaves[i], rec); err != nil {
			t.Fatal(err)
		}
		r.verdicts.Add(g.Leaves[i], rec, o)
	}
	if r.verdicts.Stats().Sealed > 0 {
		t.Error("judged before its time: the test shows nothing")
	}
	r.verdicts.Flush()
	r.clean()
}
