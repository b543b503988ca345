package edge

import (
	"cmp"
	"context"
	"io"
	"net"
	"sync"
	"sync/atomic"
	"time"
)

// Conns counts the connections of a server and of each of its peers.
type Conns struct {
	limits Limits
	evict  func() // called for each connection that is closed to make room

	mu    sync.Mutex
	all   map[*conn]bool
	peers map[string]int
	born  uint64
}

// NewConns returns the connections of a server. evicted is called for each connection that is
// closed because there are too many.
func NewConns(l Limits, evicted func()) *Conns {
	return &Conns{limits: l.OrDefault(), evict: evicted, all: map[*conn]bool{}, peers: map[string]int{}}
}

// Listen returns a listener that accepts what l accepts. If that is one connection too many, of its
// peer or of all, it closes another that no request is being answered on: of those that never
// carried one the oldest, else the one that has been idle for longest, else one whose request still
// waits for its body, of the peer that has most. If there is none, it closes the new one. So
// connections that send nothing, or anything slowly, only displace each other.
func (c *Conns) Listen(l net.Listener) net.Listener { return &listener{l, c} }

type listener struct {
	net.Listener
	conns *Conns
}

func (l *listener) Accept() (net.Conn, error) {
	for {
		raw, err := l.Listener.Accept()
		if err != nil {
			return nil, err
		}
		if c := l.conns.admit(raw); c != nil {
			return c, nil
		}
		raw.Close()
	}
}

// conn is a connection that is counted until it is closed.
type conn struct {
	net.Conn
	of      *Conns
	peer    string // "": a proxy, which is counted only with all
	closing sync.Once
	framing framing

	// Guarded by of.mu.
	busy    bool   // a request is being answered
	waiting bool   // and waits for its body
	used    bool   // a request was answered
	turn    uint64 // grows with the time at which it was accepted, last answered a request, or last got enough of a body

	doubtful atomic.Bool // a request came that can be read in two ways
	left     atomic.Bool // a body was left: see Leave
}

func (c *Conns) admit(raw net.Conn) *conn {
	addr := addrOf(raw.RemoteAddr().String())
	n := &conn{Conn: raw, of: c, peer: peerOf(addr)}
	if c.limits.proxy(addr) {
		n.peer = ""
	}
	var old *conn
	c.mu.Lock()
	switch {
	case n.peer != "" && c.peers[n.peer] >= c.limits.PeerConnections:
		old = c.idlest(n.peer)
	case len(c.all) >= c.limits.Connections:
		old = c.idlest("")
	default:
		c.add(n)
		c.mu.Unlock()
		return n
	}
	if old != nil {
		c.remove(old)
		c.add(n)
	} else {
		n = nil
	}
	c.mu.Unlock()
	c.evict()
	if old != nil {
		old.Conn.Close()
	}
	return n
}

// idlest returns the connection to be closed for a new one, nil if there is none. If peer is not
// "", it is one of that peer's.
func (c *Conns) idlest(peer string) (least *conn) {
	for n := range c.all {
		if n.busy && !n.waiting || peer != "" && n.peer != peer {
			continue
		}
		if least == nil || c.before(n, least) {
			least = n
		}
	}
	return least
}

// before reports whether n is closed rather than m.
func (c *Conns) before(n, m *conn) bool {
	order := cmp.Compare(n.rank(), m.rank())
	if order == 0 && n.waiting {
		order = cmp.Compare(c.peers[m.peer], c.peers[n.peer])
	}
	return cmp.Or(order, cmp.Compare(n.turn, m.turn)) < 0
}

func (n *conn) rank() int {
	switch {
	case n.waiting:
		return 2
	case n.used:
		return 1
	}
	return 0
}

func (c *Conns) add(n *conn) {
	c.born++
	n.turn = c.born
	c.all[n] = true
	if n.peer != "" {
		c.peers[n.peer]++
	}
}

func (c *Conns) remove(n *conn) {
	if !c.all[n] {
		return
	}
	delete(c.all, n)
	if n.peer == "" {
		return
	}
	c.peers[n.peer]--
	if c.peers[n.peer] == 0 {
		delete(c.peers, n.peer)
	}
}

func (n *conn) Close() error {
	if n.left.Swap(false) {
		go n.linger()
		return nil
	}
	n.closing.Do(func() {
		n.of.mu.Lock()
		n.of.remove(n)
		n.of.mu.Unlock()
	})
	return n.Conn.Close()
}

// What a connection takes in before it is closed, after an answer to a request whose body was left.
// If bytes that arrived were not read, or more arrive, the system takes back the answer too.
const (
	lingerTime  = 500 * time.Millisecond
	lingerBytes = 16 << 20
)

// linger closes the connection when its other side has had the time to read the answer. It is still
// counted, and makes room for a new one.
func (n *conn) linger() {
	_ = n.CloseWrite() // if it fails, so does what follows
	_ = n.SetReadDeadline(time.Now().Add(lingerTime))
	_, _ = io.Copy(io.Discard, io.LimitReader(n.Conn, lingerBytes))
	n.Close()
}

func (n *conn) Read(b []byte) (int, error) {
	got, err := n.Conn.Read(b)
	if n.framing.scan(b[:got]) {
		n.doubtful.Store(true)
	}
	return got, err
}

// CloseWrite lets net/http end an answer before the connection, so that the caller can read it.
func (n *conn) CloseWrite() error {
	if c, ok := n.Conn.(interface{ CloseWrite() error }); ok {
		return c.CloseWrite()
	}
	return nil
}

// Count returns how many connections there are.
func (c *Conns) Count() int {
	c.mu.Lock()
	defer c.mu.Unlock()
	return len(c.all)
}

type connKey struct{}

// Context is for http.Server.ConnContext.
func (c *Conns) Context(ctx context.Context, nc net.Conn) context.Context {
	if n, ok := nc.(*conn); ok {
		return context.WithValue(ctx, connKey{}, n)
	}
	return ctx
}

// Begin says that a request of ctx is being answered, until the function that it returns is called.
// From then on no time of Server's ends its reading: Body sets one for each part of a body.
func Begin(ctx context.Context) (end func()) {
	n, ok := ctx.Value(connKey{}).(*conn)
	if !ok {
		return func() {}
	}
	_ = n.SetReadDeadline(time.Time{}) // it fails only if the connection has ended
	n.set(true, false)
	return func() { n.set(false, false) }
}

func (n *conn) set(busy, waiting bool) {
	n.of.mu.Lock()
	defer n.of.mu.Unlock()
	n.of.born++
	n.busy, n.waiting, n.used, n.turn = busy, waiting, true, n.of.born
}

// Ambiguous reports whether the connection of ctx carried a request with both Content-Length and
// Transfer-Encoding, or one of HTTP/1.0 with Transfer-Encoding. net/http takes the first and
// ignores the length, and takes the second and ignores the coding; a proxy in front of it may not,
// and then the two see different requests (RFC 9112 sections 6.1 and 6.3).
func Ambiguous(ctx context.Context) bool {
	n, ok := ctx.Value(connKey{}).(*conn)
	return ok && n.doubtful.Load()
}
