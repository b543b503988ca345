package api

import (
	"crypto/ed25519"
	"crypto/sha256"
	"encoding/base64"
	"encoding/binary"
	"encoding/json"
	"fmt"
	"testing"

	"igledger/internal/client"
	"igledger/ledger/entry"
	"igledger/ledger/witness"
)

// GET /checkpoint is the newest with what it has; GET /v1/log keeps showing the one that has its quorum.
func TestCosignaturesAreServed(t *testing.T) {
	w := newWorld(t)
	info := func() string {
		t.Helper()
		var i client.LogInfo
		w.ok(json.Unmarshal(w.do("GET", "/v1/log", "").body, &i))
		return i.Witnessed
	}
	plain := string(w.do("GET", "/checkpoint", "").body)
	if got := info(); got != "" {
		t.Errorf("nobody cosigned, and witnessed is %q", got)
	}

	seed := sha256.Sum256([]byte("witness"))
	key := ed25519.NewKeyFromSeed(seed[:])
	typed := append([]byte{4}, key.Public().(ed25519.PublicKey)...)
	id := sha256.Sum256(append([]byte("w\n"), typed...))
	cl, err := witness.New(witness.Config{
		Witnesses: []witness.Witness{{Name: "w", VKey: fmt.Sprintf("w+%x+%s", id[:4], base64.StdEncoding.EncodeToString(typed))}},
		Quorum:    func(c []string) bool { return len(c) == 1 },
	})
	w.ok(err)
	v, err := entry.NewLogVerifier(w.log.VerifierKey())
	w.ok(err)
	c, err := entry.OpenCheckpoint([]byte(plain), v)
	w.ok(err)
	b := binary.BigEndian.AppendUint64(id[:4:4], 1700000000)
	b = append(b, ed25519.Sign(key, []byte("cosignature/v1\ntime 1700000000\n"+c.Text()))...)
	cosigned := plain + "— w " + base64.StdEncoding.EncodeToString(b) + "\n"
	_, err = w.log.AddCosignatures(t.Context(), cl, []byte(cosigned))
	w.ok(err)

	if got := string(w.do("GET", "/checkpoint", "").body); got != cosigned {
		t.Errorf("checkpoint %q, want %q", got, cosigned)
	}
	if got := info(); got != cosigned {
		t.Errorf("witnessed %q, want %q", got, cosigned)
	}
	w.ok(w.log.Append(t.Context(), w.sign(w.submit["SRC"], w.access("SRC", person)))[0].Err)
	newer := w.do("GET", "/checkpoint", "").body
	if n, err := entry.OpenCheckpoint(newer, v); err != nil || n.Size != c.Size+1 {
		t.Errorf("the newest is of size %d, %v", n.Size, err)
	}
	if got := info(); got != cosigned {
		t.Errorf("later, witnessed is %q, want %q", got, cosigned)
	}
}
