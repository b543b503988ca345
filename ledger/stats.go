package ledger

import (
	"container/list"
	"sync"
	"sync/atomic"
	"time"

	"igledger/ledger/storage"
)

// counters are the numbers behind Stats.
type counters struct {
	batches, appended, answered, failed, busy, size atomic.Uint64
	failing                                         atomic.Bool            // the last batch failed
	why                                             atomic.Pointer[string] // the error of the last that did
	full                                            atomic.Bool            // for want of room, and nothing shows that there is some
	mu                                              sync.Mutex
	waits                                           list.List // since when each caller waits, the oldest first; guarded by mu
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

// enter notes that a caller waits, until it calls the function that is returned.
func (c *counters) enter(now time.Time) (leave func()) {
	c.mu.Lock()
	defer c.mu.Unlock()
	e := c.waits.PushBack(now)
	return func() {
		c.mu.Lock()
		defer c.mu.Unlock()
		c.waits.Remove(e)
	}
}

func (c *counters) oldest(now time.Time) time.Duration {
	c.mu.Lock()
	defer c.mu.Unlock()
	if e := c.waits.Front(); e != nil {
		return now.Sub(e.Value.(time.Time))
	}
	return 0
}

// Stats are counts since the process started, for metrics.
type Stats struct {
	Batches   uint64        // transactions committed
	Appended  uint64        // entries appended
	Answered  uint64        // entries answered, refused and replayed ones included
	Failed    uint64        // transactions that were given up
	Busy      uint64        // calls refused because the queue was full
	Queued    int64         // entries waiting now
	Size      uint64        // log size at this process's last commit
	Oldest    time.Duration // how long the oldest of them has waited
	Published time.Time     // when this process last published a checkpoint; zero: not yet
	Database  storage.Pool
	TagCalls  uint64 // VRF tags requested; how many were cached is not counted, as it tells who was seen lately
}

// Stats returns the counts.
func (l *Log) Stats() Stats {
	l.tags.mu.Lock()
	tags := l.tags.all
	l.tags.mu.Unlock()
	var published time.Time
	if at := l.leased.appended.Load(); at > 0 {
		published = time.Unix(0, at)
	}
	return Stats{
		Oldest: l.stats.oldest(time.Now()), Published: published, Database: l.store.Pool(),
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
