package source

import (
	"context"
	"crypto/sha256"
	"errors"
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

// accuse keeps what contradicts: both signed checkpoints as a file that igverify evidence checks,
// and beside it receipts, with the signed bytes of the entries that are not forgotten yet. If the
// log forked, it also raises the alarm: nothing is sent or forgotten until SendAgain.
func (a *Agent) accuse(ctx context.Context, e *LogError, f *verifier.Failure, earlier, later string, head proof.Checkpoint) error {
	data, err := a.fork(ctx, f, earlier, later, head)
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
	if data := a.cosignedFork(ctx, earlier, later); data != nil {
		if err := fetch.WriteFile(filepath.Join(e.Evidence, "cosigned.json"), data); err != nil {
			return fmt.Errorf("keeping evidence: %w", err)
		}
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

// fork returns a file of two contradictory notes; head is that of the later one.
func (a *Agent) fork(ctx context.Context, f *verifier.Failure, earlier, later string, head proof.Checkpoint) ([]byte, error) {
	ev := auditor.EvidenceOfFork(a.receipts.logKey, f, []byte(earlier), []byte(later), a.receipts.log, a.log.Tiles(ctx))
	if leaf, path, err := a.leafZero(ctx, head); err == nil {
		ev = ev.WithGenesis(leaf, path, []byte(later))
	}
	return ev.Marshal()
}

// cosignedFork returns the same against the newest checkpoint that cosigners saw, if one of the two
// contradicts that as well. It convinces those too whose policy asks for cosigners: they know that
// the accuser did not make up both sides with a stolen key. It returns nil if there is nothing of
// the kind.
func (a *Agent) cosignedFork(ctx context.Context, notes ...string) []byte {
	seen, err := a.log.Witnessed(ctx)
	if err != nil {
		return nil
	}
	head, err := verifier.OpenCheckpoint(seen, a.receipts.log)
	if err != nil {
		return nil
	}
	for _, note := range notes {
		own, err := verifier.OpenCheckpoint([]byte(note), a.receipts.log)
		if err != nil || own.Size > head.Size {
			continue
		}
		err = verifier.CheckConsistency(own, head, a.log.Tiles(ctx))
		var f *verifier.Failure
		if !errors.Is(err, verifier.ErrForked) || !errors.As(err, &f) {
			continue
		}
		if data, err := a.fork(ctx, f, note, string(seen), head); err == nil {
			return data
		}
	}
	return nil
}
