package paper

import (
	"sync"
	"time"

	"golang.org/x/time/rate"
)

// paced bounds how fast sealed statements are fetched: each code, and each address. It remembers a
// bounded number of both, so that strangers cannot fill the memory.
type paced struct {
	mu       sync.Mutex
	now, old map[string]*rate.Limiter
}

// One address gets what a reader needs, and a code ten times that, so that no address alone can
// keep others from a code whose id it knows.
const (
	fetches    = rate.Limit(0.2) // a second, of an address
	burst      = 20
	ofCode     = 10
	generation = 20_000
)

func newPaced() *paced { return &paced{now: map[string]*rate.Limiter{}} }

// allow reports whether a request of a peer for what is kept under id may be answered now. An empty
// peer is not known, as behind a proxy that does not say: then the bound per code remains.
// What an address asks beyond its own bound does not count for the code.
func (p *paced) allow(peer, id string, at time.Time) bool {
	return (peer == "" || p.one("peer "+peer, 1, at)) && p.one("id "+id, ofCode, at)
}

func (p *paced) one(key string, times int, at time.Time) bool {
	p.mu.Lock()
	defer p.mu.Unlock()
	l := p.now[key]
	if l == nil {
		if l = p.old[key]; l == nil {
			l = rate.NewLimiter(fetches*rate.Limit(times), burst*times)
		}
		if len(p.now) >= generation {
			p.old, p.now = p.now, map[string]*rate.Limiter{}
		}
		p.now[key] = l
	}
	return l.AllowN(at, 1)
}
