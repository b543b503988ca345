package storage

import (
	"io"
	"net"
	"net/url"
	"sync"
	"testing"
	"time"

	"igledger/internal/testdb"
)

// silencing is a proxy in front of PostgreSQL. Once silenced, the connections that were open say
// nothing any more, in neither direction, as those to a node that has died. New ones work.
type silencing struct {
	net.Listener
	mu    sync.Mutex
	round chan struct{} // closed when the connections of this round fall silent
}

func newSilencing(t *testing.T, socket string) *silencing {
	l, err := net.Listen("tcp", "127.0.0.1:0")
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() { l.Close() })
	p := &silencing{Listener: l, round: make(chan struct{})}
	go func() {
		for {
			c, err := l.Accept()
			if err != nil {
				return
			}
			s, err := net.Dial("unix", socket)
			if err != nil {
				c.Close()
				continue
			}
			p.mu.Lock()
			round := p.round
			p.mu.Unlock()
			go pass(c, s, round)
			go pass(s, c, round)
		}
	}()
	return p
}

func pass(to, from net.Conn, silent chan struct{}) {
	for b := make([]byte, 1<<16); ; {
		n, err := from.Read(b)
		select {
		case <-silent:
			io.Copy(io.Discard, from) //nolint:errcheck // until it is closed
			return
		default:
		}
		if err != nil {
			to.Close()
			return
		}
		if _, err := to.Write(b[:n]); err != nil {
			return
		}
	}
}

func (p *silencing) silence() {
	p.mu.Lock()
	defer p.mu.Unlock()
	close(p.round)
	p.round = make(chan struct{})
}

// All connections of the pool fall silent, more than an append tries. It goes on by a new one,
// within its own time limit, and stores its leaves once.
func TestAppendLeavesASilentServer(t *testing.T) {
	dsn, socket := testdb.OnSocket(t)
	u, err := url.Parse(dsn)
	if err != nil {
		t.Fatal(err)
	}
	p := newSilencing(t, socket)
	s := openTest(t, "postgres://postgres@"+p.Addr().String()+u.Path+"?sslmode=disable")
	tree := mustTree(t, s, "log")
	leaves := someLeaves("w", 0, 20)
	mustAppend(t, s, tree, leaves)
	var open []tx
	for range lostRetries + 2 {
		x, err := s.db.begin(t.Context())
		if err != nil {
			t.Fatal(err)
		}
		open = append(open, x)
	}
	for _, x := range open {
		x.rollback()
	}
	p.silence()
	s.appendTimeout = 2 * time.Second // which ends what waits for silent connections; what is before has its full time
	more := someLeaves("w", 20, 20)
	mustAppend(t, s, tree, more)
	if head := checkLog(t, s, tree); head.Size != 40 {
		t.Fatalf("%d leaves", head.Size)
	}
	checkChains(t, s, tree, append(leaves, more...))
}
