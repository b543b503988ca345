package verifier_test

import (
	"bytes"
	"errors"
	"fmt"
	"regexp"
	"runtime"
	"slices"
	"strings"
	"sync"
	"testing"
	"time"

	"github.com/go-json-experiment/json"

	"igledger/internal/testlog"
	"igledger/ledger/bundle"
	"igledger/ledger/entry"
	"igledger/ledger/proof"
	"igledger/ledger/wire"
	"igledger/verifier"
)

// world is a sample log with cosigners and a policy that wants both witnesses and both auditors.
type world struct {
	*testlog.Sample
	witnesses, auditors []*testlog.Cosigner
	policy              *verifier.Policy
	linked              bool // statements are of IDs[2], with which me is linked
}

func newWorld(t testing.TB) *world { return newWorldOn(t, testlog.New(origin)) }

func newWorldOn(t testing.TB, l *testlog.Log) *world { return newWorldOf(t, testlog.NewSampleOn(l)) }

func newWorldOf(t testing.TB, s *testlog.Sample) *world {
	t.Helper()
	w := &world{Sample: s}
	w.witnesses = []*testlog.Cosigner{testlog.NewCosigner("witness.one.test/w"), testlog.NewCosigner("witness.two.test/w")}
	w.auditors = []*testlog.Cosigner{testlog.NewCosigner("board.test/audit"), testlog.NewCosigner("university.test/audit")}
	p, err := verifier.ParsePolicy(testlog.Policy(w.Key, 2, w.witnesses, w.auditors))
	if err != nil {
		t.Fatal(err)
	}
	w.policy = p
	return w
}

func (w *world) everybody() []*testlog.Cosigner {
	return append(append([]*testlog.Cosigner{}, w.witnesses...), w.auditors...)
}

// me is the person whose statements are asked for: accesses 0 (by the first key, later revoked) and
// 3 (by the second).
func (w *world) me() string { return w.IDs[0] }

// indexed appends the index root of the log as it is, and claims me. As in a live log, a leaf comes
// between the root's computation and its logging, so that not the index root is the first that the
// index does not cover. Three more leaves follow, because the log goes on.
func (w *world) indexed(l *testlog.Log) testlog.Claim {
	return w.indexedWhile(l, func() { l.AddRandom(1) })
}

// indexedWhile is indexed with other leaves in between.
func (w *world) indexedWhile(l *testlog.Log, add func()) testlog.Claim {
	c := testlog.Claim{ID: w.me(), IndexRoot: l.AddIndexRootWhile(add), Cosigners: w.everybody()}
	l.AddRandom(3)
	return c
}

// statement makes the statement for a claim. If me is everybody (entry.RegEveryone), a person's
// history stands under everyone, and where me is linked under linked, until finished puts both
// where they belong: so whatever is done to a subject's history is done to the reads of everybody's
// data, and to a linked history.
func (w *world) statement(l *testlog.Log, c testlog.Claim) *bundle.Statement {
	if w.linked {
		c.Linked = []string{w.asked()}
	}
	if w.me() == entry.RegEveryone {
		c.Besides = w.asked()
	}
	return l.Statement(c)
}

func (w *world) finished(t testing.TB, s *bundle.Statement) []byte {
	if w.me() == entry.RegEveryone {
		own := s.Own()
		s.Subject, s.Entries, s.Newer, s.Everyone = s.Everyone.Subject, s.Everyone.Entries, s.Everyone.Newer, own
	}
	if w.linked {
		own, l := s.Own(), s.Linked[0]
		s.Subject, s.Entries, s.Newer, s.Linked[0] = l.Subject, l.Entries, l.Newer, bundle.LinkedHistory{ID: w.me(), History: *own}
	}
	return raw(t, s)
}

// asked is whose statement is asked for.
func (w *world) asked() string {
	if w.linked || w.me() == entry.RegEveryone {
		return w.IDs[2]
	}
	return w.me()
}

func (w *world) log() *testlog.Log { return w.Fork(w.Size()) }

var now = time.Unix(testlog.Now, 0).Add(time.Hour)

func (w *world) check(data []byte) *verifier.StatementReport {
	return verifier.CheckStatement(verifier.StatementEvidence{Statement: data, Policy: w.policy, ID: w.me(), Now: now})
}

// raw writes a statement whatever its form.
func raw(t testing.TB, v any) []byte {
	t.Helper()
	b, err := json.Marshal(v, json.Deterministic(true))
	if err != nil {
		t.Fatal(err)
	}
	return b
}

// tally says how many rows of each kind a report has: the person's own, and after a semicolon reads
// of everyone's data.
func tally(r *verifier.StatementReport) string {
	var lists []string
	for _, rows := range [][]verifier.StatementEntry{r.Entries, r.Everyone} {
		kinds := map[string]int{}
		for _, e := range rows {
			kind := "shown"
			if e.Newer {
				kind = "newer"
			} else if e.Hidden {
				kind = "hidden"
			}
			kinds[kind]++
		}
		var parts []string
		for _, kind := range []string{"shown", "hidden", "newer"} {
			if kinds[kind] > 0 {
				parts = append(parts, fmt.Sprintf("%d %s", kinds[kind], kind))
			}
		}
		lists = append(lists, strings.Join(parts, ", "))
	}
	return strings.TrimSuffix(strings.Join(lists, "; "), "; ")
}

func TestHonestStatements(t *testing.T) {
	w := newWorld(t)
	more := func(l *testlog.Log) testlog.Claim {
		return w.indexedWhile(l, func() {
			l.AddRandom(1)
			l.AddSealed(w.Access("lothian", w.Second, w.me()), w.me())
			l.AddRandom(1)
		})
	}
	for name, c := range map[string]struct {
		make  func(l *testlog.Log) testlog.Claim
		rows  string // own and everyone's, see tally
		below uint64
	}{
		"whole": {w.indexed, "2 shown", 11},
		"newer": {more, "2 shown, 1 newer", 11},
		"newer, the first that the index lacks": {func(l *testlog.Log) testlog.Claim {
			return w.indexedWhile(l, func() { l.AddSealed(w.Access("lothian", w.Second, w.me()), w.me()) })
		}, "2 shown, 1 newer", 11},
		"nobody looked": {func(l *testlog.Log) testlog.Claim { c := w.indexed(l); c.ID = "chi:0202021238"; return c }, "", 11},
		"reads of everyone's data": {func(l *testlog.Log) testlog.Claim {
			bulk := func() { l.AddSealed(w.Access("lothian", w.Second, entry.RegEveryone), entry.RegEveryone) }
			bulk()
			bulk()
			return w.indexedWhile(l, bulk)
		}, "2 shown; 2 shown, 1 newer", 13},
		"that register itself": {func(l *testlog.Log) testlog.Claim {
			l.AddSealed(w.Access("lothian", w.Second, entry.RegEveryone), entry.RegEveryone)
			c := w.indexed(l)
			c.ID = entry.RegEveryone
			return c
		}, "1 shown", 12},
		"another person": {func(l *testlog.Log) testlog.Claim { c := w.indexed(l); c.ID = w.IDs[2]; return c }, "2 shown", 11},
	} {
		l := w.log()
		claim := c.make(l)
		data := testlog.StatementJSON(l.Statement(claim))
		r := verifier.CheckStatement(verifier.StatementEvidence{Statement: data, Policy: w.policy, ID: claim.ID, Now: now})
		if r.Err() != nil || !r.Authentic || !r.Complete || r.Stale {
			t.Errorf("%s: %v, %+v", name, r.Err(), r.Lines)
			continue
		}
		if got := tally(r); got != c.rows || r.Below != c.below {
			t.Errorf("%s: %q below %d, want %q below %d", name, got, r.Below, c.rows, c.below)
		}
		if len(r.Audited) != 2 || len(r.Witnessed) != 2 || !r.AsOf.Equal(time.Unix(testlog.Now, 0)) {
			t.Errorf("%s: cosigned %q as of %s", name, r.Lines.Cosigned, r.AsOf)
		}
		for _, e := range r.Entries {
			if !e.Hidden && e.Entry == nil || e.Newer != (e.Index >= c.below) {
				t.Errorf("%s: entry %d: %+v", name, e.Index, e)
			}
		}
	}
}

// Progress begins at 0 for each list and for the signatures, and never passes what there is.
func TestStatementProgress(t *testing.T) {
	w := newWorld(t)
	var got []string
	l := w.log()
	claim := w.indexed(l)
	r := verifier.CheckStatement(verifier.StatementEvidence{Statement: testlog.StatementJSON(l.Statement(claim)), Policy: w.policy,
		ID: w.me(), Now: now, OnProgress: func(at, of uint64) { got = append(got, fmt.Sprintf("%d/%d", at, of)) }})
	if want := "0/2 1/2 0/8 1/8 2/8 3/8 4/8 5/8 6/8 7/8"; r.Err() != nil || strings.Join(got, " ") != want {
		t.Errorf("%v: %s, want %s", r.Err(), strings.Join(got, " "), want)
	}
}

// TestFalseIndex: an operator who leaves an access out of the index itself makes a statement that
// only auditors can tell from a true one. That is what their cosignature is for.
func TestFalseIndex(t *testing.T) {
	w := newWorld(t)
	l := w.log()
	m := l.Size()
	histories := l.Histories(m)
	tag, _ := l.VRF.Tag(origin, w.me())
	delete(histories, proof.TagKey(tag))
	c := testlog.Claim{ID: w.me(), IndexRoot: l.AddIndexRootOf(m, testlog.IndexOf(histories).Root(), l.Operator), Histories: histories, Cosigners: w.witnesses, Omit: map[uint64]bool{w.Accesses[0]: true, w.Accesses[3]: true}}
	data := testlog.StatementJSON(l.Statement(c))
	r := w.check(data)
	if !isFailure(r.Err(), verifier.CheckAuditors) || r.Complete {
		t.Errorf("without an auditor: %v", r.Err())
	}
	alone, _ := verifier.PolicyForLog(w.Key)
	r = verifier.CheckStatement(verifier.StatementEvidence{Statement: data, Policy: alone, ID: w.me(), Now: now})
	if r.Err() != nil || !r.Complete || len(r.Entries)+len(r.Everyone) > 0 || r.AuditedEnough {
		t.Errorf("believing the operator: %v, %q", r.Err(), r.Lines.Complete)
	}
}

// TestFlippedStatementNeverVerifies flips bits of every byte of a statement that all cosigners of
// the policy must have signed. Text is for readers, and remarks and time of receipt are the
// ledger's own word: nothing proves them.
func TestFlippedStatementNeverVerifies(t *testing.T) {
	w := newWorld(t)
	l := w.log()
	s := l.Statement(w.indexed(l))
	data := testlog.StatementJSON(s)
	if r := w.check(data); !r.Complete {
		t.Fatal(r.Err())
	}
	unproved := map[int]bool{}
	for _, text := range []string{s.Text[0], s.Entries[0].Received} {
		for at, rest := 0, data; ; {
			i := bytes.Index(rest, []byte(text))
			if i < 0 {
				break
			}
			for n := range len(text) {
				unproved[at+i+n] = true
			}
			at, rest = at+i+len(text), rest[i+len(text):]
		}
	}
	flip := make(chan int)
	var all sync.WaitGroup
	for range runtime.GOMAXPROCS(0) {
		all.Go(func() {
			for pos := range flip {
				if r := w.check(flipped(data, pos)); r.Complete || r.Err() == nil {
					t.Errorf("byte %d of %d (%q): verifies", pos, len(data), data[max(0, pos-20):min(len(data), pos+20)])
				}
			}
		})
	}
	for i, pos := range telling(data) {
		if !unproved[pos] && i%(10/under(10)) == 0 {
			flip <- pos
		}
	}
	close(flip)
	all.Wait()
	for n := 0; n < len(data); n += 1 + len(data)/50 {
		if r := w.check(data[:n]); r.Complete || !isFailure(r.Err(), verifier.CheckStatementForm) {
			t.Errorf("cut to %d bytes: %v", n, r.Err())
		}
	}
}

// telling returns the positions of the bytes whose change may be noticed by a check of their own:
// all of them, but of long runs of base64, which are hashes, signatures and encoded JSON, only
// every seventh. Each check of a whole statement takes milliseconds, with the race detector ten
// times that.
func telling(data []byte) []int {
	var out []int
	for _, span := range regexp.MustCompile(`[A-Za-z0-9_+/-]{32,}|(?s:.)`).FindAllIndex(data, -1) {
		for pos := span[0]; pos < span[1]; pos += 7 {
			out = append(out, pos)
		}
	}
	return out
}

func flipped(data []byte, pos int) []byte {
	b := bytes.Clone(data)
	b[pos] ^= 1 << (pos % 7)
	return b
}

// TestStatementErrorsNamePersons never: neither id nor tag nor name may stand in any word of a
// report.
func TestStatementReportsNameNobody(t *testing.T) {
	w := newWorld(t)
	for _, c := range tamperings(w) {
		data, _ := c.make(t)
		r := w.check(data)
		tag, _ := w.VRF.Tag(origin, w.me())
		for _, f := range r.Failures {
			for _, secret := range []string{"0101011237", "9434765919", "Mackay", wire.Encode64(tag[:])} {
				if strings.Contains(f.Error(), secret) {
					t.Errorf("%s: %v names a person", c.name, f)
				}
			}
		}
	}
}

func FuzzCheckStatement(f *testing.F) {
	w := newWorld(f)
	l := w.log()
	c := w.indexed(l)
	f.Add(testlog.StatementJSON(l.Statement(c)))
	c.Period = &bundle.Period{From: 8, To: 9, Days: &bundle.Days{From: "2026-11-12", To: "2026-11-13"}}
	f.Add(testlog.StatementJSON(l.Statement(c)))
	bulk := w.log()
	bulk.AddSealed(w.Access("lothian", w.Second, entry.RegEveryone), entry.RegEveryone)
	f.Add(testlog.StatementJSON(bulk.Statement(w.indexed(bulk))))
	linked := w.log()
	w.link(linked, "linked", w.me(), w.other())
	f.Add(testlog.StatementJSON(linked.Statement(w.indexed(linked))))
	x, err := l.Extract(c, w.Accesses[3]).Marshal()
	if err != nil {
		f.Fatal(err)
	}
	f.Add(x)
	receipt := testlog.JSON(w.Receipt(w.Accesses[0], w.Size()))
	f.Fuzz(func(t *testing.T, data []byte) {
		ev := verifier.StatementEvidence{Statement: data, Policy: w.policy, ID: w.me(), Now: now}
		for _, r := range []*verifier.StatementReport{verifier.CheckStatement(ev), verifier.CheckExtract(ev)} {
			var failure *verifier.Failure
			if err := r.Err(); err != nil && !errors.As(err, &failure) {
				t.Fatalf("%v is no failure", err)
			}
			if (r.Complete || r.Authentic) && r.Err() != nil && r.Complete {
				t.Fatalf("complete in spite of %v", r.Err())
			}
		}
		verifier.CheckContradiction(receipt, data, w.policy)
		verifier.ParsePolicy(data)
	})
}

// TestIndexRootThatLeavesOutTooMuch has a genesis that allows an index five entries behind.
func TestIndexRootThatLeavesOutTooMuch(t *testing.T) {
	w := newWorldOn(t, testlog.NewLag(origin, 5))
	l := w.log()
	c := w.indexedWhile(l, func() { l.AddRandom(4) }) // four leaves and the index root: five behind
	if r := w.check(testlog.StatementJSON(l.Statement(c))); r.Err() != nil {
		t.Errorf("as far behind as allowed: %v", r.Err())
	}
	l = w.log()
	c = w.indexedWhile(l, func() { l.AddRandom(5) })
	r := w.check(testlog.StatementJSON(l.Statement(c)))
	if !isFailure(r.Err(), verifier.CheckIndexLag) || r.Complete || !r.Authentic {
		t.Errorf("further behind: %v, complete %v, authentic %v", r.Err(), r.Complete, r.Authentic)
	}
}

func without(list bundle.Chains, name string) bundle.Chains {
	out := bundle.Chains{}
	for _, c := range list {
		if c.Name != name {
			out = append(out, c)
		}
	}
	return out
}

// with returns list with one more chain, in order of name.
func with(list bundle.Chains, c bundle.Chain) bundle.Chains {
	out := append(bundle.Chains{c}, list...)
	slices.SortFunc(out, func(a, b bundle.Chain) int { return strings.Compare(a.Name, b.Name) })
	return out
}

// TestIndexRootsAsHistory: the history of the index roots is an ordinary one. That no statement
// needs it makes it no contradiction to the index root on which the statement rests.
func TestIndexRootsAsHistory(t *testing.T) {
	w := newWorld(t)
	l := w.log()
	l.AddIndexRoot()
	m := l.Size()
	s := l.Statement(w.indexed(l))
	c := l.Chain("index-root", m)
	if len(c.Leaves) != 1 {
		t.Fatalf("%d index roots below %d", len(c.Leaves), m)
	}
	s.Chains = with(s.Chains, c)
	l.Prove(s)
	if r := w.check(testlog.StatementJSON(s)); r.Err() != nil || !r.Complete {
		t.Errorf("with an earlier index root: %v", r.Err())
	}

	// The one on which it rests is not among them: it lies above what it covers.
	c.Leaves = append(c.Leaves, s.IndexRoot)
	s.Chains = with(without(s.Chains, "index-root"), c)
	if r := w.check(raw(t, s)); !isFailure(r.Err(), verifier.CheckKeyHistory) || r.Authentic {
		t.Errorf("with the statement's own: %v", r.Err())
	}
}

// TestChainThatIsNotWhole: where a key's history is not all of it, no result says that histories
// are whole.
func TestChainThatIsNotWhole(t *testing.T) {
	w := newWorld(t)
	l := w.log()
	s := l.Statement(w.indexed(l))
	for i := range s.Chains {
		if s.Chains[i].Name == "key:"+w.Source.KID {
			s.Chains[i].Leaves = s.Chains[i].Leaves[:1] // without its revocation
		}
	}
	l.Prove(s)
	r := w.check(testlog.StatementJSON(s))
	if !isFailure(r.Err(), verifier.CheckKeyHistory) {
		t.Fatal(r.Err())
	}
	for _, res := range r.Results {
		if res.Check == verifier.CheckKeyHistory && res.Status == verifier.OK {
			t.Errorf("%q", res.Note)
		}
	}
}

// TestIndexRootAtTheEnd: an index root exactly at the checkpoint's size is not in the log yet.
func TestIndexRootAtTheEnd(t *testing.T) {
	w := newWorld(t)
	l := w.log()
	s := l.Statement(w.indexed(l))
	s.Checkpoint = string(l.Cosigned(s.IndexRoot.Index, 0, w.everybody()...))
	r := w.check(testlog.StatementJSON(s))
	if !isFailure(r.Err(), verifier.CheckInclusion) || len(r.Failures) != 2 || r.Failures[1].Check != verifier.CheckIndexRoot || r.Below != 0 {
		t.Errorf("%v", r.Failures)
	}
}
