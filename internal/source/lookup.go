package source

import (
	"context"
	"sync"

	"igledger/consent/fhir/mapping"
	"igledger/consent/fhir/tree"
	"igledger/internal/patients"
)

// A look-up asks the server that the mapping names for the person behind a local number, once for
// each number. What is not certain leaves the access under the local number: it is never lost.
type lookup struct {
	*patients.Server

	mu     sync.Mutex
	known  map[[2]string]string // system, value -> id, "" if it is not certain
	failed int                  // requests in a row
	sum    struct{ found, failed int }
}

const (
	maxKnown  = 1 << 16 // numbers that are remembered
	maxFailed = 5       // failures in a row after which nothing is asked any more in this run
)

// newLookup returns the look-up of a mapping, nil if it has none.
func newLookup(m *mapping.Map, people tree.Patients) *lookup {
	if m == nil || m.Lookup == nil {
		return nil
	}
	return &lookup{Server: patients.New(*m.Lookup, people), known: map[[2]string]string{}}
}

// resolve returns the id of the person with a local number, "" if it is not certain.
func (l *lookup) resolve(ctx context.Context, system, value string) string {
	if len(l.Systems) > 0 && !l.has(system) {
		return ""
	}
	key := [2]string{system, value}
	l.mu.Lock()
	id, known := l.known[key]
	known = known || l.failed >= maxFailed
	l.mu.Unlock()
	if known {
		return id
	}
	id, err := l.ByNumber(ctx, system, value)
	if err != nil {
		id, err = l.ByNumber(ctx, system, value)
	}
	l.mu.Lock()
	defer l.mu.Unlock()
	if err != nil {
		l.failed++
		l.sum.failed++
		return ""
	}
	l.failed = 0
	if len(l.known) >= maxKnown {
		clear(l.known)
	}
	l.known[key] = id
	if id != "" {
		l.sum.found++
	}
	return id
}

func (l *lookup) has(system string) bool {
	for _, s := range l.Systems {
		if s == system {
			return true
		}
	}
	return false
}
