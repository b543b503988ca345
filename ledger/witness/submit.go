package witness

import (
	"bytes"
	"context"
	"encoding/base64"
	"errors"
	"fmt"
	"io"
	"mime"
	"net/http"
	"net/url"
	"strconv"
	"strings"

	"igledger/ledger/proof/cosign"
)

// Limits of C2SP tlog-witness and ours.
const (
	maxProof  = 63       // lines
	maxAnswer = 16 << 10 // bytes of an answer that we look at
)

// submit gets w's cosignature on head and has it kept. nil means that it is kept, or that a newer one is or is under way, or that w has seen a later checkpoint of
// this log, sent by somebody else: it cosigns again when the anchor has passed that.
func (c *Client) submit(ctx context.Context, log Log, w *cosign.Cosigner, head Checkpoint) error {
	old, at, err := log.Cosigned(ctx, w.VKey)
	if err != nil {
		return fmt.Errorf("witness %s: reading what it has cosigned: %w", w.Name, err)
	}
	// Another replica may have been faster.
	if old > head.Size || old == head.Size && c.cfg.Now().Sub(at) < c.cfg.Refresh/2 {
		return nil
	}
	for try := 1; ; try++ {
		lines, seen, err := c.add(ctx, log, w, old, head)
		if err == nil {
			s, err := read(lines, w, head, c.cfg.Now())
			if err != nil {
				return c.answered(w, head, 0, err)
			}
			return log.Keep(ctx, head, s)
		}
		if !errors.Is(err, errSeen) {
			return err
		}
		switch {
		case seen > head.Size:
			size, err := log.Size(ctx)
			if err != nil {
				return fmt.Errorf("witness %s: reading the log's size: %w", w.Name, err)
			}
			if size < seen {
				return c.answered(w, head, http.StatusConflict, fmt.Errorf("%w: %d", ErrAhead, seen))
			}
			return nil
		case seen == old && old == head.Size:
			return c.answered(w, head, http.StatusConflict, ErrFork)
		case seen == old:
			return c.answered(w, head, http.StatusConflict, fmt.Errorf("%w: a conflict with the size it names itself", ErrMalformed))
		case try == 2:
			return c.answered(w, head, http.StatusConflict, fmt.Errorf("%w: it changed its mind about what it has seen; perhaps another replica is sending too", errSeen))
		}
		old = seen
	}
}

// errSeen: 409, the witness has last seen another size than we thought.
var errSeen = errors.New("it has last seen another size")

func (c *Client) answered(w *cosign.Cosigner, head Checkpoint, status int, err error) error {
	return &AnswerError{Witness: w.Name, Size: head.Size, Status: status, Err: err}
}

// add is one add-checkpoint request: the answer's signature lines, or, with errSeen, the size the witness has last seen.
func (c *Client) add(ctx context.Context, log Log, w *cosign.Cosigner, old uint64, head Checkpoint) (lines string, seen uint64, err error) {
	body, err := request(ctx, log, old, head)
	if err != nil {
		return "", 0, fmt.Errorf("witness %s: %w", w.Name, err)
	}
	ctx, cancel := context.WithTimeout(ctx, c.cfg.Timeout)
	defer cancel()
	req, err := http.NewRequestWithContext(ctx, http.MethodPost, strings.TrimSuffix(w.URL, "/")+"/add-checkpoint", bytes.NewReader(body))
	if err != nil {
		return "", 0, fmt.Errorf("witness %s: %w", w.Name, withoutURL(err))
	}
	req.Header.Set("User-Agent", "igledger")
	resp, err := c.http.Do(req)
	if err != nil {
		return "", 0, c.answered(w, head, 0, withoutURL(err))
	}
	defer resp.Body.Close()
	answer, err := io.ReadAll(io.LimitReader(resp.Body, maxAnswer+1))
	if err == nil && len(answer) > maxAnswer {
		err = fmt.Errorf("%w: more than %d bytes", ErrMalformed, maxAnswer)
	}
	if err != nil {
		return "", 0, c.answered(w, head, resp.StatusCode, err)
	}
	switch resp.StatusCode {
	case http.StatusOK:
		return string(answer), 0, nil
	case http.StatusConflict:
		if media, _, _ := mime.ParseMediaType(resp.Header.Get("Content-Type")); media == "text/x.tlog.size" {
			if seen, ok := parseSize(string(answer)); ok {
				return "", seen, errSeen
			}
		}
		if old == head.Size { // tlog-witness gives this 409 no body
			return "", 0, c.answered(w, head, resp.StatusCode, ErrFork)
		}
		return "", 0, c.answered(w, head, resp.StatusCode, fmt.Errorf("%w: a conflict (409) that names no size", ErrMalformed))
	}
	err = refusals[resp.StatusCode]
	if err == nil {
		err = fmt.Errorf("HTTP status %d", resp.StatusCode)
	}
	return "", 0, c.answered(w, head, resp.StatusCode, err)
}

var refusals = map[int]error{
	http.StatusNotFound: ErrUnknownLog, http.StatusForbidden: ErrUnknownKey, http.StatusUnprocessableEntity: ErrInconsistent,
}

// request is an add-checkpoint's body: "old <size>", the consistency proof a line each, an empty line, the checkpoint.
func request(ctx context.Context, log Log, old uint64, head Checkpoint) ([]byte, error) {
	var proof [][]byte
	if old > 0 && old < head.Size {
		var err error
		proof, err = log.Prove(ctx, old, head.Size)
		if err != nil {
			return nil, fmt.Errorf("proving that %d leads to %d: %w", old, head.Size, err)
		}
	}
	if len(proof) > maxProof {
		return nil, fmt.Errorf("a proof from %d to %d of %d lines", old, head.Size, len(proof))
	}
	b := fmt.Appendf(nil, "old %d\n", old)
	for _, h := range proof {
		b = append(base64.StdEncoding.AppendEncode(b, h), '\n')
	}
	return append(append(b, '\n'), head.Note...), nil
}

// parseSize reads a size and a line feed.
func parseSize(s string) (uint64, bool) {
	digits, ok := strings.CutSuffix(s, "\n")
	n, err := strconv.ParseUint(digits, 10, 63)
	return n, ok && err == nil && strconv.FormatUint(n, 10) == digits
}

// withoutURL takes the address off an error: it may hold what its owner gave us alone.
func withoutURL(err error) error {
	var u *url.Error
	if errors.As(err, &u) {
		return u.Err
	}
	return err
}
