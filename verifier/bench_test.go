package verifier_test

import (
	"fmt"
	"testing"

	"igledger/internal/testlog"
	"igledger/ledger/entry"
	"igledger/ledger/wire"
	"igledger/verifier"
)

// BenchmarkReplay replays leaves already in memory on one core: hashing, leaf forms, tiles and
// root; one leaf in `public` is a public entry with two or three signatures, as no real log has so
// many.
func BenchmarkReplay(b *testing.B) {
	for name, public := range map[string]int{"sealed": 0, "1-in-100-public": 100, "public": 1} {
		b.Run(name, func(b *testing.B) {
			s := testlog.NewSample(origin)
			for i := range 1000 {
				if public > 0 && i%public == 0 {
					s.AddPublic(s.AddKey("lothian", testlog.Signer(wire.EdDSA), entry.PurposeSubmit))
				} else {
					s.AddRandom(1)
				}
			}
			b.ResetTimer()
			n := 0
			for b.Loop() {
				r, err := verifier.NewLogReplay(s.Key)
				if err != nil {
					b.Fatal(err)
				}
				r.OnTile = func(verifier.Tile) {}
				for _, leaf := range s.Leaves {
					if err := r.Add(leaf); err != nil {
						b.Fatal(err)
					}
					n++
				}
			}
			b.ReportMetric(float64(n)/b.Elapsed().Seconds(), "entries/s")
		})
	}
}

// BenchmarkStatement checks a whole statement of 1,000 accesses, half of them signed by Ed25519 and
// half by P-256, spread over a log of 20,000 leaves, on one core.
func BenchmarkStatement(b *testing.B) {
	w := newWorld(b)
	l := w.log()
	eddsa := testlog.Signer(wire.EdDSA)
	l.AddPublic(l.AddKey("lothian", eddsa, entry.PurposeSubmit))
	for i := range 1000 {
		l.AddSealed(w.Access("lothian", []*wire.Signer{eddsa, w.Second}[i%2], w.me()), w.me())
		l.AddRandom(19)
	}
	for i := range 200 { // others in the index
		id := fmt.Sprintf("temp:lothian:%d", i)
		l.AddSealed(w.Access("lothian", w.Second, id), id)
	}
	data := testlog.StatementJSON(l.Statement(w.indexed(l)))
	b.ReportMetric(float64(len(data))/1002, "bytes/access")
	b.ResetTimer()
	for b.Loop() {
		if r := w.check(data); !r.Complete {
			b.Fatal(r.Err())
		}
	}
	b.ReportMetric(float64(len(data))/1002, "bytes/access")
}
