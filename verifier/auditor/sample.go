package auditor

import (
	"fmt"
	"math/rand/v2"

	"golang.org/x/mod/sumdb/note"

	"igledger/ledger/bundle"
	"igledger/ledger/proof"
	"igledger/ledger/register"
	"igledger/ledger/wire"
	"igledger/verifier"
)

// Sealed is a sealed leaf that Add has taken.
type Sealed struct {
	Index    uint64
	Leaf     []byte
	Register *register.Register // at its index: Auditor.Register after Add had taken it
}

// Sample chooses n of the sealed leaves offered to it, each with the same probability (reservoir
// sampling). An operator cannot prepare for the choice unless it knows the seed before it writes
// the leaves. Keep the seed secret until then and publish it afterwards, so that others see that
// the choice was not made to please the operator.
type Sample struct {
	n    int
	seen uint64
	rng  *rand.Rand
	list []Sealed
}

// NewSample returns a sample of n leaves, chosen by ChaCha8 (C2SP chacha8rand) from this seed.
func NewSample(n int, seed [32]byte) *Sample {
	return &Sample{n: n, rng: rand.New(rand.NewChaCha8(seed))}
}

// Offer offers a leaf to the sample, which keeps the bytes.
func (s *Sample) Offer(leaf Sealed) {
	if s.n == 0 {
		return
	}
	s.seen++
	if len(s.list) < s.n {
		s.list = append(s.list, leaf)
	} else if i := s.rng.Uint64N(s.seen); i < uint64(s.n) {
		s.list[i] = leaf
	}
}

// Take returns the chosen leaves and how many were offered. The sample then begins again, with the
// next random numbers.
func (s *Sample) Take() (chosen []Sealed, of uint64) {
	chosen, of = s.list, s.seen
	s.list, s.seen = nil, 0
	return chosen, of
}

// withheld is the meaning of an opening without the person's id.
const withheld = "the operator withholds from the auditor what is needed to check under which person the entry is filed"

// CheckOpening checks an opening of a leaf that Add has taken: both commitments of the leaf, and so
// its tag in the feed; the entry's signature by a key that was valid at that index; and, by the VRF
// proof, that the entry is filed under the person it is about. This catches an operator that files
// an access under another person, if the source did not check its receipt. path is the leaf's
// inclusion path under head.
func CheckOpening(
	s Sealed, o *bundle.Opening, path []wire.Hash, head proof.Checkpoint, log note.Verifier,
) verifier.Report {
	var rep verifier.Report
	at := verifier.At(s.Index)
	if o.Index != s.Index {
		rep.Fail(&verifier.Failure{Check: verifier.CheckOpeningForm, Index: at,
			Expected: "an opening of this entry", Found: fmt.Sprintf("an opening of entry %d", o.Index),
			Meaning: "the operator shows the auditor an entry that is not the one chosen"})
		return rep
	}
	e, more := verifier.CheckEntry(verifier.EntryEvidence{
		Opening:    o,
		Leaf:       s.Leaf,
		Path:       path,
		Checkpoint: head,
		Log:        log,
		Genesis:    s.Register.Genesis,
		Register:   s.Register,
	})
	rep.Add(more)
	if e != nil && e.ShownSub() == "" {
		rep.Fail(&verifier.Failure{Check: verifier.CheckFiling, Index: at,
			Expected: "an opening that says whom the entry is about", Found: "one that does not", Meaning: withheld})
	}
	return rep
}
