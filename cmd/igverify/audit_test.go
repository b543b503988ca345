package main

import (
	"bytes"
	"context"
	"encoding/json"
	"maps"
	"os"
	"path/filepath"
	"regexp"
	"slices"
	"strings"
	"testing"
	"time"

	"igledger/internal/testlog"
	"igledger/ledger/proof"
	"igledger/ledger/wire"
)

// rooted is a sample whose index covers all but its own root.
func rooted() *testlog.Sample {
	s := testlog.NewSampleOn(testlog.NewLag("ledger.test/2026", 20))
	s.AddIndexRoot()
	return s
}

// What holds is cosigned, and a later run reads only what is new.
func TestAuditCosignsWhatHolds(t *testing.T) {
	l := rooted()
	s := newLedgerServer(t, l.Log)
	out, _ := s.once(0)
	if got := s.cosignedSizes(); !slices.Equal(got, []uint64{l.Size()}) {
		t.Errorf("cosigned %d, want %d", got, l.Size())
	}
	for _, want := range []string{"1 index roots are those of their entries", "entries 0 to 11 hash to the signed root", "cosigned size 12 as audit.test/one", "verified"} {
		if !strings.Contains(out, want) {
			t.Errorf("does not say %q:\n%s", want, out)
		}
	}
	before := l.Size()
	l.AddSealed(l.Access("lothian", l.Second, l.IDs[0]), l.IDs[0])
	l.AddIndexRoot()
	s.show(l.Log, l.Size())
	s.change(func() { s.asked = nil })
	out, _ = s.once(0, "--json")
	var rep report
	if err := json.Unmarshal([]byte(out), &rep); err != nil || rep.Result != "verified" || *rep.Log.Size != l.Size() {
		t.Errorf("--json: %v\n%s", err, out)
	}
	if got := s.cosignedSizes(); !slices.Equal(got, []uint64{l.Size()}) {
		t.Errorf("cosigned %d, want %d", got, l.Size())
	}
	if want := "v1/feed/" + string(testlog.JSON(before)); !slices.Contains(s.asked, want) || slices.Contains(s.asked, "v1/feed/0") {
		t.Errorf("asked for %v, want the feed from %d only", s.asked, before)
	}
	checkNoID(t, "audit", l.IDs, out)
	state, err := os.ReadFile(filepath.Join(s.dir, "state", "state"))
	if err != nil {
		t.Fatal(err)
	}
	checkNoID(t, "the state file", l.IDs, string(state))
}

// Without --key it checks and says nothing.
func TestAuditWithoutKey(t *testing.T) {
	s := newLedgerServer(t, rooted().Log)
	args := slices.DeleteFunc(s.args("--once"), func(a string) bool { return a == "--key" || strings.HasSuffix(a, "audit.key") })
	if code, out, errOut := igverify("", args...); code != 0 || !strings.Contains(out, "not cosigned: no --key") || len(s.cosignedSizes()) > 0 {
		t.Errorf("exit code %d\n%s%s", code, out, errOut)
	}
}

// What convicts the operator ends cosigning for good: with evidence that anybody can check, and over restarts, until somebody has looked.
func TestAuditConvicts(t *testing.T) {
	for name, c := range map[string]struct {
		lie  func(l *testlog.Sample, s *ledgerServer) // after a first good round
		says string
	}{
		"a false index root": {func(l *testlog.Sample, s *ledgerServer) {
			l.AddSealed(l.Access("lothian", l.Second, l.IDs[0]), l.IDs[0])
			l.AddIndexRootOf(l.Size(), l.IndexAt(l.Size()-1).Root(), l.Operator) // the new access is not in it
			s.show(l.Log, l.Size())
		}, "false index root"},
		"an entry nobody might make": {func(l *testlog.Sample, s *ledgerServer) {
			l.AddPublic(l.Organisation("fife", l.Registrar, nil))
			s.show(l.Log, l.Size())
		}, "without the second pair of eyes"},
		"another history of the same size": {func(l *testlog.Sample, s *ledgerServer) {
			f := l.Fork(l.Size() - 1)
			f.AddSealed(l.Access("lothian", l.Second, l.IDs[0]), l.IDs[0])
			s.show(f, f.Size())
		}, "the log forked"},
		"another history, longer": {func(l *testlog.Sample, s *ledgerServer) {
			f := l.Fork(l.Size() - 1)
			for range 4 {
				f.AddSealed(l.Access("lothian", l.Second, l.IDs[0]), l.IDs[0])
			}
			s.show(f, f.Size())
		}, "the log forked"},
		"a shorter log": {func(l *testlog.Sample, s *ledgerServer) { s.show(l.Log, 7) }, "rewound"},
	} {
		t.Run(name, func(t *testing.T) {
			l := rooted()
			s := newLedgerServer(t, l.Log)
			s.once(0)
			s.cosignedSizes()
			c.lie(l, s)
			out, _ := s.once(1)
			if !strings.Contains(out, c.says) {
				t.Errorf("does not say %q:\n%s", c.says, out)
			}
			files := s.evidence()
			if len(files) != 1 {
				t.Fatalf("evidence: %v", files)
			}
			if code, out, _ := igverify("", "evidence", files[0], "--log-key", l.Key); code != 0 {
				t.Errorf("the evidence does not hold:\n%s", out)
			}
			data, err := os.ReadFile(files[0])
			if err != nil {
				t.Fatal(err)
			}
			checkNoID(t, "evidence", l.IDs, out+string(data))
			if code, _, _ := igverify("", "evidence", files[0], "--log-key", testlog.New("ledger.test/2026").Key); code != 1 {
				t.Errorf("the evidence convicts another log: exit code %d", code)
			}
			s.change(func() { s.asked = nil })
			out, _ = s.once(1)
			if !strings.Contains(out, c.says) || !strings.Contains(out, "until somebody has looked") || len(s.asked) > 0 {
				t.Errorf("after a restart: asked %v\n%s", s.asked, out)
			}
			if err := os.Remove(filepath.Join(s.dir, "state", "alarm")); err != nil {
				t.Fatal(err)
			}
			s.once(1) // it is still so
			if got := s.cosignedSizes(); len(got) > 0 {
				t.Errorf("cosigned %d after all", got)
			}
		})
	}
}

// A log that shows less for a moment, as a lagging cache does, is not accused.
func TestAuditAsksAgain(t *testing.T) {
	l := rooted()
	s := newLedgerServer(t, l.Log)
	s.once(0)
	old := l.FilesAt(7)
	now := maps.Clone(s.files)
	s.change(func() { s.files = old })
	a := newAudit(t, s)
	asked := 0
	a.wait = func(context.Context, time.Duration) error {
		if asked++; asked == 2 {
			s.change(func() { s.files = now })
		}
		return nil
	}
	if end, err := a.once(t.Context(), &report{}); end != unreadable || err == nil || s.has("alarm") {
		t.Errorf("%s, %v", end, err)
	}
	if end, err := a.once(t.Context(), &report{}); end != cosigned || err != nil {
		t.Errorf("then: %s, %v", end, err)
	}
}

// What may pass is not cosigned, is no alarm, and is cosigned when it has passed.
func TestAuditTriesAgain(t *testing.T) {
	for name, c := range map[string]struct {
		fault  func(l *testlog.Sample, s *ledgerServer)
		repair func(l *testlog.Sample, s *ledgerServer)
		says   string
		code   int
		rounds int // that fail after the repair
	}{
		"a feed with another tag": {func(l *testlog.Sample, s *ledgerServer) {
			s.feed = func(at uint64, rec proof.FeedRecord) proof.FeedRecord {
				if at == l.Accesses[2] {
					rec.Tag[0] ^= 1
				}
				return rec
			}
		}, func(_ *testlog.Sample, s *ledgerServer) { s.feed = nil }, "another link than the one that the leaf is committed to", 1, 0},
		"a feed that ends": {func(l *testlog.Sample, s *ledgerServer) { s.refuse["/v1/feed/"] = 404 },
			func(_ *testlog.Sample, s *ledgerServer) { delete(s.refuse, "/v1/feed/") }, "", 3, 0},
		"a log that does not take it": {func(l *testlog.Sample, s *ledgerServer) { s.refuse["/v1/cosignatures"] = 422 },
			func(_ *testlog.Sample, s *ledgerServer) { delete(s.refuse, "/v1/cosignatures") }, "does not take it", 3, 0},
		"damaged entries": {func(l *testlog.Sample, s *ledgerServer) {
			for path, data := range s.files {
				if strings.HasPrefix(path, "tile/entries") {
					s.files[path] = bytes.Clone(data)
					s.files[path][len(data)-5] ^= 1
				}
			}
		}, func(l *testlog.Sample, s *ledgerServer) { s.files = l.Files() }, "", 1, 0},
		"an index too far behind": {func(l *testlog.Sample, s *ledgerServer) {
			for range 20 {
				l.AddSealed(l.Access("lothian", l.Second, l.IDs[0]), l.IDs[0])
			}
			s.size, s.files = l.Size(), l.Files()
		}, func(l *testlog.Sample, s *ledgerServer) {
			l.AddIndexRoot()
			s.size, s.files = l.Size(), l.Files()
		}, "21 behind", 1, 1},
	} {
		t.Run(name, func(t *testing.T) {
			l := rooted()
			s := newLedgerServer(t, l.Log)
			s.change(func() { c.fault(l, s) })
			for range 2 {
				out, errOut := s.once(c.code)
				if !strings.Contains(out+errOut, c.says) {
					t.Errorf("does not say %q:\n%s%s", c.says, out, errOut)
				}
			}
			if s.has("alarm") || len(s.evidence()) > 0 || len(s.cosignedSizes()) > 0 {
				t.Error("alarmed, or cosigned")
			}
			s.change(func() { c.repair(l, s) })
			for range c.rounds {
				s.once(c.code)
			}
			s.once(0)
			if got := s.cosignedSizes(); !slices.Equal(got, []uint64{l.Size()}) {
				t.Errorf("cosigned %d, want %d", got, l.Size())
			}
		})
	}
}

// An audit that ends anywhere goes on from there, and nothing it had found is forgotten.
func TestAuditIsInterrupted(t *testing.T) {
	l := rooted()
	wrong := l.AddIndexRootOf(l.Size(), wire.Hash{9}, l.Operator)
	for range 300 {
		l.AddSealed(l.Access("lothian", l.Second, l.IDs[1]), l.IDs[1])
	}
	for l.Size() < 330 {
		l.AddIndexRoot()
	}
	s := newLedgerServer(t, l.Log)
	s.change(func() { s.refuse["/tile/entries/001"] = 404 })
	a := newAudit(t, s)
	if end, err := a.once(t.Context(), &report{}); end != unreadable || err == nil || a.auditor.Size() != 256 || len(a.found) == 0 {
		t.Fatalf("%s at %d with %d findings: %v", end, a.auditor.Size(), len(a.found), err)
	}
	if err := a.keep(); err != nil || s.has("state") {
		t.Errorf("an audit with findings was kept: %v", err)
	}
	s.change(func() { clear(s.refuse) })
	rep := &report{}
	if end, err := a.once(t.Context(), rep); end != convicted || err != nil || *rep.Failures[0].Index != wrong {
		t.Errorf("%s: %v, %v", end, err, rep.Failures)
	}
}

// The state that was written on the way is gone on from; and dropped when it led to another root than the signed one.
func TestAuditStateOnTheWay(t *testing.T) {
	l := rooted()
	for range 290 {
		l.AddSealed(l.Access("lothian", l.Second, l.IDs[1]), l.IDs[1])
		if l.Size()%10 == 0 {
			l.AddIndexRoot()
		}
	}
	l.AddIndexRoot()
	for _, damaged := range []bool{false, true} {
		s := newLedgerServer(t, l.Log)
		s.change(func() {
			s.refuse["/tile/entries/001"] = 404
			if damaged { // a leaf in the first bundle and the hash tile over it, as a lying cache would
				at := uint64(254) // after the last index root of the bundle, which would tell
				leaf := proof.SealedLeaf(proof.TagCommit(l.Openings[at].TagSalt, l.Openings[at].Tag), wire.Hash{})
				hash := proof.LeafHash(leaf)
				s.files["tile/entries/000"] = testlog.Bundle(slices.Replace(slices.Clone(l.Leaves[:256]), int(at), int(at)+1, leaf))
				s.files["tile/0/000"] = slices.Replace(slices.Clone(s.files["tile/0/000"]), 32*int(at), 32*int(at)+32, hash[:]...)
			}
		})
		first := newAudit(t, s)
		if end, err := first.once(t.Context(), &report{}); end != unreadable || err == nil {
			t.Fatalf("%s, %v", end, err)
		}
		if err := first.keep(); err != nil || !s.has("state") {
			t.Fatal(err)
		}
		s.change(func() { clear(s.refuse); s.files = l.Files(); s.asked = nil })
		a := newAudit(t, s)
		end, err := a.once(t.Context(), &report{})
		if from256 := slices.Contains(s.asked, "v1/feed/256"); !from256 {
			t.Errorf("asked for %v, want the feed from 256", s.asked)
		}
		if damaged {
			if end != failed || err != nil || s.has("alarm") {
				t.Errorf("damaged on the way: %s, %v", end, err)
			}
			end, err = a.once(t.Context(), &report{})
		}
		if end != cosigned || err != nil {
			t.Errorf("damaged %v: %s, %v", damaged, end, err)
		}
	}
}

func TestAuditRefusesStateFilesThatAreNotIts(t *testing.T) {
	l := rooted()
	s := newLedgerServer(t, l.Log)
	s.once(0)
	other := newLedgerServer(t, rooted().Log)
	other.once(0)
	for _, name := range []string{"state", "latest"} {
		path := filepath.Join(s.dir, "state", name)
		good, err := os.ReadFile(path)
		if err != nil {
			t.Fatal(err)
		}
		foreign, err := os.ReadFile(filepath.Join(other.dir, "state", name))
		if err != nil {
			t.Fatal(err)
		}
		flipped := bytes.Clone(good)
		flipped[len(flipped)/3] ^= 1
		for what, data := range map[string][]byte{"empty": nil, "torn": good[:len(good)-9], "damaged": flipped, "another log's": foreign} {
			overwrite(t, path, data)
			if _, errOut := s.once(3); !strings.Contains(errOut, "state") {
				t.Errorf("%s %s: %s", what, name, errOut)
			}
			if kept, _ := os.ReadFile(path); !bytes.Equal(kept, data) {
				t.Errorf("%s %s was written over", what, name)
			}
		}
		overwrite(t, path, good)
	}
	s.cosignedSizes()
	s.once(0)
}

// Openings are asked for of new entries only; one that is filed under somebody else ends the audit.
func TestAuditSamplesOpenings(t *testing.T) {
	l := rooted()
	s := newLedgerServer(t, l.Log)
	seed := strings.Repeat("5a", 32)
	out, _ := s.once(0, "--openings", "3", "--seed", seed)
	if len(s.openings) != 3 || !strings.Contains(out, "3 of 6 new sealed entries were opened") || !strings.Contains(out, seed) {
		t.Errorf("opened %v\n%s", s.openings, out)
	}
	first := slices.Clone(s.openings)
	again := newLedgerServer(t, l.Log)
	again.once(0, "--openings", "3", "--seed", seed)
	if !slices.Equal(again.openings, first) {
		t.Errorf("one seed chooses %v and %v", first, again.openings)
	}
	misfiled := l.AddSealed(l.Access("lothian", l.Second, l.IDs[0]), l.IDs[1])
	l.AddIndexRoot()
	s.show(l.Log, l.Size())
	out, _ = s.once(1, "--openings", "3")
	if s.openings[3] != misfiled || !strings.Contains(out, "filed under somebody else") || !s.has("alarm") {
		t.Errorf("opened %v\n%s", s.openings, out)
	}
	checkNoID(t, "openings", l.IDs, out)
	if !regexp.MustCompile(`chosen by ChaCha8 from seed [0-9a-f]{64}`).MatchString(out) {
		t.Errorf("the seed is not told:\n%s", out)
	}
	again.show(l.Log, l.Size())
	again.change(func() { again.refuse["/v1/openings/"] = 404 })
	out, _ = again.once(1, "--openings", "3")
	if !strings.Contains(out, "does not show an auditor") || again.has("alarm") {
		t.Errorf("refused:\n%s", out)
	}
}

func TestAuditUsage(t *testing.T) {
	s := newLedgerServer(t, rooted().Log)
	for name, change := range map[string]func(args []string) []string{
		"no state": func(a []string) []string {
			return slices.Delete(a, slices.Index(a, "--state"), slices.Index(a, "--state")+2)
		},
		"no org": func(a []string) []string {
			return slices.Delete(a, slices.Index(a, "--org"), slices.Index(a, "--org")+2)
		},
		"interval 0": func(a []string) []string { return append(a, "--interval", "0s") },
		"short seed": func(a []string) []string { return append(a, "--seed", "5a") },
		"keys mixed": func(a []string) []string {
			a[slices.Index(a, "--key")+1] = filepath.Join(s.dir, "caller.jwk")
			return a
		},
		"keys mixed2": func(a []string) []string {
			a[slices.Index(a, "--caller-key")+1] = filepath.Join(s.dir, "audit.key")
			return a
		},
		"two URLs": func(a []string) []string { return append(a, s.URL) },
	} {
		if code, out, errOut := igverify("", change(s.args("--once"))...); code != exitUsage || out != "" || strings.Contains(errOut, "PRIVATE") {
			t.Errorf("%s: exit code %d\n%s%s", name, code, out, errOut)
		}
	}
	if len(s.asked) > 0 {
		t.Errorf("asked the log for %v", s.asked)
	}
}
