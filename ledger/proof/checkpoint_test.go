package proof_test

import (
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
