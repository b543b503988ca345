package main

import (
	"path/filepath"
	"time"

	"github.com/rogpeppe/go-internal/testscript"

	"igledger/internal/testlog"
	"igledger/ledger/bundle"
)

// scopes writes into scope/ statements that are cosigned now by all of its policy.txt, about the
// person in id: whole.json; day.json for 2026-11-12; unfinished.json for days that are not over;
// hidden.json, which hides everything; positions.json, without days; old.json, three days old;
// extract.json. Of the same log later: later.json; of one that has lost an entry: lost.json.
func scopes(env *testscript.Env, s *testlog.Sample) {
	day := func(d int) int64 { return time.Date(2026, 11, d, 0, 0, 1, 0, time.UTC).Unix() }
	witness, auditor := testlog.NewCosigner("witness.test/w"), testlog.NewCosigner("board.test/audit")
	l := s.Fork(s.Size())
	access := func(l *testlog.Log) uint64 { return l.AddSealed(s.Access("lothian", s.Second, s.IDs[0]), s.IDs[0]) }
	before := l.AddIndexRootAt(day(11))
	access(l)
	after := l.AddIndexRootAt(day(13))
	lost := access(l)
	now := time.Now().Unix()
	claim := testlog.Claim{ID: s.IDs[0], IndexRoot: l.AddIndexRootAt(testlog.Now), CosignedAt: now,
		Cosigners: []*testlog.Cosigner{witness, auditor}}
	of := func(l *testlog.Log, c testlog.Claim, p *bundle.Period) []byte {
		c.Period = p
		return testlog.StatementJSON(l.Statement(c))
	}
	files := map[string][]byte{
		"policy.txt": testlog.Policy(s.Key, 1, []*testlog.Cosigner{witness}, []*testlog.Cosigner{auditor}),
		"whole.json": of(l, claim, nil), "day.json": of(l, claim, l.Period("2026-11-12..2026-11-12", before, after)),
		"unfinished.json": of(l, claim, l.Period("2026-11-12..2999-12-31", before, 0)),
		"hidden.json":     of(l, claim, l.Period("1999-01-01..1999-01-01", 0, before)),
		"positions.json":  of(l, claim, &bundle.Period{From: 0, To: 1}),
	}
	extract, err := l.Extract(claim, s.Accesses[3]).Marshal()
	if err != nil {
		panic(err)
	}
	files["extract.json"] = extract
	old := claim
	old.CosignedAt = now - 3*86400
	files["old.json"] = of(l, old, nil)
	grow := func(size uint64, more int) []byte {
		f := l.Fork(size)
		f.AddRandom(more)
		c := claim
		c.IndexRoot = f.AddIndexRootAt(testlog.Now)
		return of(f, c, nil)
	}
	files["later.json"] = grow(l.Size(), 3)
	files["lost.json"] = grow(lost, 9)
	testlog.WriteFiles(filepath.Join(env.WorkDir, "scope"), files)
}
