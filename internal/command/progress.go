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
}

// NewProgress begins work on total entries; 0 means that their number is not known.
func NewProgress(c *cli.Context, what string, total uint64) *Progress {
	p := &Progress{began: time.Now()}
	if _, ok := Terminal(c.App.ErrWriter); !ok || os.Getenv("TERM") == "dumb" {
		return p
	}
	most := int64(total)
	if most == 0 {
		most = -1
	}
	p.bar = progressbar.NewOptions64(most, progressbar.OptionSetWriter(c.App.ErrWriter),
		progressbar.OptionSetDescription(what), progressbar.OptionShowCount(), progressbar.OptionShowIts(),
		progressbar.OptionSetItsString("entries"), progressbar.OptionSetWidth(20),
		progressbar.OptionThrottle(time.Second/10), progressbar.OptionClearOnFinish())
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
	}
}
