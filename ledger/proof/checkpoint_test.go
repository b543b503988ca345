package proof_test

import (
	"encoding/base64"
	"errors"
	"strings"
	"testing"

	"igledger/ledger/proof"
	"igledger/ledger/wire"
)

// A checkpoint's text is checked by itself, before anybody looks for a key of its origin.
func TestCheckpointOrigin(t *testing.T) {
	text := proof.Checkpoint{Origin: "log.test/2026", Size: 5}.Text()
	if _, err := proof.ParseCheckpointText(text); err != nil {
		t.Fatal(err)
	}
	for _, origin := range []string{"", "log test", "log+test", strings.Repeat("x", 256)} {
		if _, err := proof.ParseCheckpointText(strings.Replace(text, "log.test/2026", origin, 1)); !errors.Is(err, wire.BadCheckpoint) {
			t.Errorf("origin %q: %v", origin, err)
		}
	}
}

// A root has 32 bytes, neither fewer nor more of which some are looked at.
func TestCheckpointRoot(t *testing.T) {
	for n, want := range map[int]wire.Code{31: wire.BadCheckpoint, 32: "", 33: wire.BadCheckpoint, 64: wire.BadCheckpoint} {
		root := base64.StdEncoding.EncodeToString(make([]byte, n))
		if _, err := proof.ParseCheckpointText("log.test/2026\n5\n" + root + "\n"); want == "" && err != nil || want != "" && !errors.Is(err, want) {
			t.Errorf("%d bytes: got %v, want %q", n, err, want)
		}
	}
}

// An inclusion proof has at most 63 hashes, more than any tree needs.
func TestInclusionHashes(t *testing.T) {
	for n, want := range map[int]wire.Code{0: "", 63: "", 64: wire.BadProof} {
		p := proof.Inclusion{Index: 7, Hashes: make([]wire.Hash, n), Checkpoint: []byte("c")}
		got, err := proof.ParseInclusion(p.Marshal())
		if want == "" && (err != nil || len(got.Hashes) != n || got.Index != 7) || want != "" && !errors.Is(err, want) {
			t.Errorf("%d hashes: got %v, want %q", n, err, want)
		}
	}
}

// The index of an inclusion proof is named as one.
func TestInclusionIndexLine(t *testing.T) {
	text := string(proof.Inclusion{Index: 7, Checkpoint: []byte("c")}.Marshal())
	for _, line := range []string{"7", "index7", "Index 7", "index 07", "index -7", "index "} {
		if _, err := proof.ParseInclusion([]byte(strings.Replace(text, "index 7", line, 1))); !errors.Is(err, wire.BadProof) {
			t.Errorf("%q: %v", line, err)
		}
	}
}
