package main

import (
	"errors"
	"fmt"
	"testing"

	"igledger/internal/source"
	"igledger/verifier"
	"igledger/verifier/fetch"
)

// A log that a source cannot trust any more ends its commands as a failed verification does, also
// when an earlier run found it.
func TestExitCodesOfLogs(t *testing.T) {
	for _, c := range []struct {
		err  error
		want int
	}{
		{&source.LogError{Err: errors.New("found before")}, exitRefused},
		{fmt.Errorf("importing: %w", &source.LogError{Err: &verifier.Failure{Check: verifier.CheckConsistent}}), exitRefused},
		{errors.Join(&source.LogError{Err: errors.New("forked")}, errors.New("the disk is full")), exitRefused},
		{&source.ReceiptError{ID: "x", Err: errors.New("bad")}, exitRefused},
		{fmt.Errorf("reading: %w", fetch.ErrUnreadable), exitUnreachable},
		{usage("wrong"), exitUsage},
	} {
		if got := exitCode(c.err); got != c.want {
			t.Errorf("%v: exit code %d, want %d", c.err, got, c.want)
		}
	}
}
