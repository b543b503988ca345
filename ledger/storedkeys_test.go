package ledger

import (
	"encoding/hex"
	"testing"

	"igledger/ledger/entry"
)

// The keys that a database is searched by must be computed as they were when it was written.
// Otherwise entries that are sent again are appended again, and streams begin again.
func TestStoredKeys(t *testing.T) {
	if got := hexOf(idempotencyKey("SRC", "019ac5e0-0000-7000-8000-000000000001")); got != "019ac5e00000e9cb54f1c4d417b50056" {
		t.Errorf("idempotency key: got %s", got)
	}
	common := entry.Common{Issuer: "SRC"}
	for name, e := range map[string]*entry.Entry{
		"access":    {Common: common, Body: &entry.Access{Common: common, Source: "ehr"}},
		"heartbeat": {Common: common, Body: &entry.Heartbeat{Common: common, Source: "ehr"}},
	} {
		if got := hexOf(streamOf(e)); got != "5883625371022a576e792da11068b2d8" {
			t.Errorf("stream of a %s: got %s", name, got)
		}
	}
	if got := streamOf(&entry.Entry{Common: common, Body: &entry.Key{}}); got != [16]byte{} {
		t.Errorf("stream of a key: got %x", got)
	}
}

func hexOf(key [16]byte) string { return hex.EncodeToString(key[:]) }
