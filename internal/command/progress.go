package command

import (
	"os"
	"sync"
	"time"

	"github.com/schollz/progressbar/v3"
	"github.com/urfave/cli/v2"
)

// Progress shows how far work has come, on standard error and only if that is a terminal, once it
// has taken more than a second. It is safe for concurrent use.
type Progress struct {
	mu    sync.Mutex
	bar   *progressbar.ProgressBar // nil: nothing is shown
	began time.Time
	n     int64
	ended chan struct{} // closed by Done
}

// NewProgress begins work on total entries; 0 means that their number is not known.
func NewProgress(c *cli.Context, what string, total uint64) *Progress {
	return newProgress(c, what, total,
		progressbar.OptionShowCount(), progressbar.OptionShowIts(), progressbar.OptionSetItsString("entries"))
}

// NewDownload begins to wait for an answer, and to read it. Its size in bytes is not known; At and
// Add count them. While none come it shows that it waits.
func NewDownload(c *cli.Context, what string) *Progress {
	p := newProgress(c, what, 0, progressbar.OptionShowBytes(true), progressbar.OptionShowCount())
	if p.bar != nil {
		go p.turn()
	}
	return p
}

// turn shows again and again that something goes on.
func (p *Progress) turn() {
	t := time.NewTicker(time.Second / 4)
	defer t.Stop()
	for {
		select {
		case <-t.C:
			p.Add(0)
		case <-p.ended:
			return
		}
	}
}

func newProgress(c *cli.Context, what string, total uint64, more ...progressbar.Option) *Progress {
	p := &Progress{began: time.Now(), ended: make(chan struct{})}
	if _, ok := Terminal(c.App.ErrWriter); !ok || os.Getenv("TERM") == "dumb" {
		return p
	}
	most := int64(total)
	if most == 0 {
		most = -1
	}
	// Without the interval a bar of unknown length draws itself from a goroutine of its own, which
	// would be a second hand at the terminal, and not under the lock.
	p.bar = progressbar.NewOptions64(most, append([]progressbar.Option{progressbar.OptionSetWriter(c.App.ErrWriter),
		progressbar.OptionSetDescription(what), progressbar.OptionSetWidth(20), progressbar.OptionSetSpinnerChangeInterval(0),
		progressbar.OptionThrottle(time.Second / 10), progressbar.OptionClearOnFinish()}, more...)...)
	return p
}

// At says that n entries are done.
func (p *Progress) At(n uint64) { p.to(func() { p.n = int64(n) }) }

// Add says that n more entries are done.
func (p *Progress) Add(n int) { p.to(func() { p.n += int64(n) }) }

func (p *Progress) to(change func()) {
	p.mu.Lock()
	defer p.mu.Unlock()
	change()
	if p.bar != nil && time.Since(p.began) > time.Second {
		p.bar.Set64(p.n) //nolint:errcheck // it is decoration
	}
}

// Done removes what is shown. It may be called more than once.
func (p *Progress) Done() {
	p.mu.Lock()
	defer p.mu.Unlock()
	if p.bar != nil {
		p.bar.Clear() //nolint:errcheck // it is decoration
		p.bar = nil
		close(p.ended)
	}
}
