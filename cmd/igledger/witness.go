package main

import (
	"context"
	"fmt"
	"log/slog"
	"strings"

	"github.com/urfave/cli/v2"

	"igledger/ledger"
	"igledger/ledger/proof/cosign"
	"igledger/ledger/wire"
	"igledger/ledger/witness"
)

// policyFlag returns the flag for the file that names the cosigners of checkpoints.
func policyFlag() cli.Flag {
	return &cli.StringFlag{Name: "policy", EnvVars: []string{"IGLEDGER_POLICY"},
		Usage: "`FILE` that names this log, its witnesses and its auditors, and says when a checkpoint is witnessed\n" +
			"(C2SP tlog-policy). The ledger sends checkpoints to a witness that has a URL (C2SP tlog-witness).\n" +
			"One without a URL is an auditor, which contacts the ledger. Verifiers use their own policy, which\n" +
			"may be the same file"}
}

// readPolicy returns the policy in the file of the flag, and its text, or nil if the flag is not set.
func readPolicy(c *cli.Context) (*cosign.Policy, []byte, error) {
	path := c.String("policy")
	if path == "" {
		return nil, nil, nil
	}
	data, err := readText(c, path)
	if err != nil {
		return nil, nil, fmt.Errorf("--policy: %w", err)
	}
	p, err := cosign.ParsePolicy(data)
	if err != nil {
		return nil, nil, usage("--policy: %w", err)
	}
	return p, data, nil
}

// policyKnows refuses a policy that is for another log than the one with this key: by it nothing
// that the log signs would ever count.
func policyKnows(p *cosign.Policy, vkey string) error {
	v, err := wire.NewLogVerifier(vkey)
	if err != nil {
		return err
	}
	l := p.Log(v.Name())
	if l == nil {
		var names []string
		for _, l := range p.Logs {
			names = append(names, l.Origin)
		}
		return refused("--policy: it is for the log %s, not for %s", strings.Join(names, ", "), v.Name())
	}
	if !l.Has(vkey) {
		return refused("--policy: it has another key for the log %s than %s", v.Name(), vkey)
	}
	return nil
}

// witnesses returns a client for the witnesses to which the policy gives a URL, or nil without a
// policy. It calls observe after each attempt.
func witnesses(p *cosign.Policy, logger *slog.Logger, observe func(string, uint64, bool, error)) (*witness.Client, error) {
	if p == nil {
		return nil, nil
	}
	w, err := witness.New(witness.Config{Cosigners: p.Cosigners, Logger: logger, Observe: observe})
	if err != nil {
		return nil, usage("--policy: %w", err)
	}
	return w, nil
}

// keepWitnessed has the log's checkpoints cosigned until stop is called. stop waits until running
// requests have been cancelled.
func keepWitnessed(ctx context.Context, log *ledger.Log, w *witness.Client) (stop func()) {
	if w == nil {
		return func() {}
	}
	ctx, cancel := context.WithCancel(ctx)
	ended := make(chan struct{})
	go func() { defer close(ended); log.Witness(ctx, w) }()
	return func() { cancel(); <-ended }
}
