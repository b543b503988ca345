package verifier_test

import (
	"fmt"
	"math/rand/v2"
	"os"
	"path/filepath"
	"reflect"
	"slices"
	"strconv"
	"testing"
	"testing/cryptotest"

	"igledger/internal/oracle"
	"igledger/internal/testlog"
	"igledger/ledger/bundle"
	"igledger/ledger/entry"
	"igledger/ledger/wire"
	"igledger/verifier"
)

// ours returns what package verifier finds in a statement, as the oracle says it.
func ours(r *verifier.StatementReport) oracle.Answer {
	a := oracle.Answer{Authentic: r.Authentic, Complete: r.Complete, Stale: r.Stale}
	if len(r.Failures) > 0 {
		a.First = string(r.Failures[0].Check)
	}
	for _, c := range r.Audited {
		a.Audited = append(a.Audited, c.By.Name)
	}
	for _, c := range r.Witnessed {
		a.Witnessed = append(a.Witnessed, c.By.Name)
	}
	slices.Sort(a.Audited)
	slices.Sort(a.Witnessed)
	if !r.AsOf.IsZero() {
		a.AsOf = uint64(r.AsOf.Unix())
	}
	if !r.Authentic {
		return a
	}
	a.Below = r.Below
	lists := [][]verifier.StatementEntry{r.Entries, r.Everyone}
	for _, l := range r.Linked {
		lists = append(lists, l.Entries)
	}
	for _, list := range lists {
		n := tallyOf(list)
		a.Shown, a.Hidden, a.Newer = a.Shown+n.Shown, a.Hidden+n.Hidden, a.Newer+n.Newer
	}
	return a
}

func tallyOf(list []verifier.StatementEntry) (a oracle.Answer) {
	for _, e := range list {
		switch {
		case e.Newer:
			a.Newer++
		case e.Hidden:
			a.Hidden++
		default:
			a.Shown++
		}
	}
	return a
}

// differ returns how the two verifiers' answers about a statement differ, "" if they are the same,
// and the check that failed first.
func differ(data []byte, id, days, policy string) (difference, first string) {
	p, err := verifier.ParsePolicy([]byte(policy))
	if err != nil {
		return err.Error(), "policy"
	}
	ev := verifier.StatementEvidence{Statement: data, Policy: p, ID: id, Now: now}
	if days != "" {
		ev.Period = asked(days)
	}
	answered := make(chan oracle.Answer, 1) // they answer at the same time
	go func() {
		answered <- oracle.Statement(string(data), oracle.Asked{Policy: policy, ID: id, Days: days, Now: now})
	}()
	r := verifier.CheckStatement(ev)
	got, want := ours(r), <-answered
	if reflect.DeepEqual(got, want) {
		return "", want.First
	}
	return fmt.Sprintf("%+v\nthe oracle %+v\n%v", got, want, r.Err()), want.First
}

// TestOracleAgreesOnTamperings gives every row of the catalogue to the oracle too.
func TestOracleAgreesOnTamperings(t *testing.T) {
	w := newWorld(t)
	for _, c := range append(tamperings(w), linkTamperings(w)...) {
		t.Run(c.name, func(t *testing.T) {
			data, id := c.make(t)
			if d, _ := differ(data, id, "", string(testlog.Policy(w.Key, 2, w.witnesses, w.auditors))); d != "" {
				t.Error(d)
			}
		})
	}
	for _, c := range scopeTamperings(w) {
		t.Run(c.name, func(t *testing.T) {
			data, id := c.make(t)
			days := ""
			if c.asked != nil {
				days = c.asked.String()
			}
			if d, _ := differ(data, id, days, string(testlog.Policy(w.Key, 2, w.witnesses, w.auditors))); d != "" {
				t.Error(d)
			}
		})
	}
}

// setting returns a number from the environment.
func setting(t testing.TB, name string, otherwise uint64) uint64 {
	text := os.Getenv(name)
	if text == "" {
		return otherwise
	}
	n, err := strconv.ParseUint(text, 10, 64)
	if err != nil {
		t.Fatalf("%s: %v", name, err)
	}
	return n
}

// TestOracleAgreesOnMutations gives the same mutated statements to both verifiers. Some logs are
// false from the start, some statements are, and some files; so the mutations get deep.
// IGLEDGER_MUTATIONS is their number, IGLEDGER_CHANCE the seed from which they all follow.
func TestOracleAgreesOnMutations(t *testing.T) {
	mutations, chance := int(setting(t, "IGLEDGER_MUTATIONS", uint64(under(1000)))), setting(t, "IGLEDGER_CHANCE", 20261127)
	cryptotest.SetGlobalRandom(t, chance)
	f := newForge(t, rand.New(rand.NewPCG(chance, 0)))
	firsts := map[string]int{}
	var l *testlog.Log
	var c testlog.Claim
	other := parseTree(f.w.finished(t, honest(f.w)))
	disagreed := 0
	for n := range mutations {
		if n%20 == 0 {
			l = f.log()
			c = f.claim(l)
		}
		data := f.statement(t, l, c, other)
		d, first := differ(data, f.asked(c), f.days(c), pick(f, f.policies...))
		firsts[first]++
		if d != "" {
			disagreed++
			name := filepath.Join(os.TempDir(), fmt.Sprintf("disagreement-%d-%d.json", chance, n))
			if err := os.WriteFile(name, data, 0o600); err != nil {
				t.Error(err)
			}
			t.Errorf("mutation %d from chance %d, %s:\n%s", n, chance, name, d)
			if disagreed > 20 {
				break
			}
		}
	}
	t.Logf("%d mutations from chance %d; the first check that failed: %v", mutations, chance, firsts)
	if mutations >= 1000 && len(firsts) < 15 {
		t.Error("the mutations do not get deep")
	}
}

func honest(w *world) *bundle.Statement {
	l := w.log()
	return l.Statement(w.indexed(l))
}

func newForge(t testing.TB, r *rand.Rand) *forge {
	w := newWorld(t)
	f := &forge{Rand: r, w: w, fife: testlog.Signer(wire.ES256), auditor: testlog.Signer(wire.EdDSA), unknown: testlog.Signer(wire.EdDSA)}
	f.policies = policiesOf(w)
	w.AddPublic(w.Organisation("fife", w.Registrar, w.Enroller))
	w.AddPublic(w.AddKey("fife", f.fife, entry.PurposeAgreements, entry.PurposeSubmit))
	w.AddPublic(w.AddKey("lothian", f.auditor, entry.PurposeAudit))
	return f
}

// policiesOf returns what a reader may ask for, mostly all cosigners.
func policiesOf(w *world) []string {
	key := func(i int) string { return w.everybody()[i].VKey() }
	names := fmt.Sprintf("log %s\nwitness a %s\nwitness b %s\nwitness c %s\nwitness d %s\n", w.Key, key(0), key(1), key(2), key(3))
	return []string{
		string(testlog.Policy(w.Key, 2, w.witnesses, w.auditors)),
		string(testlog.Policy(w.Key, 2, w.witnesses, w.auditors)),
		string(testlog.Policy(w.Key, 1, w.witnesses, w.auditors)),
		names + "quorum none\n",
		names + "quorum c\n",
		names + "group auditors any c d\ngroup others all a b\ngroup both all auditors others\nquorum both\n",
		names + "group auditors any c d\ngroup witnesses all a b\ngroup both any auditors witnesses\nquorum both\n",
		names + "group x 2 a b c\ngroup y any x d\nquorum y\n",
		"# another log\nlog " + testlog.New("other.test/1").Key + "\n" + names + "quorum a\n",
	}
}

// asked is whom the reader means, mostly the one whom the statement is about.
func (f *forge) asked(c testlog.Claim) string {
	if f.chance(3) {
		return pick(f, f.id(), "", "chi:1")
	}
	return c.ID
}

// statement makes the statement for a claim and mutates it.
func (f *forge) statement(t testing.TB, l *testlog.Log, c testlog.Claim, other *jsonTree) []byte {
	s := l.Statement(c)
	for range f.IntN(3) {
		f.mutateStatement(l, s)
	}
	if _, err := s.LeafHashes(); err == nil && f.chance(90) {
		func() {
			defer func() { _ = recover() }() // positions that the log does not have
			l.Prove(s)
		}()
	}
	data := f.w.finished(t, s)
	if !f.chance(50) {
		return data
	}
	tree := parseTree(data)
	for range 1 + f.IntN(2) {
		mutateTree(f.Rand, tree, other)
	}
	data = tree.bytes()
	if f.chance(5) {
		data[f.IntN(len(data))] = byte(f.IntN(256))
	}
	return data
}
