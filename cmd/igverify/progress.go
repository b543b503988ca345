package main

import (
	"os"

	"github.com/schollz/progressbar/v3"
	"golang.org/x/term"
)

// bar is a progress bar on stderr. If stderr is not a terminal, it shows nothing.
type bar struct{ bar *progressbar.ProgressBar }

func (s *session) bar(what string, total uint64) bar {
	f, ok := s.c.App.ErrWriter.(*os.File)
	if !ok || !term.IsTerminal(int(f.Fd())) {
		return bar{}
	}
	return bar{progressbar.NewOptions64(int64(total),
		progressbar.OptionSetWriter(f),
		progressbar.OptionSetDescription(what),
		progressbar.OptionShowCount(),
		progressbar.OptionShowIts(),
		progressbar.OptionSetItsString("entries"),
		progressbar.OptionSetWidth(20),
		progressbar.OptionThrottle(100e6),
		progressbar.OptionClearOnFinish())}
}

func (b bar) at(n uint64) {
	if b.bar != nil {
		b.bar.Set64(int64(n))
	}
}

func (b bar) done() {
	if b.bar != nil {
		b.bar.Finish()
	}
}
