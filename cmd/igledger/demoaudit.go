package main

import (
	"context"
	"errors"
	"fmt"
	"os"
	"path/filepath"
	"time"

	"igledger/internal/auditd"
	"igledger/ledger"
	"igledger/ledger/proof"
	"igledger/ledger/proof/cosign"
	"igledger/ledger/wire"
	"igledger/verifier"
)

// appoint generates the auditor's key for cosigning and the policy that asks for its cosignature.
func (d *demo) appoint(logKey string) error {
	var err error
	d.cosigner, err = cosign.GenerateSigner(cosign.Ed25519, "auditor.igledger.invalid")
	if err != nil {
		return err
	}
	d.policy = fmt.Sprintf("log %s\nwitness auditor %s\ngroup auditors all auditor\nquorum auditors\n", logKey, d.cosigner.VKey)
	d.cfg.Policy, err = cosign.ParsePolicy([]byte(d.policy))
	if err != nil {
		return err
	}
	return os.WriteFile(filepath.Join(d.dir, "policy.txt"), []byte(d.policy), 0o644)
}

// audit starts an auditor, who reads the whole log over HTTP and cosigns it, until stop.
func (d *demo) audit(key *wire.Signer) error {
	daemon, err := auditd.New(auditd.Config{URL: d.server.url, LogKey: d.log.VerifierKey(), Org: auditorID, Caller: key,
		State: filepath.Join(d.dir, "audit"), Purpose: []string{"HCOMPL"}, Cosigner: d.cosigner, Interval: time.Second / 4})
	if err != nil {
		return err
	}
	ctx, cancel := context.WithCancel(context.Background())
	ended := make(chan struct{})
	go func() {
		defer close(ended)
		daemon.Run(ctx, func(*auditd.Report, error) error { return nil }) //nolint:errcheck // a statement shows what it did
	}()
	d.stopAudit = func() { cancel(); <-ended }
	return nil
}

// cosigned waits until the auditor has cosigned everything that is in the log now, and statements
// rest on it.
func (d *demo) cosigned(ctx context.Context) error {
	key, err := verifier.LogKey(d.log.VerifierKey())
	if err != nil {
		return err
	}
	head := func(note []byte, err error) (proof.Checkpoint, error) {
		if err != nil {
			return proof.Checkpoint{}, err
		}
		return verifier.OpenCheckpoint(note, key)
	}
	now, err := head(d.log.Checkpoint(ctx))
	if err != nil {
		return err
	}
	every := time.NewTicker(100 * time.Millisecond)
	defer every.Stop()
	for {
		c, err := head(d.log.WitnessedCheckpoint(ctx))
		if err == nil && c.Size >= now.Size {
			return d.server.index.Step(ctx)
		}
		if err != nil && !errors.Is(err, ledger.ErrNotFound) {
			return err
		}
		select {
		case <-every.C:
		case <-ctx.Done():
			return ctx.Err()
		}
	}
}
