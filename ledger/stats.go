package ledger

import (
	"sync/atomic"
	"time"
)

// counters are the numbers behind Stats.
type counters struct {
	batches, appended, answered, failed, busy, size atomic.Uint64
	failing                                         atomic.Bool // the last batch failed
	full                                            atomic.Bool // for want of room, and nothing shows that there is some
	observe                                         atomic.Pointer[func(added int, took time.Duration)]
}

func (c *counters) batch(added, answered int, size uint64, took time.Duration) {
	c.batches.Add(1)
	c.appended.Add(uint64(added))
	c.answered.Add(uint64(answered))
	c.size.Store(max(size, c.size.Load()))
	if f := c.observe.Load(); f != nil {
		(*f)(added, took)
	}
}

// Stats are counts since the process started, for metrics.
type Stats struct {
	Batches  uint64 // transactions committed
	Appended uint64 // entries appended
	Answered uint64 // entries answered, refused and replayed ones included
	Failed   uint64 // transactions that were given up
	Busy     uint64 // calls refused because the queue was full
	Queued   int64  // entries waiting now
	Size     uint64 // log size at this process's last commit
	TagCalls uint64 // VRF tags requested; how many were cached is not counted, as it tells who was seen lately
}

// Stats returns the counts.
func (l *Log) Stats() Stats {
	l.tags.mu.Lock()
	tags := l.tags.all
	l.tags.mu.Unlock()
	return Stats{
		Batches:  l.stats.batches.Load(),
		Appended: l.stats.appended.Load(),
		Answered: l.stats.answered.Load(),
		Failed:   l.stats.failed.Load(),
		Busy:     l.stats.busy.Load(),
		Queued:   l.waiting.Load(),
		Size:     l.stats.size.Load(),
		TagCalls: tags,
	}
}

// ObserveBatches makes the log call f after each committed batch, with the number of entries
// appended and the time it took. It is for metrics.
func (l *Log) ObserveBatches(f func(added int, took time.Duration)) { l.stats.observe.Store(&f) }
