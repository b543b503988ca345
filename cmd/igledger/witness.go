package main

import (
	"context"
	"fmt"
	"log/slog"
	"os"

	"github.com/urfave/cli/v2"

	"igledger/ledger"
	"igledger/ledger/proof/cosign"
	"igledger/ledger/witness"
)

// policyFlag names those whose cosignatures on checkpoints are asked for and kept.
func policyFlag() cli.Flag {
	return &cli.StringFlag{Name: "policy", EnvVars: []string{"IGLEDGER_POLICY"},
		Usage: "`FILE` that names this log, its witnesses and its auditors, and when a checkpoint counts as witnessed (C2SP tlog-policy). A witness with a URL is sent checkpoints\n" +
			"(C2SP tlog-witness); one without, an auditor, comes by itself. Verifiers ask their own policy; it may be the same file"}
}

// readPolicy reads the file of the flag; nil if there is none.
func readPolicy(c *cli.Context) (*cosign.Policy, error) {
	path := c.String("policy")
	if path == "" {
		return nil, nil
	}
	data, err := os.ReadFile(path)
	if err != nil {
		return nil, fmt.Errorf("--policy: %w", err)
	}
	p, err := cosign.ParsePolicy(data)
	if err != nil {
		return nil, usage("--policy: %v", err)
	}
	return p, nil
}

// witnesses makes the client of those whom the policy gives a URL; nil if there is no policy. observe is told of each attempt.
func witnesses(p *cosign.Policy, logger *slog.Logger, observe func(string, uint64, error)) (*witness.Client, error) {
	if p == nil {
		return nil, nil
	}
	w, err := witness.New(witness.Config{Cosigners: p.Cosigners, Logger: logger, Observe: observe})
	if err != nil {
		return nil, usage("--policy: %v", err)
	}
	return w, nil
}

// keepWitnessed has the log's checkpoints cosigned until stop is called, which waits for requests under way to be given up.
func keepWitnessed(ctx context.Context, log *ledger.Log, w *witness.Client) (stop func()) {
	if w == nil {
		return func() {}
	}
	ctx, cancel := context.WithCancel(ctx)
	ended := make(chan struct{})
	go func() { defer close(ended); log.Witness(ctx, w) }()
	return func() { cancel(); <-ended }
}
