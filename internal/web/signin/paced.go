package signin

import (
	"sync"
	"time"

	"golang.org/x/time/rate"
)

// paced allows each of many keys a steady rate with bursts. It remembers the keys of two generations
// at most, so that strangers cannot fill the memory: a key that is forgotten begins anew.
type paced struct {
	rate  rate.Limit
	burst int

	mu       sync.Mutex
	now, old map[string]*rate.Limiter
}

const generation = 20_000 // about 3 MB

func newPaced(perSecond float64, burst int) *paced {
	return &paced{rate: rate.Limit(perSecond), burst: burst, now: map[string]*rate.Limiter{}}
}

func (p *paced) allow(key string, at time.Time) bool {
	p.mu.Lock()
	defer p.mu.Unlock()
	l := p.now[key]
	if l == nil {
		if l = p.old[key]; l == nil {
			l = rate.NewLimiter(p.rate, p.burst)
		}
		if len(p.now) >= generation {
			p.old, p.now = p.now, map[string]*rate.Limiter{}
		}
		p.now[key] = l
	}
	return l.AllowN(at, 1)
}
