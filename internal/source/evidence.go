package source

import (
	"context"
	"crypto/sha256"
	"fmt"
	"os"
	"path/filepath"

	"igledger/ledger/proof"
	"igledger/ledger/wire"
	"igledger/verifier"
	"igledger/verifier/auditor"
	"igledger/verifier/fetch"
)

// exhibits is how many entries evidence holds, the newest that the ledger acknowledged: enough to
// show what was lost. All others stay in the outbox.
const exhibits = 100

// accuse keeps what contradicts: both signed checkpoints as a file that igverify evidence checks, and
// beside it receipts, with the signed bytes of the entries that are not forgotten yet. If the log
// forked, it also raises the alarm: nothing is sent or forgotten until SendAgain.
func (a *Agent) accuse(ctx context.Context, e *LogError, f *verifier.Failure, earlier, later string, head proof.Checkpoint) error {
	ev := auditor.EvidenceOfFork(a.receipts.logKey, f, []byte(earlier), []byte(later), a.receipts.log, a.log.Tiles(ctx))
	if leaf, path, err := a.leafZero(ctx, head); err == nil {
		ev = ev.WithGenesis(leaf, path, []byte(later))
	}
	data, err := ev.Marshal()
	if err != nil {
		return err
	}
	sum := sha256.Sum256([]byte(earlier + later))
	e.Evidence = filepath.Join(a.Evidence, fmt.Sprintf("%s-%x", f.Check, sum[:6]))
	if err := os.MkdirAll(e.Evidence, 0o700); err != nil { // signed bytes are about people
		return fmt.Errorf("keeping evidence: %w", err)
	}
	if err := fetch.WriteFile(filepath.Join(e.Evidence, "fork.json"), data); err != nil {
		return fmt.Errorf("keeping evidence: %w", err)
	}
	held, err := a.outbox.acks(ctx, "SELECT idx, jti, sdjwt, receipt FROM acknowledged ORDER BY idx DESC LIMIT ?", exhibits)
	if err != nil {
		return fmt.Errorf("keeping evidence: %w", err)
	}
	more, err := a.outbox.kept(ctx, "ORDER BY r.id DESC LIMIT ?", exhibits-len(held))
	if err != nil {
		return fmt.Errorf("keeping evidence: %w", err)
	}
	for _, r := range append(held, more...) {
		receipt, err := wire.EncodeJSON(r.receipt)
		if err != nil {
			return fmt.Errorf("keeping evidence: %w", err)
		}
		files := map[string][]byte{fmt.Sprintf("receipt-%d.json", r.got.Index): receipt}
		if r.sdjwt != "" {
			files[fmt.Sprintf("entry-%d.sdjwt", r.got.Index)] = []byte(r.sdjwt + "\n")
		}
		for name, data := range files {
			if err := fetch.WriteFile(filepath.Join(e.Evidence, name), data); err != nil {
				return fmt.Errorf("keeping evidence: %w", err)
			}
		}
	}
	if e.Passing {
		return nil
	}
	return a.outbox.remember(ctx, memAlarm, fmt.Sprintf("found before: %v", f))
}
