package audit

import (
	"bytes"
	"errors"
	"io/fs"
	"os"
	"path/filepath"
	"testing"

	"igledger/internal/testshared"
	"igledger/ledger/entry"
)

// read is what became of the events of one input.
type read struct {
	accesses []*entry.Access
	notes    []Note
	broken   []*StreamError
}

// A faultCase is an input that other systems read wrongly, and what is right. The input is in the
// table; where shared/cases/access is beside the checkout, the file with that name is read as well.
type faultCase struct {
	file  string // in shared/cases/access
	input string // our own, with the same fault
	check func(t *testing.T, r read, want string)
	// What check is told to want of our own input and of the shared one.
	want, wantShared string
}

var faultCases = map[string][]faultCase{
	"persons":       personCases,
	"search":        searchCases,
	"recipient":     recipientCases,
	"decision":      decisionCases,
	"taking":        takingCases,
	"organisations": organisationCases,
}

var caseConversion = Conversion{Issuer: "NHSL", Audience: "ledger.example.org/2026", Source: "ehr1"}

func TestCases(t *testing.T) {
	shared := testshared.Folder(t, "cases/access")
	for kind, list := range faultCases {
		for _, c := range list {
			t.Run(kind+"/"+c.file, func(t *testing.T) {
				c.check(t, readAll(t, []byte(c.input)), c.want)
			})
			data, err := os.ReadFile(filepath.Join(shared, c.file))
			if shared == "" || errors.Is(err, fs.ErrNotExist) {
				continue // our own input of the kind stands for it
			}
			t.Run(kind+"/shared/"+c.file, func(t *testing.T) {
				if err != nil {
					t.Fatal(err)
				}
				c.check(t, readAll(t, data), c.wantShared)
			})
		}
	}
}

// readAll reads a stream of events as an import does.
func readAll(t *testing.T, data []byte) read {
	t.Helper()
	var r read
	err := Events(bytes.NewReader(data), func(ev Event) error {
		list, notes, err := caseConversion.FromEvent(ev)
		r.accesses, r.notes = append(r.accesses, list...), append(r.notes, notes...)
		return err
	}, func(err *StreamError) { r.broken = append(r.broken, err) })
	if err != nil {
		t.Error(err)
	}
	return r
}
