package verifier_test

import (
	"testing"

	"igledger/ledger/entry"
	"igledger/verifier"
	"igledger/verifier/testlog"
)

// BenchmarkReplay replays leaves already in memory on one core: hashing, leaf forms, tiles and root; one leaf in `public` is a public entry with
// two or three signatures, as no real log has so many.
func BenchmarkReplay(b *testing.B) {
	for name, public := range map[string]int{"sealed": 0, "1-in-100-public": 100, "public": 1} {
		b.Run(name, func(b *testing.B) {
			s := testlog.NewSample(origin)
			for i := range 1000 {
				if public > 0 && i%public == 0 {
					s.AddPublic(s.AddKey("lothian", testlog.Signer(entry.EdDSA), entry.PurposeSubmit))
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
