package main

import (
	"context"
	"log/slog"
	"strings"

	"github.com/urfave/cli/v2"

	"igledger/ledger"
	"igledger/ledger/witness"
)

// witnessFlags name those who are asked to cosign checkpoints.
func witnessFlags() []cli.Flag {
	return []cli.Flag{
		&cli.StringSliceFlag{Name: "witness", EnvVars: []string{"IGLEDGER_WITNESSES"},
			Usage: "a witness that is sent every new checkpoint (C2SP tlog-witness): \"NAME VKEY URL\", the words of a policy's witness line; may be repeated"},
		&cli.IntFlag{Name: "witness-quorum", EnvVars: []string{"IGLEDGER_WITNESS_QUORUM"},
			Usage: "how many of them make a checkpoint count as witnessed for those who ask us; verifiers ask their own policy (default: all)"},
	}
}

// witnesses reads the flags. nil if there are none.
func witnesses(c *cli.Context, logger *slog.Logger) (*witness.Client, error) {
	cfg := witness.Config{Logger: logger}
	for _, line := range c.StringSlice("witness") {
		words := strings.Fields(line)
		if len(words) != 3 {
			return nil, usage("--witness wants \"NAME VKEY URL\"")
		}
		cfg.Witnesses = append(cfg.Witnesses, witness.Witness{Name: words[0], VKey: words[1], URL: words[2]})
	}
	k := c.Int("witness-quorum")
	if k < 0 || k > len(cfg.Witnesses) {
		return nil, usage("--witness-quorum is more than there are witnesses, or below 0")
	}
	if k > 0 {
		cfg.Quorum = func(cosigned []string) bool { return len(cosigned) >= k }
	}
	if len(cfg.Witnesses) == 0 {
		return nil, nil
	}
	w, err := witness.New(cfg)
	if err != nil {
		return nil, usage("--witness: %v", err)
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
