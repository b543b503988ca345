package client

import (
	"bytes"
	"context"
	"fmt"
	"net/http"
	"net/url"
	"strconv"

	"github.com/go-json-experiment/json"

	"igledger/ledger/bundle"
)

// MaxOpenings is how many leaves one page of bulk openings is of at most.
const MaxOpenings = 256

// Openings gives the openings of up to MaxOpenings leaves from index from on, unchecked: fewer where they are large, none beyond the end of the log. A public leaf, which opens
// itself, is nil; an opening whose JWS is empty is of content that was erased, and only its link part counts. VRF proofs are left out. The organisation's first bulk reading of a
// day is itself logged as an access about everyone before the answer is given.
func (c *Client) Openings(ctx context.Context, from uint64) ([]*bundle.Opening, error) {
	q := url.Values{"from": {strconv.FormatUint(from, 10)}}
	if len(c.Purpose) > 0 {
		q["purpose"] = c.Purpose
	}
	data, err := c.fetch(ctx, request{method: http.MethodGet, path: withQuery("/v1/openings", q), token: true})
	if err != nil {
		return nil, err
	}
	var list []*bundle.Opening
	for line := range bytes.Lines(data) {
		var o *bundle.Opening
		at := from + uint64(len(list))
		if err := json.Unmarshal(line, &o); err != nil {
			return nil, fmt.Errorf("opening of leaf %d: the answer is not the JSON expected", at)
		}
		if o != nil && o.Index != at {
			return nil, fmt.Errorf("opening of leaf %d: the server gave that of leaf %d", at, o.Index)
		}
		list = append(list, o)
		if len(list) > MaxOpenings {
			return nil, fmt.Errorf("openings from leaf %d on: more than %d", from, MaxOpenings)
		}
	}
	return list, nil
}
