package verifier_test

import (
	"errors"
	"strings"
	"testing"
	"time"

	"igledger/internal/testlog"
	"igledger/ledger/proof"
	"igledger/verifier"
)

// TestCheckWitness compares what a reader was shown with what a witness shows itself.
func TestCheckWitness(t *testing.T) {
	s := testlog.NewSample(origin)
	w, other := testlog.NewCosigner("w.test"), testlog.NewPQCosigner("o.test")
	policy, err := verifier.ParsePolicy([]byte("log " + s.Key + "\nwitness w " + w.VKey() + "\nwitness o " + other.VKey() +
		"\nquorum none\n"))
	if err != nil {
		t.Fatal(err)
	}
	old := s.Size()
	s.AddRandom(300)
	fork := s.Fork(old - 1)
	fork.AddRandom(301)
	const day = 86400
	asOf := int64(testlog.Now)
	tiles := func(l *testlog.Log, size uint64) verifier.TileFunc { return tilesOf(l.FilesAt(size)) }
	broken := func(int, uint64, int) ([]byte, error) { return nil, errors.New("no route to host") }
	untrue := func(level int, index uint64, width int) ([]byte, error) { return make([]byte, 32*width), nil }
	signed := func(l *testlog.Log, size uint64, at int64) string { return string(l.Cosigned(size, at, w)) }
	for name, c := range map[string]struct {
		size   uint64 // that the reader was shown
		note   string // that the witness shows
		tiles  verifier.TileFunc
		fails  bool
		forked bool
		behind string // contained in Behind
		says   string // a result contains it
	}{
		"the same":                      {old, signed(s.Log, old, asOf), nil, false, false, "", "exactly this tree"},
		"larger, soon after":            {old, signed(s.Log, old+9, asOf+day), tiles(s.Log, old+9), false, false, "", "goes on meanwhile"},
		"larger, soon after, unproved":  {old, signed(s.Log, old+9, asOf+day), nil, false, false, "", "was not checked"},
		"larger, tiles out of reach":    {old, signed(s.Log, old+9, asOf+day), broken, false, false, "", "no route to host"},
		"larger, tiles that prove less": {old, signed(s.Log, old+9, asOf+day), untrue, true, false, "", ""},
		"larger, days later":            {old, signed(s.Log, old+9, asOf+3*day), tiles(s.Log, old+9), false, false, "72 hours earlier", ""},
		"larger, long before":           {old, signed(s.Log, old+9, asOf-day), tiles(s.Log, old+9), false, false, "already", ""},
		"larger, a little before":       {old, signed(s.Log, old+9, asOf-60), tiles(s.Log, old+9), false, false, "", "goes on meanwhile"},
		"smaller":                       {old + 9, signed(s.Log, old, asOf-5*day), tiles(s.Log, old+9), false, false, "", "are of one log"},
		"another tree of that size":     {old, signed(fork, old, asOf), nil, true, true, "", ""},
		"a larger one of another tree":  {old, signed(fork, old+200, asOf), tiles(fork, old+200), true, true, "", ""},
		"a smaller one of another tree": {old + 200, signed(fork, old, asOf), tiles(s.Log, old+200), true, true, "", ""},
		"another tree, not cosigned":    {old, string(fork.Checkpoint(old)), nil, true, true, "", ""},
		"the same, not cosigned":        {old, string(s.Checkpoint(old)), nil, false, false, "", "not cosigned by it"},
		"smaller, not cosigned":         {old + 9, string(s.Checkpoint(old)), tiles(s.Log, old+9), false, false, "", "not cosigned by it"},
		"larger, not cosigned":          {old, string(s.Checkpoint(old + 9)), tiles(s.Log, old+9), false, false, "", "not cosigned by it"},
		"cosigned by another": {
			old, string(s.Cosigned(old+9, asOf+3*day, other)), tiles(s.Log, old+9), false, false, "", "not cosigned by it",
		},
		"cosigned in the future": {old, signed(s.Log, old+9, asOf+400*day), tiles(s.Log, old+9), false, false, "", "not cosigned by it"},
		"a forged time": {
			old,
			string(s.Checkpoint(old+9)) + retimed(w.Line(proof.Checkpoint{Origin: origin, Size: old + 9, Root: s.Root(old + 9)}, asOf)),
			tiles(s.Log, old+9), false, false, "", "not cosigned by it",
		},
		"another log":        {old, string(testlog.New("other.test").Checkpoint(0)), nil, false, false, "", "proves nothing"},
		"a page of a portal": {old, "<html>sign in</html>", nil, false, false, "", "proves nothing"},
		"nothing":            {old, "", nil, false, false, "", "proves nothing"},
		"a time that wraps":  {old, signed(s.Log, old+9, 1<<62), tiles(s.Log, old+9), false, false, "", "not cosigned by it"},
		"another root under its own key": {
			old, strings.Replace(signed(s.Log, old, asOf), "\n", "\n1", 1), nil, false, false, "", "proves nothing",
		},
	} {
		var rep verifier.Report
		view := verifier.View{Signed: s.Checkpoint(c.size), Head: proof.Checkpoint{Origin: origin, Size: c.size, Root: s.Root(c.size)},
			Log: policy.Log(origin), AsOf: time.Unix(asOf, 0), Tiles: c.tiles}
		found := view.CheckWitness(&rep, policy.Cosigners[0], []byte(c.note), time.Unix(asOf+10*day, 0))
		if (rep.Err() != nil) != c.fails || c.fails && !isFailure(rep.Err(), verifier.CheckWitnessView) {
			t.Errorf("%s: %v", name, rep.Err())
		}
		if (len(found.Fork) == 2) != c.forked || c.forked && (found.Fork[1] != c.note || found.Fork[0] != string(view.Signed)) {
			t.Errorf("%s: evidence %q", name, found.Fork)
		}
		if (found.Behind != "") != (c.behind != "") || !strings.Contains(found.Behind, c.behind) {
			t.Errorf("%s: behind: %q", name, found.Behind)
		}
		said := ""
		for _, r := range rep.Results {
			said += r.Note + "\n"
			if r.Status == verifier.OK && c.says == "not cosigned by it" {
				t.Errorf("%s: what somebody shows in a witness's place is called good: %s", name, r.Note)
			}
		}
		if !strings.Contains(said, c.says) || c.tiles != nil && c.says == "goes on meanwhile" && !strings.Contains(said, "of one log") {
			t.Errorf("%s: says %q", name, said)
		}
	}
}
