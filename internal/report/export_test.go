package report

import (
	"context"
	"time"

	"igledger/consent"
	"igledger/internal/client"
	"igledger/ledger"
)

// Most is how many leaves a page looks at.
const Most = maxLeaves

// Page is one page of a report on everyone for an auditor. It says besides of how many persons the
// records were read, and how many entries of them.
func Page(
	ctx context.Context, log *ledger.Log, rules *consent.Rules, kind client.ReportKind, after, most uint64, now func() time.Time,
	until time.Time,
) (out *client.Report, persons, read int, err error) {
	s := scan{log: log, now: now, until: until, teller: teller{rules: rules}, out: &client.Report{}, most: most, look: looks[kind]}
	err = s.run(ctx, after)
	return s.out, s.persons, s.read, err
}

// Hold takes the place of one report and returns what ends it.
func (m *Maker) Hold() (end func()) {
	if !m.atOnce.TryAcquire(1) {
		panic("no place")
	}
	return func() { m.atOnce.Release(1) }
}

// InMemory keeps segments of so many leaves in a map.
func InMemory(segments map[uint64][]byte, leaves uint64) *Kept {
	return &Kept{
		Get:    func(_ context.Context, n uint64) []byte { return segments[n] },
		Put:    func(_ context.Context, n uint64, data []byte) { segments[n] = data },
		leaves: leaves,
	}
}
