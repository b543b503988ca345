package auditd

import (
	"bytes"
	"context"
	"os"
	"regexp"
	"slices"
	"strings"
	"testing"
	"time"

	"igledger/internal/testlog"
	"igledger/ledger/proof"
	"igledger/ledger/wire"
	"igledger/verifier/auditor"
)

// rooted is a sample whose index covers all but its own root.
func rooted() *testlog.Sample {
	s := testlog.NewSampleOn(testlog.NewLag("ledger.test/2026", 20))
	s.AddIndexRoot()
	return s
}

// ended makes a round of a daemon that goes on.
func ended(t *testing.T, d *Daemon) (Ending, error) {
	rep, err := d.Round(t.Context())
	return rep.Ending, err
}

// What convicts the operator ends cosigning, with evidence that anyone can check and after
// restarts, until a person has looked.
func TestConvicts(t *testing.T) {
	for name, c := range map[string]struct {
		lie  func(l *testlog.Sample, s *world) // after a first good round
		says string
	}{
		"a false index root": {func(l *testlog.Sample, s *world) {
			l.AddSealed(l.Access("lothian", l.Second, l.IDs[0]), l.IDs[0])
			l.AddIndexRootOf(l.Size(), l.IndexAt(l.Size()-1).Root(), l.Operator) // the new access is not in it
			s.Show(l.Log, l.Size())
		}, "FAILED index-root"},
		"an entry nobody might make": {func(l *testlog.Sample, s *world) {
			l.AddPublic(l.Organisation("fife", l.Registrar, nil))
			l.AddIndexRoot()
			s.Show(l.Log, l.Size())
		}, "FAILED register"},
		"another history of the same size": {func(l *testlog.Sample, s *world) {
			f := l.Fork(l.Size() - 2)
			f.AddSealed(l.Access("lothian", l.Second, l.IDs[0]), l.IDs[0])
			f.AddIndexRoot()
			s.Show(f, f.Size())
		}, "FAILED consistency"},
		"another history, longer": {func(l *testlog.Sample, s *world) {
			f := l.Fork(l.Size() - 1)
			for range 4 {
				f.AddSealed(l.Access("lothian", l.Second, l.IDs[0]), l.IDs[0])
			}
			f.AddIndexRoot()
			s.Show(f, f.Size())
		}, "FAILED consistency"},
	} {
		t.Run(name, func(t *testing.T) {
			l := rooted()
			s := newWorld(t, l.Log)
			s.once(good)
			s.CosignedSizes()
			c.lie(l, s)
			out := s.once(wrong)
			if !strings.Contains(out, c.says) {
				t.Errorf("does not say %q:\n%s", c.says, out)
			}
			files := s.evidence()
			if len(files) != 1 {
				t.Fatalf("evidence: %v", files)
			}
			data := s.read(files[0])
			if rep := auditor.CheckEvidence(data, l.Key); !sound(rep) {
				t.Errorf("the evidence is not sound: %v", rep.Err())
			}
			if rep := auditor.CheckEvidence(data, testlog.New("ledger.test/2026").Key); rep.Err() == nil {
				t.Error("the evidence convicts another log")
			}
			s.noID("evidence", l.IDs, out+string(data))
			s.Change(func() { s.Asked = nil })
			out = s.once(wrong)
			if !strings.Contains(out, c.says) || !strings.Contains(out, s.path("alarm")) || len(s.Asked) > 0 {
				t.Errorf("after a restart: asked %v\n%s", s.Asked, out)
			}
			if err := os.Remove(s.path("alarm")); err != nil {
				t.Fatal(err)
			}
			s.once(wrong) // it is still so
			if got := s.CosignedSizes(); len(got) > 0 {
				t.Errorf("cosigned %d after all", got)
			}
		})
	}
}

// A log that shows less for a moment, as a lagging cache does, is not accused.
func TestAsksAgain(t *testing.T) {
	l := rooted()
	s := newWorld(t, l.Log)
	s.once(good)
	s.Show(l.Log, 7)
	a := s.newDaemon()
	asked := 0
	a.wait = func(context.Context, time.Duration) error {
		if asked++; asked == 2 {
			s.Show(l.Log, l.Size())
		}
		return nil
	}
	if end, err := ended(t, a); end != Unreadable || err == nil || s.has("alarm") {
		t.Errorf("%s, %v", end, err)
	}
	if end, err := ended(t, a); end != Cosigned || err != nil {
		t.Errorf("then: %s, %v", end, err)
	}
}

// A problem that may pass withholds the cosignature and is no alarm; when it has passed, the
// checkpoint is cosigned.
func TestTriesAgain(t *testing.T) {
	for name, c := range map[string]struct {
		fault  func(l *testlog.Sample, s *world)
		repair func(l *testlog.Sample, s *world)
		says   string
		want   outcome
		rounds int // that fail after the repair
	}{
		"a feed with another tag": {func(l *testlog.Sample, s *world) {
			s.Feed = func(at uint64, rec proof.FeedRecord) proof.FeedRecord {
				if at == l.Accesses[2] {
					rec.Tag[0] ^= 1
				}
				return rec
			}
		}, func(_ *testlog.Sample, s *world) { s.Feed = nil }, "FAILED tag-commitment", wrong, 0},
		"a feed that ends": {func(l *testlog.Sample, s *world) { s.Refuse["/v1/feed/"] = 404 },
			func(_ *testlog.Sample, s *world) { delete(s.Refuse, "/v1/feed/") }, "", unreadable, 0},
		"a log that does not take it": {func(l *testlog.Sample, s *world) { s.Refuse["/v1/cosignatures"] = 422 },
			func(_ *testlog.Sample, s *world) { delete(s.Refuse, "/v1/cosignatures") }, "cosignature", undelivered, 0},
		"damaged entries": {func(l *testlog.Sample, s *world) {
			for path, data := range s.Files {
				if strings.HasPrefix(path, "tile/entries") {
					s.Files[path] = bytes.Clone(data)
					s.Files[path][len(data)-5] ^= 1
				}
			}
		}, func(l *testlog.Sample, s *world) { s.Files = l.Files() }, "", wrong, 0},
		"an index too far behind": {func(l *testlog.Sample, s *world) {
			l.AddIndexRootWhile(func() {
				for range 20 {
					l.AddSealed(l.Access("lothian", l.Second, l.IDs[0]), l.IDs[0])
				}
			})
			s.Grow(l.Log, l.Size(), l.Size())
		}, func(l *testlog.Sample, s *world) {
			l.AddIndexRoot()
			s.Grow(l.Log, l.Size(), l.Size())
		}, "FAILED index-lag", wrong, 1},
	} {
		t.Run(name, func(t *testing.T) {
			l := rooted()
			s := newWorld(t, l.Log)
			s.Change(func() { c.fault(l, s) })
			for range 2 {
				if out := s.once(c.want); !strings.Contains(out, c.says) {
					t.Errorf("does not say %q:\n%s", c.says, out)
				}
			}
			if s.has("alarm") || len(s.evidence()) > 0 || len(s.CosignedSizes()) > 0 {
				t.Error("alarmed, or cosigned")
			}
			s.Change(func() { c.repair(l, s) })
			for range c.rounds {
				s.once(c.want)
			}
			s.once(good)
			if got := s.CosignedSizes(); !slices.Equal(got, []uint64{l.Size()}) {
				t.Errorf("cosigned %d, want %d", got, l.Size())
			}
		})
	}
}

// An audit that ends anywhere goes on from there, and nothing it had found is forgotten.
func TestIsInterrupted(t *testing.T) {
	l := rooted()
	at := l.AddIndexRootOf(l.Size(), wire.Hash{9}, l.Operator)
	for range 300 {
		l.AddSealed(l.Access("lothian", l.Second, l.IDs[1]), l.IDs[1])
	}
	for l.Size() < 330 {
		l.AddIndexRoot()
	}
	s := newWorld(t, l.Log)
	s.Change(func() { s.Refuse["/tile/entries/001"] = 404 })
	a := s.newDaemon()
	if end, err := ended(t, a); end != Unreadable || err == nil || a.auditor.Size() != 256 || len(a.found) == 0 {
		t.Fatalf("%s at %d with %d findings: %v", end, a.auditor.Size(), len(a.found), err)
	}
	if err := a.Keep(); err != nil || s.has("state") {
		t.Errorf("an audit with findings was kept: %v", err)
	}
	s.Change(func() { clear(s.Refuse) })
	if rep, err := a.Round(t.Context()); rep.Ending != Convicted || err != nil || *rep.Failures[0].Index != at {
		t.Errorf("%s: %v, %v", rep.Ending, err, rep.Failures)
	}
}

// The state that was written on the way is gone on from; and dropped when it led to another root
// than the signed one.
func TestStateOnTheWay(t *testing.T) {
	l := rooted()
	for range 290 {
		l.AddSealed(l.Access("lothian", l.Second, l.IDs[1]), l.IDs[1])
		if l.Size()%10 == 0 {
			l.AddIndexRoot()
		}
	}
	l.AddIndexRoot()
	for _, damaged := range []bool{false, true} {
		s := newWorld(t, l.Log)
		s.Change(func() {
			s.Refuse["/tile/entries/001"] = 404
			if damaged { // a leaf in the first bundle and the hash tile over it, as a lying cache would
				at := uint64(254) // after the last index root of the bundle, which would tell
				leaf := proof.SealedLeaf(proof.TagCommit(l.Openings[at].TagSalt, l.Openings[at].Tag), wire.Hash{})
				hash := proof.LeafHash(leaf)
				s.Files["tile/entries/000"] = testlog.Bundle(slices.Replace(slices.Clone(l.Leaves[:256]), int(at), int(at)+1, leaf))
				s.Files["tile/0/000"] = slices.Replace(slices.Clone(s.Files["tile/0/000"]), 32*int(at), 32*int(at)+32, hash[:]...)
			}
		})
		first := s.newDaemon()
		if end, err := ended(t, first); end != Unreadable || err == nil {
			t.Fatalf("%s, %v", end, err)
		}
		if err := first.Keep(); err != nil || !s.has("state") {
			t.Fatal(err)
		}
		s.Change(func() { clear(s.Refuse); s.Files = l.Files(); s.Asked = nil })
		a := s.newDaemon()
		end, err := ended(t, a)
		if from256 := slices.Contains(s.Asked, "v1/feed/256"); !from256 {
			t.Errorf("asked for %v, want the feed from 256", s.Asked)
		}
		if damaged {
			if end != Failed || err != nil || s.has("alarm") {
				t.Errorf("damaged on the way: %s, %v", end, err)
			}
			end, err = ended(t, a)
		}
		if end != Cosigned || err != nil {
			t.Errorf("damaged %v: %s, %v", damaged, end, err)
		}
	}
}

func TestRefusesStateFilesThatAreNotIts(t *testing.T) {
	l := rooted()
	s := newWorld(t, l.Log)
	s.once(good)
	other := newWorld(t, rooted().Log)
	other.once(good)
	for _, name := range []string{"state", "latest"} {
		path := s.path(name)
		kept, foreign := s.read(path), s.read(other.path(name))
		flipped := bytes.Clone(kept)
		flipped[len(flipped)/3] ^= 1
		for what, data := range map[string][]byte{"empty": nil, "torn": kept[:len(kept)-9], "damaged": flipped, "another log's": foreign} {
			s.write(path, data)
			if errOut := s.once(unreadable); !strings.Contains(errOut, "state") {
				t.Errorf("%s %s: %s", what, name, errOut)
			}
			if now := s.read(path); !bytes.Equal(now, data) {
				t.Errorf("%s %s was written over", what, name)
			}
		}
		s.write(path, kept)
	}
	s.CosignedSizes()
	s.once(good)
}

// Openings are asked for of new entries only; one that is filed under another person ends the
// audit.
func TestSamplesOpenings(t *testing.T) {
	l := rooted()
	s := newWorld(t, l.Log)
	three := func(c *Config) { c.Openings = 3 }
	seeded := func(c *Config) { c.Openings, c.Seed = 3, bytes.Repeat([]byte{0x5a}, 32) }
	out := s.once(good, seeded)
	if len(s.Openings) != 3 || !strings.Contains(out, "ok opened: 3 of 6 ") || !strings.Contains(out, strings.Repeat("5a", 32)) {
		t.Errorf("opened %v\n%s", s.Openings, out)
	}
	first := slices.Clone(s.Openings)
	again := newWorld(t, l.Log)
	again.once(good, seeded)
	if !slices.Equal(again.Openings, first) {
		t.Errorf("one seed chooses %v and %v", first, again.Openings)
	}
	misfiled := l.AddSealed(l.Access("lothian", l.Second, l.IDs[0]), l.IDs[1])
	l.AddIndexRoot()
	s.Show(l.Log, l.Size())
	out = s.once(wrong, three)
	if s.Openings[3] != misfiled || !strings.Contains(out, "FAILED filing") || !s.has("alarm") {
		t.Errorf("opened %v\n%s", s.Openings, out)
	}
	s.noID("openings", l.IDs, out)
	if !regexp.MustCompile(`seed [0-9a-f]{64}`).MatchString(out) {
		t.Errorf("the seed is not told:\n%s", out)
	}
	again.Show(l.Log, l.Size())
	again.Change(func() { again.Refuse["/v1/openings/"] = 404 })
	out = again.once(wrong, three)
	if !strings.Contains(out, "FAILED opened") || again.has("alarm") {
		t.Errorf("refused:\n%s", out)
	}
}
