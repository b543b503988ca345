package proof

import (
	"bytes"
	"encoding/base64"
	"strconv"
	"strings"

	"igledger/ledger/wire"
)

// maxProofHashes bounds an inclusion proof: a tree of 2^62 leaves needs 62.
const maxProofHashes = 63

const proofHeader = "c2sp.org/tlog-proof@v1\n"

// Inclusion is a C2SP tlog-proof@v1 without extra lines: an index, the RFC 6962 inclusion path, and
// the signed checkpoint that it leads to.
type Inclusion struct {
	Index      uint64      // of the leaf
	Hashes     []wire.Hash // from the leaf up
	Checkpoint []byte      // signed note
}

// Marshal returns the proof as text.
func (p Inclusion) Marshal() []byte {
	var b bytes.Buffer
	b.WriteString(proofHeader)
	b.WriteString("index " + strconv.FormatUint(p.Index, 10) + "\n")
	for _, h := range p.Hashes {
		b.WriteString(base64.StdEncoding.EncodeToString(h[:]) + "\n")
	}
	b.WriteString("\n")
	b.Write(p.Checkpoint)
	return b.Bytes()
}

// ParseInclusion reads the text of a proof. It returns BadProof or TooLarge. It verifies nothing:
// see verifier.VerifyProof.
func ParseInclusion(data []byte) (Inclusion, error) {
	if len(data) > maxInclusion {
		return Inclusion{}, wire.Errorf(wire.TooLarge, "tlog-proof", "%d bytes", len(data))
	}
	rest, ok := strings.CutPrefix(string(data), proofHeader)
	if !ok {
		return Inclusion{}, wire.Errorf(wire.BadProof, "tlog-proof", "first line is not c2sp.org/tlog-proof@v1")
	}
	head, checkpoint, ok := strings.Cut(rest, "\n\n")
	if !ok || checkpoint == "" {
		return Inclusion{}, wire.Errorf(wire.BadProof, "tlog-proof", "no checkpoint after the empty line")
	}
	lines := strings.Split(head, "\n")
	num, ok := strings.CutPrefix(lines[0], "index ")
	index, err := parseDecimal(num)
	if !ok || err != nil {
		return Inclusion{}, wire.Errorf(wire.BadProof, "tlog-proof", "second line is not an index")
	}
	if len(lines)-1 > maxProofHashes {
		return Inclusion{}, wire.Errorf(wire.BadProof, "tlog-proof",
			"%d hashes, at most %d", len(lines)-1, maxProofHashes)
	}
	p := Inclusion{Index: index, Checkpoint: []byte(checkpoint)}
	for i, line := range lines[1:] {
		h, err := decodeStd(line)
		if err != nil {
			return Inclusion{}, wire.Errorf(wire.BadProof, "tlog-proof", "hash %d is malformed", i)
		}
		p.Hashes = append(p.Hashes, h)
	}
	return p, nil
}
