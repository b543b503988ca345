package auditor

import (
	"bytes"
	"encoding/json"
	"testing"

	"igledger/internal/testlog"
	"igledger/ledger/entry"
	"igledger/ledger/proof"
	"igledger/ledger/wire"
	"igledger/verifier"
)

func tiles(l *testlog.Log) verifier.TileFunc {
	files := l.Files()
	return func(level int, index uint64, width int) ([]byte, error) {
		return files[verifier.TilePath(level, index, width)], nil
	}
}

func leafEvidence(t *testing.T, l *testlog.Log, f Finding) Evidence {
	t.Helper()
	p, err := proof.ParseInclusion([]byte(l.Receipt(*f.Index, l.Size()).Proof))
	if err != nil {
		t.Fatal(err)
	}
	return EvidenceOfLeaf(l.Key, f, l.Leaves[*f.Index], p.Hashes, p.Checkpoint)
}

func forkEvidence(t *testing.T, a, b *testlog.Log, sizeA, sizeB uint64) Evidence {
	t.Helper()
	log, err := verifier.LogKey(a.Key)
	if err != nil {
		t.Fatal(err)
	}
	return EvidenceOfFork(a.Key, &verifier.Failure{Check: verifier.CheckConsistent}, a.Checkpoint(sizeA), b.Checkpoint(sizeB), log, tiles(b))
}

// Whoever holds the log's key alone sees what each kind of evidence proves, and that altered
// evidence proves nothing.
func TestEvidence(t *testing.T) {
	s := grown()
	wrong := s.AddIndexRootOf(s.Size(), wire.Hash{9}, s.Operator)
	above := s.AddIndexRootOf(s.Size()+1, wire.Hash{9}, s.Operator)
	noLeaf := s.AddRaw([]byte{7})
	invented := s.AddPublic(s.Organisation("fife", s.Registrar, nil))
	a := begin(t, s.Log)
	found := map[uint64]Finding{}
	for _, f := range audit(t, a, s.Log, s.Size()) {
		found[*f.Index] = f
	}
	fork := s.Fork(7)
	fork.AddRandom(int(s.Size()) - 7)
	short := fork.Size()
	fork.AddRandom(40)

	for name, c := range map[string]struct {
		ev       Evidence
		convicts bool // else only a replay shows it
	}{
		"a false index root":               {leafEvidence(t, s.Log, found[wrong]), false},
		"an index root over the future":    {leafEvidence(t, s.Log, found[above]), true},
		"no leaf form":                     {leafEvidence(t, s.Log, found[noLeaf]), true},
		"an organisation nobody confirmed": {leafEvidence(t, s.Log, found[invented]), false},
		"two roots of one size":            {forkEvidence(t, s.Log, fork, short, short), true},
		"a later one of another history":   {forkEvidence(t, s.Log, fork, short, fork.Size()), true},
		"a smaller one":                    {forkEvidence(t, fork, s.Log, fork.Size(), 5), false},
	} {
		data, err := c.ev.Marshal()
		if err != nil {
			t.Fatal(err)
		}
		rep := CheckEvidence(data, s.Key)
		if (rep.Err() == nil) != c.convicts {
			t.Errorf("%s: %v, %+v", name, rep.Err(), rep.Results)
		}
		for _, f := range rep.Failures {
			if f.Check != c.ev.Check {
				t.Errorf("%s: fails %s", name, f.Check)
			}
		}
		if rep := CheckEvidence(data, testlog.New(origin).Key); rep.Err() == nil {
			t.Errorf("%s: convicts a log with another key", name)
		}
		if c.ev.Index != nil {
			elsewhere := c.ev
			elsewhere.Index = verifier.At(*c.ev.Index - 1)
			moved, err := elsewhere.Marshal()
			if err != nil {
				t.Fatal(err)
			}
			if rep := CheckEvidence(moved, s.Key); rep.Err() == nil {
				t.Errorf("%s: is taken for another entry", name)
			}
		}
		for i := range data { // what is altered proves nothing, or the same: indentation, words
			b := []byte(string(data))
			b[i] ^= 1
			var ev Evidence
			if json.Unmarshal(b, &ev) != nil {
				continue
			}
			if bytes.Equal(ev.Leaf, c.ev.Leaf) && ev.Proof == c.ev.Proof && len(ev.Checkpoints) == len(c.ev.Checkpoints) && (len(ev.Checkpoints) == 0 || ev.Checkpoints[0] == c.ev.Checkpoints[0] && ev.Checkpoints[1] == c.ev.Checkpoints[1]) {
				continue
			}
			if rep := CheckEvidence(b, s.Key); rep.Err() == nil {
				t.Errorf("%s: byte %d flipped is taken", name, i)
			}
		}
	}
}

// Nobody can be convicted by what an honest log signed.
func TestEvidenceAgainstTheHonest(t *testing.T) {
	s := grown()
	root := s.AddIndexRoot()
	own := s.Entries[root].Body.(*entry.IndexRoot).Root
	honest := Finding{Failure: &verifier.Failure{Check: verifier.CheckIndexRoot, Index: verifier.At(root)}, Own: &own}
	other := wire.Hash{1}
	growth := forkEvidence(t, s.Log, s.Log, 7, s.Size())
	invented := growth
	invented.Root = &other
	accused := func(ev Evidence, c verifier.Check) Evidence {
		ev.Check = c
		return ev
	}
	access := Finding{Failure: &verifier.Failure{Check: verifier.CheckRegister, Index: verifier.At(s.Accesses[0])}}
	computed := honest
	computed.Own = &other
	for name, ev := range map[string]Evidence{
		"an invented computation":                leafEvidence(t, s.Log, computed),
		"two honest checkpoints in reverse":      forkEvidence(t, s.Log, s.Log, s.Size(), 7),
		"an honest leaf under an invented check": accused(leafEvidence(t, s.Log, access), "made-up"),
		"an honest leaf, said to break rules":    accused(leafEvidence(t, s.Log, access), verifier.CheckRules),
		"an honest leaf, said to be unsigned":    accused(leafEvidence(t, s.Log, access), verifier.CheckSignature),
		"a fork of no check":                     accused(forkEvidence(t, s.Log, s.Log, 7, 7), ""),
		"an index root that is right":            leafEvidence(t, s.Log, honest),
		"one checkpoint twice":                   forkEvidence(t, s.Log, s.Log, 7, 7),
		"growth":                                 growth,
		"growth with an invented proof":          invented,
		"a log key only":                         {Format: EvidenceFormat, LogKey: s.Key},
		"another version":                        {Format: "igverify-evidence/2", LogKey: s.Key, Checkpoints: growth.Checkpoints},
		"an index root that is an access": func() Evidence {
			h := honest
			h.Index = verifier.At(s.Accesses[0])
			return leafEvidence(
				t, s.Log, h,
			)
		}(),
		"the proof of a leaf somewhere else": func() Evidence {
			e := leafEvidence(
				t, s.Log, honest,
			)
			e.Index = verifier.At(root - 1)
			return e
		}(),
	} {
		data, err := ev.Marshal()
		if err != nil {
			t.Fatal(err)
		}
		if rep := CheckEvidence(data, s.Key); rep.Err() == nil {
			t.Errorf("%s convicts: %+v", name, rep.Results)
		}
	}
	for _, data := range []string{"", "{}", "[]", "null", `{"format":"igverify-evidence/1"}`, `{"format":"igverify-evidence/1","proof":"x","leaf":"AQ"}`} {
		if rep := CheckEvidence([]byte(data), s.Key); rep.Err() == nil {
			t.Errorf("%q convicts", data)
		}
	}
}
