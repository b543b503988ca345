package fetch

import (
	"bufio"
	"compress/gzip"
	"context"
	"encoding/json"
	"errors"
	"fmt"
	"io"
	"mime"
	"net/http"
	"strings"
	"time"

	"igledger/ledger/wire"
	"igledger/verifier/fetch/retry"
)

// Bounds on one request. A full bundle of the largest entries is 16 MB.
const (
	requestTime = 2 * time.Minute
	headerTime  = 30 * time.Second
	attempts    = 6
)

var backoff = retry.Backoff{First: 200 * time.Millisecond, Last: 15 * time.Second, MaxAsked: 15 * time.Second}

// httpLog reads below a base URL.
type httpLog struct {
	base   string
	client *http.Client
	tries  int           // of one request
	most   time.Duration // that one request is tried; 0: no bound but tries
	wait   func(context.Context, time.Duration) error
}

func newHTTP(base string) (*httpLog, error) {
	if _, err := wire.ServerURL(base); err != nil {
		return nil, fmt.Errorf("the log's URL: %w: %w", ErrUnreadable, err)
	}
	t := http.DefaultTransport.(*http.Transport).Clone()
	t.ResponseHeaderTimeout = headerTime
	t.DisableCompression = true // body unpacks, within the limit: a compressed body could be a bomb
	t.MaxIdleConnsPerHost = 16
	t.MaxResponseHeaderBytes = 64 << 10
	return &httpLog{strings.TrimRight(base, "/"), retry.Client(&http.Client{Transport: t, Timeout: requestTime}), attempts, 0,
		retry.Sleep}, nil
}

// read gets one file. After a problem that may pass (no connection, a torn body, 429, 502, 503,
// 504) it tries again after growing pauses, or after the server's Retry-After if that is not long.
func (h *httpLog) read(ctx context.Context, path string, limit int) ([]byte, error) {
	patience := retry.Patience{Max: h.most}
	for attempt := 0; ; attempt++ {
		data, again, after, err := h.get(ctx, path, limit)
		if err == nil || !again || attempt+1 == h.tries || ctx.Err() != nil {
			return data, err
		}
		d := backoff.Wait(attempt, after)
		if patience.Out(d) {
			return data, err
		}
		if err := h.wait(ctx, d); err != nil {
			return nil, fmt.Errorf("%s: %w: %w", path, ErrUnreadable, err)
		}
	}
}

// get makes one attempt. again reports whether the same request may succeed later, and after how
// long the server wants it.
func (h *httpLog) get(ctx context.Context, path string, limit int) (
	data []byte, again bool, after time.Duration, err error,
) {
	req, err := http.NewRequestWithContext(ctx, http.MethodGet, h.base+"/"+path, nil)
	if err != nil {
		return nil, false, 0, fmt.Errorf("%s: %w: %w", path, ErrUnreadable, err)
	}
	req.Header.Set("User-Agent", "igverify")
	if strings.HasPrefix(path, entriesPrefix) { // tiles of hashes do not compress
		req.Header.Set("Accept-Encoding", "gzip, identity")
	}
	resp, err := h.client.Do(req)
	if refused := new(retry.RedirectError); errors.As(err, &refused) {
		return nil, false, 0, fmt.Errorf("%s: %w: %w", path, ErrUnreadable, refused)
	}
	if err != nil {
		return nil, !errors.Is(err, context.Canceled), 0, fmt.Errorf("%s: %w: %w", path, ErrUnreadable, err)
	}
	defer resp.Body.Close()
	switch resp.StatusCode {
	case http.StatusOK:
	case http.StatusNotFound, http.StatusGone:
		return nil, false, 0, fmt.Errorf("%s: %w", path, ErrNotFound)
	default:
		if stopped := readStopped(resp); stopped != nil {
			return nil, false, 0, fmt.Errorf("%s: %w: %w", path, ErrUnreadable, stopped)
		}
		err := fmt.Errorf("%s: %w: %w", path, ErrUnreadable, &StatusError{resp.StatusCode})
		return nil, retry.Passing(resp.StatusCode), retry.After(resp.Header), err
	}
	data, err = body(resp, limit)
	if errors.Is(err, errEncoding) {
		return nil, false, 0, fmt.Errorf("%s: %w: %w", path, ErrUnreadable, err)
	}
	if long := new(retry.TooLongError); errors.As(err, &long) {
		return nil, false, 0, tooLong(path, limit)
	}
	if err != nil {
		return nil, true, 0, fmt.Errorf("%s: %w: %w", path, ErrUnreadable, err)
	}
	return data, false, 0, nil
}

// StatusError is an answer that is neither a file nor that there is none.
type StatusError struct{ Status int }

func (e *StatusError) Error() string { return fmt.Sprintf("HTTP status %d", e.Status) }

// HTTPStatus tells those who do not know this package, as client.Problem does.
func (e *StatusError) HTTPStatus() int { return e.Status }

// StoppedError says that the log answers nothing, because it would contradict what it has signed.
// Waiting does not help: its operator has to act. The reason is the log's own words.
type StoppedError struct{ Reason string }

func (e *StoppedError) Error() string {
	return fmt.Sprintf("the log has stopped, until its operator acts; it says %q", e.Reason)
}

// stoppedType is the type of the problem (RFC 9457) by which a log says that it has stopped.
const stoppedType = "urn:igledger:problem:stopped"

// readStopped returns what an answer says if it says that the log has stopped, else nil.
func readStopped(resp *http.Response) *StoppedError {
	var p struct {
		Type   string `json:"type"`
		Detail string `json:"detail"`
	}
	media, _, _ := mime.ParseMediaType(resp.Header.Get("Content-Type"))
	if resp.StatusCode != http.StatusServiceUnavailable || media != "application/problem+json" {
		return nil
	}
	data, err := retry.Read(resp.Body, 4<<10)
	if err != nil || json.Unmarshal(data, &p) != nil || p.Type != stoppedType {
		return nil
	}
	return &StoppedError{p.Detail}
}

// entriesPrefix begins the paths of entry bundles, which a log should compress (C2SP tlog-tiles).
const entriesPrefix = "tile/entries/"

// errEncoding says that a body is packed in a way that was not asked for.
var errEncoding = errors.New("its Content-Encoding is not a single gzip")

// body reads at most limit bytes, of the body and of what it unpacks to: a small one may unpack to
// any number. A log may pack entry bundles without being asked.
func body(resp *http.Response, limit int) ([]byte, error) {
	switch strings.ToLower(resp.Header.Get("Content-Encoding")) {
	case "", "identity":
		return retry.Read(resp.Body, limit)
	case "gzip", "x-gzip":
	default:
		return nil, errEncoding
	}
	packed := bufio.NewReader(io.LimitReader(resp.Body, int64(limit)+gzipOverhead))
	z, err := gzip.NewReader(packed)
	if err != nil {
		return nil, err
	}
	z.Multistream(false) // or empty parts without end would be read
	data, err := retry.Read(z, limit)
	if err != nil {
		return nil, err
	}
	if _, err := packed.ReadByte(); err != io.EOF {
		return nil, errEncoding
	}
	return data, nil
}

// gzipOverhead is more than gzip adds to what it cannot compress, for files as large as a log has.
const gzipOverhead = 64 << 10

func tooLong(path string, limit int) error {
	return fmt.Errorf("%s: %w: longer than %d bytes, the limit for such a file", path, ErrUnreadable, limit)
}
