package verifier

import (
	"bytes"
	"crypto/sha256"
	"encoding/hex"
	"encoding/json"
	"errors"
	"fmt"

	"igledger/ledger/proof"
	"igledger/ledger/wire"
)

// replayState is a LogReplay between two leaves, as a file: one line of JSON, then its SHA-256 in
// hexadecimal, each with a line feed, so that a torn or damaged file is noticed. The reader owns
// the file and trusts that MarshalState wrote it: anyone who can write to it can make a replay skip
// leaves.
type replayState struct {
	Format     string        `json:"format"`
	LogKey     string        `json:"logKey"`
	Checkpoint string        `json:"checkpoint"` // signed note that the replay works towards or has reached
	Size       uint64        `json:"size"`
	Edge       []wire.Bytes  `json:"edge"`   // hashes of the unfinished tile of each level
	Passed     uint64        `json:"passed"` // public entries
	Public     []publicEntry `json:"public"` // those of them that are kept
}

const replayFormat = "igverify-log-state/1"

// ErrState says that a state file is damaged, of another version, or for another log.
var ErrState = errors.New("state file")

// MarshalState returns the replay in a form from which ParseState can continue. checkpoint is the
// signed note that it works towards, which is kept so that a later run can tell whether the log was
// rewound. If a tile did not agree with the leaves, MarshalState returns an error.
func (l *LogReplay) MarshalState(checkpoint []byte) ([]byte, error) {
	if !l.Agrees() {
		return nil, fmt.Errorf("%w: a replay that found something wrong is not saved", ErrState)
	}
	s := replayState{
		Format:     replayFormat,
		LogKey:     l.key,
		Checkpoint: string(checkpoint),
		Size:       l.edge.size,
		Edge:       []wire.Bytes{},
		Passed:     l.passed,
		Public:     append([]publicEntry{}, l.kept...),
	}
	for _, hashes := range l.edge.levels {
		row := wire.Bytes{}
		for _, h := range hashes {
			row = append(row, h[:]...)
		}
		s.Edge = append(s.Edge, row)
	}
	line, err := json.Marshal(s)
	if err != nil {
		return nil, fmt.Errorf("writing the state: %w", err)
	}
	sum := sha256.Sum256(line)
	return fmt.Appendf(nil, "%s\n%x\n", line, sum), nil
}

// ParseState parses what MarshalState returned for the log of vkey, and returns the replay and the
// signed note in it. It verifies the public entries again. Errors are ErrState.
func ParseState(data []byte, vkey string) (*LogReplay, []byte, error) {
	line, rest, ok := bytes.Cut(data, []byte("\n"))
	sum := sha256.Sum256(line)
	if !ok || string(rest) != hex.EncodeToString(sum[:])+"\n" {
		return nil, nil, fmt.Errorf("%w: torn or damaged (its checksum does not match)", ErrState)
	}
	var s replayState
	if err := wire.DecodeJSON("state", line, &s); err != nil {
		return nil, nil, fmt.Errorf("%w: %w", ErrState, err)
	}
	if s.Format != replayFormat || s.LogKey != vkey {
		return nil, nil, fmt.Errorf("%w: from another version, or from a log with another key", ErrState)
	}
	l, err := NewLogReplay(vkey)
	if err != nil {
		return nil, nil, err
	}
	if l.edge, err = parseEdge(s.Size, s.Edge); err != nil {
		return nil, nil, err
	}
	for n, p := range s.Public {
		if p.Index >= s.Size || n > 0 && s.Public[n-1].Index >= p.Index {
			return nil, nil, fmt.Errorf("%w: its public entries are out of order", ErrState)
		}
		if err := l.check(proof.PublicLeaf(p.JWS), p.Index); err != nil {
			return nil, nil, fmt.Errorf("%w: %w", ErrState, err)
		}
	}
	if s.Passed < l.passed || s.Passed > s.Size {
		return nil, nil, fmt.Errorf("%w: its number of public entries is impossible", ErrState)
	}
	l.passed = s.Passed
	if s.Size > 0 && l.state.Register.Genesis == nil {
		return nil, nil, fmt.Errorf("%w: it has leaves but no genesis", ErrState)
	}
	return l, []byte(s.Checkpoint), nil
}

// parseEdge parses the right edge of a tree of size leaves, which must have exactly the right
// hashes.
func parseEdge(size uint64, rows []wire.Bytes) (edge, error) {
	e := edge{size: size}
	if len(rows) > 8 || size > 1<<62 || len(rows) < 8 && size>>(8*len(rows)) > 0 {
		return e, fmt.Errorf("%w: its edge is not that of size %d", ErrState, size)
	}
	for l, row := range rows {
		if len(row) != 32*int(size>>(8*l)&0xff) {
			return e, fmt.Errorf("%w: its edge is not that of size %d", ErrState, size)
		}
		hashes := make([]wire.Hash, 0, TileWidth)
		for len(row) > 0 {
			hashes = append(hashes, wire.Hash(row))
			row = row[32:]
		}
		e.levels = append(e.levels, hashes)
	}
	return e, nil
}
