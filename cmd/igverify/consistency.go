package main

import (
	"crypto/sha256"
	"errors"
	"fmt"
	"io/fs"
	"os"

	"github.com/urfave/cli/v2"

	"igledger/ledger/proof"
	"igledger/verifier"
	"igledger/verifier/fetch"
)

var consistencyCommand = spec{
	name: "consistency", usage: "check that the log has only grown since you last looked",
	description: "Keeps the log's last signed checkpoint in a state file, and proves that the log of the current one " +
		"contains all of it. Finds a log that was rewound (is smaller than before) or forked (has another history), and " +
		"keeps both signed checkpoints next to the state file as evidence. The first run has nothing to compare with: it " +
		"trusts what it sees and says so. If your cosigners saw the log longer ago than --max-age, the exit code is 4.\n\n" +
		"Example:\n  igverify consistency --state ~/ledger.checkpoint --log-key \"$(cat log.vkey)\" --from https://ledger.example.org",
	flags: []cli.Flag{
		&cli.StringFlag{Name: "state",
			Usage: "`FILE` with the last checkpoint seen, a signed note; written if all checks pass"},
		maxAgeFlag,
	},
	check: checkConsistency,
}

func checkConsistency(s *session) error {
	s.report.behind = s.stale
	file := s.c.String("state")
	if file == "" {
		return usage("--state is missing: give a file in which to keep the checkpoint")
	}
	saved, err := os.ReadFile(file)
	if errors.Is(err, fs.ErrNotExist) {
		s.report.Skip(verifier.CheckConsistent, nil, "first use: this checkpoint is trusted, because there is no earlier one")
		return fetch.WriteFile(file, s.signed)
	} else if err != nil {
		return err
	}
	old, err := verifier.OpenCheckpoint(saved, s.log)
	if err != nil {
		return errors.New("state file: not a checkpoint signed by this log key. It is damaged or from another log, and was " +
			"not changed")
	}
	// A checkpoint with a quorum may be some seconds older than one that was kept without a policy.
	if old.Size > s.head.Size {
		err = s.grownFrom(saved, old, s.newestSigned, s.newest, file)
	} else {
		err = s.grownFrom(saved, old, s.signed, s.head, file)
	}
	if err != nil || old.Size > s.head.Size {
		return err
	}
	return fetch.WriteFile(file, s.signed)
}

// grownFrom checks a checkpoint of the log against a saved one. If that fails, it keeps both as
// evidence.
func (s *session) grownFrom(saved []byte, old proof.Checkpoint, signed []byte, head proof.Checkpoint, file string) error {
	err := s.consistent(saved, old, signed, head)
	var f *verifier.Failure
	if !errors.As(err, &f) {
		return err
	}
	both := append(append(append([]byte{}, saved...), '\n'), signed...)
	sum := sha256.Sum256(both)
	name := fmt.Sprintf("%s.evidence-%d-%d-%x", file, old.Size, head.Size, sum[:4])
	if writeErr := fetch.WriteFile(name, both); writeErr != nil {
		s.report.Notes = append(s.report.Notes, "the evidence could not be written to a file: copy it from this report")
	} else {
		s.report.Notes = append(s.report.Notes, "both signed checkpoints are in "+name+"; the state file was not changed")
	}
	return f
}
