package command

import (
	"bufio"
	"bytes"
	"context"
	"strings"
	"testing"
	"time"

	"github.com/creack/pty"
	"github.com/urfave/cli/v2"
)

// Work of less than a second shows nothing, longer work shows how far it is, and what is not a
// terminal gets nothing.
func TestProgress(t *testing.T) {
	t.Setenv("TERM", "xterm")
	master, slave, err := pty.Open()
	if err != nil {
		t.Fatal(err)
	}
	defer master.Close()
	defer slave.Close()
	c := cli.NewContext(&cli.App{ErrWriter: slave}, nil, &cli.Context{Context: context.Background()})
	p := NewProgress(c, "reading", 10)
	p.At(1)
	slave.WriteString("nothing so far\n") //nolint:errcheck // a test
	s := &session{t: t, master: master}
	s.shows = bufio.NewReader(master)
	if got := s.until("so far"); strings.Contains(got, "reading") {
		t.Errorf("at once: %q", got)
	}
	p.began = p.began.Add(-2 * time.Second)
	p.Add(4)
	s.until("5/10")
	p.Done()
	p.At(6)
	p = NewDownload(c, "fetching")
	p.mu.Lock()
	p.began = p.began.Add(-2 * time.Second)
	p.mu.Unlock()
	s.until("fetching") // nothing came yet
	p.Add(4096)
	s.until("4.1 kB")
	p.Done()
	p.Done()

	var pipe bytes.Buffer
	c = cli.NewContext(&cli.App{ErrWriter: &pipe}, nil, &cli.Context{Context: context.Background()})
	p = NewProgress(c, "reading", 0)
	p.began = p.began.Add(-2 * time.Second)
	p.At(6)
	p.Done()
	if pipe.Len() > 0 {
		t.Errorf("in a pipe: %q", &pipe)
	}
}
