package fetch

import (
	"context"
	"crypto/sha256"
	"errors"
	"fmt"
	"strings"
	"time"

	"igledger/ledger/wire"
)

// Bounds on the asking of one witness: a reader waits for it, and can do without.
const (
	witnessTime  = 15 * time.Second
	witnessTries = 2
)

// Witness asks the witness with this URL for the newest checkpoint of the log that it has cosigned:
// GET <prefix>/<SHA-256 of the origin in hexadecimal>/checkpoint (C2SP tlog-witness, monitor
// retrieval mechanism). It does not check the answer. A policy has a witness's submission prefix,
// which is also the monitoring prefix of most.
func Witness(ctx context.Context, prefix, origin string) ([]byte, error) {
	if _, err := wire.ServerURL(prefix); err != nil {
		return nil, fmt.Errorf("the witness's URL: %w: %w", ErrUnreadable, err)
	}
	ctx, cancel := context.WithTimeout(ctx, witnessTime)
	defer cancel()
	h, err := newHTTP(fmt.Sprintf("%s/%x", strings.TrimRight(prefix, "/"), sha256.Sum256([]byte(origin))))
	if err != nil {
		return nil, err
	}
	h.tries = witnessTries
	data, err := h.read(ctx, "checkpoint", maxCheckpoint)
	if errors.Is(err, ErrNotFound) {
		return nil, fmt.Errorf("it shows nothing of this log (404): it has never cosigned it, or does not show what it cosigned: %w", err)
	}
	return data, err
}
