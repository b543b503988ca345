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

// Limits of requests and answers.
const (
	maxProof  = 63       // lines, a limit of C2SP tlog-witness
	maxAnswer = 16 << 10 // bytes, a limit of ours
)

// submit gets w's cosignature on head and keeps it. If it returns neither kept nor an error, this
// cosignature, perhaps of a newer time, was kept before, or w has seen a later checkpoint of this
// log, which another sender has sent: w cosigns again when the anchor has passed that one.
func (c *Client) submit(ctx context.Context, log Log, w *cosign.Cosigner, head Checkpoint) (kept bool, err error) {
	old, at, err := log.Cosigned(ctx, w.VKey)
	if err != nil {
		return false, fmt.Errorf("witness %s: reading its last cosignature: %w", w.Name, err)
	}
	// Another replica may have been faster.
	if old > head.Size || old == head.Size && c.cfg.Now().Sub(at) < c.cfg.Refresh/2 {
		return false, nil
	}
	before := old
	for try := 1; ; try++ {
		lines, seen, err := c.add(ctx, log, w, old, head)
		if err == nil {
			s, err := read(lines, w, head, c.cfg.Now())
			if err != nil {
				return false, c.answered(w, head, 0, err)
			}
			if before == head.Size && !s.Time.After(at) { // w repeats an answer of before
				return false, nil
			}
			err = log.Keep(ctx, head, s)
			return err == nil, err
		}
		if !errors.Is(err, errSeen) {
			return false, err
		}
		switch {
		case seen > head.Size:
			size, err := log.Size(ctx)
			if err != nil {
				return false, fmt.Errorf("witness %s: reading the log's size: %w", w.Name, err)
			}
			if size < seen {
				return false, c.answered(w, head, http.StatusConflict, fmt.Errorf("%w: %d", ErrAhead, seen))
			}
			return false, nil
		case seen == old && old == head.Size:
			return false, c.answered(w, head, http.StatusConflict, ErrFork)
		case seen == old:
			err := fmt.Errorf("%w: a conflict (409) with the size that it names itself", ErrMalformed)
			return false, c.answered(w, head, http.StatusConflict, err)
		case try == 2:
			err := fmt.Errorf("%w: its two answers name different sizes; another replica may be sending to it too", errSeen)
			return false, c.answered(w, head, http.StatusConflict, err)
		}
		old = seen
	}
}

// Seen asks each witness, once, for the size of the largest checkpoint that it has seen. head is a
// published checkpoint; a witness that knows nothing of the log cosigns it. A witness that does not
// answer is absent from the result.
func (c *Client) Seen(ctx context.Context, head Checkpoint) map[string]uint64 {
	sizes := map[string]uint64{}
	for _, w := range c.list {
		_, seen, err := c.add(ctx, nil, w, 0, head) // from size 0, which needs no proof
		switch {
		case err == nil:
			sizes[w.Name] = head.Size
		case errors.Is(err, errSeen):
			sizes[w.Name] = seen
		}
	}
	return sizes
}

// errSeen is the answer 409: the witness has last seen another size than we assumed.
var errSeen = errors.New("it has last seen another size")

// answered returns err as an AnswerError.
func (c *Client) answered(w *cosign.Cosigner, head Checkpoint, status int, err error) error {
	return &AnswerError{Witness: w.Name, Size: head.Size, Status: status, Err: err}
}

// add sends one add-checkpoint request and returns the signature lines of the answer. With errSeen
// it returns the size that the witness has last seen.
func (c *Client) add(
	ctx context.Context, log Log, w *cosign.Cosigner, old uint64, head Checkpoint,
) (lines string, seen uint64, err error) {
	body, err := request(ctx, log, old, head)
	if err != nil {
		return "", 0, fmt.Errorf("witness %s: %w", w.Name, err)
	}
	ctx, cancel := context.WithTimeout(ctx, c.cfg.Timeout)
	defer cancel()
	target := strings.TrimSuffix(w.URL, "/") + "/add-checkpoint"
	req, err := http.NewRequestWithContext(ctx, http.MethodPost, target, bytes.NewReader(body))
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
		err = fmt.Errorf("%w: it has more than %d bytes", ErrMalformed, maxAnswer)
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
		if old == head.Size { // in tlog-witness this 409 has no body
			return "", 0, c.answered(w, head, resp.StatusCode, ErrFork)
		}
		err := fmt.Errorf("%w: a conflict (409) that names no size", ErrMalformed)
		return "", 0, c.answered(w, head, resp.StatusCode, err)
	}
	err = refusals[resp.StatusCode]
	if err == nil {
		err = fmt.Errorf("HTTP status %d", resp.StatusCode)
	}
	return "", 0, c.answered(w, head, resp.StatusCode, err)
}

// refusals maps HTTP statuses of answers to errors.
var refusals = map[int]error{
	http.StatusNotFound:            ErrUnknownLog,
	http.StatusForbidden:           ErrUnknownKey,
	http.StatusUnprocessableEntity: ErrInconsistent,
}

// request returns the body of an add-checkpoint request: "old <size>", the consistency proof with
// one hash a line, an empty line, the checkpoint.
func request(ctx context.Context, log Log, old uint64, head Checkpoint) ([]byte, error) {
	var proof [][]byte
	if old > 0 && old < head.Size {
		var err error
		proof, err = log.Prove(ctx, old, head.Size)
		if err != nil {
			return nil, fmt.Errorf("proving that size %d leads to size %d: %w", old, head.Size, err)
		}
	}
	if len(proof) > maxProof {
		return nil, fmt.Errorf("the proof from size %d to size %d has %d lines, more than %d",
			old, head.Size, len(proof), maxProof)
	}
	b := fmt.Appendf(nil, "old %d\n", old)
	for _, h := range proof {
		b = append(base64.StdEncoding.AppendEncode(b, h), '\n')
	}
	return append(append(b, '\n'), head.Note...), nil
}

// parseSize reads a decimal size followed by a line feed.
func parseSize(s string) (uint64, bool) {
	digits, ok := strings.CutSuffix(s, "\n")
	n, err := strconv.ParseUint(digits, 10, 63)
	return n, ok && err == nil && strconv.FormatUint(n, 10) == digits
}

// withoutURL removes the address from an error, because it may contain a secret that its owner gave
// only to us.
func withoutURL(err error) error {
	var u *url.Error
	if errors.As(err, &u) {
		return u.Err
	}
	return err
}
