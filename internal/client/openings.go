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

// MaxOpenings is the maximum number of leaves on one page of bulk openings.
const MaxOpenings = 256

// Openings returns the openings of up to MaxOpenings leaves, starting at index from, unchecked. It
// returns fewer where they are large, and none beyond the end of the log. The element for a public
// leaf, which needs no opening, is nil. If the JWS of an opening is empty, its content was erased
// and only its link part is valid. VRF proofs are left out. On the organisation's first bulk
// reading of a day the ledger logs an access about everyone before it answers.
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
			return nil, fmt.Errorf("opening of leaf %d: the answer is not the expected JSON", at)
		}
		if o != nil && o.Index != at {
			return nil, fmt.Errorf("opening of leaf %d: the server sent that of leaf %d", at, o.Index)
		}
		list = append(list, o)
		if len(list) > MaxOpenings {
			return nil, fmt.Errorf("openings from leaf %d on: the server sent more than %d", from, MaxOpenings)
		}
	}
	return list, nil
}
