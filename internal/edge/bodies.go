package edge

import (
	"errors"
	"io"
	"net/http"
	"os"
	"sync"
	"time"
)

// Errors of reading a body, to be tested with errors.Is.
var (
	ErrFull = errors.New("too many bytes of request bodies at once")
	ErrSlow = errors.New("the request body came too slowly")
)

// Bodies counts the bytes of request bodies that have arrived and are still held.
type Bodies struct {
	limits Limits
	now    func() time.Time

	mu     sync.Mutex
	total  int64            // of all
	others int64            // of those without a token
	peers  map[string]int64 // of each peer, and of each organisation with a token
}

// NewBodies returns the bodies of a server. now is its clock.
func NewBodies(l Limits, now func() time.Time) *Bodies {
	return &Bodies{limits: l.OrDefault(), now: now, peers: map[string]int64{}}
}

// Held returns how many bytes are held.
func (b *Bodies) Held() int64 {
	b.mu.Lock()
	defer b.mu.Unlock()
	return b.total
}

// Body is a request body. It is not safe for concurrent use.
type Body struct {
	of       *Bodies
	src      io.Reader
	peer     string
	who      func() string
	deadline func(time.Time) error
	held     int64
	trusted  bool
	asked    bool
	ended    bool
	began    time.Time // of the present window
	window   int64     // bytes in it
}

// Open returns the body src of a request of peer. deadline sets until when a read may take, zero
// for no end. who returns the name of the caller if their token is valid, else "": it is asked only
// when the share of callers without a token is used up. The caller of Open calls Release.
func (b *Bodies) Open(src io.Reader, peer string, who func() string, deadline func(time.Time) error) *Body {
	return &Body{of: b, src: src, peer: "peer " + peer, who: who, deadline: deadline}
}

// maxRead is the most that a read takes, so that a body that does not fit is noticed early.
const maxRead = 32 << 10

// Read reads what has arrived. It returns ErrFull if that is more than may be held, and ErrSlow if
// it came too slowly.
func (b *Body) Read(p []byte) (int, error) {
	l := &b.of.limits
	if now := b.of.now(); b.began.IsZero() || b.window >= l.BodyRate*int64(l.BodyGrace/time.Second) {
		b.began, b.window = now, 0
		_ = b.deadline(b.began.Add(l.BodyGrace)) // a test's request has no connection
	}
	n, err := b.src.Read(p[:min(len(p), maxRead)])
	b.window += int64(n)
	switch {
	case errors.Is(err, os.ErrDeadlineExceeded):
		return 0, ErrSlow
	case err == io.EOF:
		b.ended = true
		_ = b.deadline(time.Time{})
	}
	if n > 0 && !b.take(int64(n)) {
		return 0, ErrFull
	}
	return n, err
}

// Ended reports whether the body was read to its end.
func (b *Body) Ended() bool { return b.ended }

// take counts n more bytes, if there is room for them.
func (b *Body) take(n int64) bool {
	if b.fits(n) {
		return true
	}
	if b.asked || b.trusted {
		return false
	}
	b.asked = true
	name := b.who()
	if name == "" {
		return false
	}
	held := b.held
	b.Release()
	b.trusted, b.peer = true, "caller "+name
	return b.fits(held + n)
}

func (b *Body) fits(n int64) bool {
	l, o := &b.of.limits, b.of
	o.mu.Lock()
	defer o.mu.Unlock()
	if o.total+n > l.BodyBytes || o.peers[b.peer]+n > l.PeerBodyBytes || !b.trusted && o.others+n > l.BodyBytes-l.ReservedBytes {
		return false
	}
	b.add(n)
	return true
}

func (b *Body) add(n int64) {
	o := b.of
	b.held += n
	o.total += n
	if !b.trusted {
		o.others += n
	}
	o.peers[b.peer] += n
	if o.peers[b.peer] == 0 {
		delete(o.peers, b.peer)
	}
}

// Release gives back what the body holds.
func (b *Body) Release() {
	b.of.mu.Lock()
	defer b.of.mu.Unlock()
	b.add(-b.held)
}

// Leave makes the server answer without waiting for a body that nobody will read: net/http would
// first read up to 256 KiB of it. The connection ends with the answer. Call it before the answer is
// begun.
func Leave(w http.ResponseWriter, r *http.Request) {
	if r.ContentLength == 0 {
		return
	}
	w.Header().Set("Connection", "close")
	if n, ok := r.Context().Value(connKey{}).(*conn); ok {
		n.left.Store(true)
	}
	_ = http.NewResponseController(w).SetReadDeadline(time.Unix(1, 0)) // a test's request has no connection
}
