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

var consistencyCommand = command{
	name: "consistency", usage: "check that the log has only grown since you last looked",
	description: "Keeps the log's last signed checkpoint in a state file and proves that the current one contains all of it. A log that was rewound (smaller than before) " +
		"or forked (another history) is caught, and both signed checkpoints are kept beside the state file as evidence. The first use has nothing to compare with: it trusts what it sees and says so.\n\n" +
		"Example:\n  igverify consistency --state ~/ledger.checkpoint --log-key \"$(cat log.vkey)\" --from https://ledger.example.org",
	flags: []cli.Flag{&cli.StringFlag{Name: "state", Usage: "`FILE` with the last checkpoint seen, a signed note; written when all is well"}},
	check: checkConsistency,
}

func checkConsistency(s *session) error {
	file := s.c.String("state")
	if file == "" {
		return usage("--state is missing: a file in which to remember the checkpoint")
	}
	saved, err := os.ReadFile(file)
	if errors.Is(err, fs.ErrNotExist) {
		s.report.Skip(verifier.CheckConsistent, nil, "first use: this checkpoint is trusted, there is nothing to compare it with")
		return fetch.WriteFile(file, s.signed)
	} else if err != nil {
		return err
	}
	old, err := verifier.OpenCheckpoint(saved, s.log)
	if err != nil {
		return fmt.Errorf("state file: not a checkpoint signed by this log key; it is damaged or of another log, and was left as it is")
	}
	if err := s.consistent(saved, old, file); err != nil {
		return err
	}
	return fetch.WriteFile(file, s.signed)
}

// consistent checks the current checkpoint against a saved one, and keeps both as evidence if that fails.
func (s *session) consistent(saved []byte, old proof.Checkpoint, file string) error {
	err := verifier.CheckConsistency(old, s.head, s.src.Tiles(s.ctx))
	if err == nil {
		s.report.Pass(verifier.CheckConsistent, nil, "the log of size %d contains all of size %d, unchanged", s.head.Size, old.Size)
		return nil
	}
	var f *verifier.Failure
	if !errors.As(err, &f) {
		return err
	}
	s.report.Evidence = []string{string(saved), string(s.signed)}
	both := append(append(append([]byte{}, saved...), '\n'), s.signed...)
	sum := sha256.Sum256(both)
	name := fmt.Sprintf("%s.evidence-%d-%d-%x", file, old.Size, s.head.Size, sum[:4])
	if writeErr := fetch.WriteFile(name, both); writeErr != nil {
		s.report.Notes = append(s.report.Notes, "the evidence could not be kept in a file: copy it from here")
	} else {
		s.report.Notes = append(s.report.Notes, "both signed checkpoints are kept in "+name+"; the state file was left as it is")
	}
	return f
}
