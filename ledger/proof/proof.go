package proof

import (
	"bytes"
	"encoding/base64"
	"strconv"
	"strings"

	"github.com/transparency-dev/merkle/proof"
	"github.com/transparency-dev/merkle/rfc6962"
	"golang.org/x/mod/sumdb/note"

	"igledger/ledger/wire"
)

// maxProofHashes bounds an inclusion proof: a tree of 2^62 leaves needs 62.
const maxProofHashes = 63

const proofHeader = "c2sp.org/tlog-proof@v1\n"

// Proof is a C2SP tlog-proof@v1: an index, the RFC 6962 inclusion path, and the signed checkpoint it leads to. It carries no extra line.
type Inclusion struct {
	Index      uint64
	Hashes     []wire.Hash
	Checkpoint []byte // signed note
}

// Marshal writes the textual form.
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

// ParseProof reads the textual form. The checkpoint is not opened: see Verify.
func ParseInclusion(data []byte) (Inclusion, error) {
	if len(data) > 1<<17 {
		return Inclusion{}, wire.Errorf(wire.TooLarge, "tlog-proof", "%d bytes", len(data))
	}
	rest, ok := strings.CutPrefix(string(data), proofHeader)
	if !ok {
		return Inclusion{}, wire.Errorf(wire.BadProof, "tlog-proof", "first line is not c2sp.org/tlog-proof@v1")
	}
	head, checkpoint, ok := strings.Cut(rest, "\n\n")
	if !ok || checkpoint == "" {
		return Inclusion{}, wire.Errorf(wire.BadProof, "tlog-proof", "no checkpoint after an empty line")
	}
	lines := strings.Split(head, "\n")
	num, ok := strings.CutPrefix(lines[0], "index ")
	index, err := parseDecimal(num)
	if !ok || err != nil {
		return Inclusion{}, wire.Errorf(wire.BadProof, "tlog-proof", "second line is not an index")
	}
	if len(lines)-1 > maxProofHashes {
		return Inclusion{}, wire.Errorf(wire.BadProof, "tlog-proof", "%d hashes, at most %d", len(lines)-1, maxProofHashes)
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

// Verify checks that leaf stands at p.Index under a checkpoint signed by log, and gives that checkpoint.
func (p Inclusion) Verify(leaf []byte, log note.Verifier) (Checkpoint, error) {
	c, err := OpenCheckpoint(p.Checkpoint, log)
	if err != nil {
		return Checkpoint{}, err
	}
	path := make([][]byte, len(p.Hashes))
	for i := range p.Hashes {
		path[i] = p.Hashes[i][:]
	}
	h := LeafHash(leaf)
	if err := proof.VerifyInclusion(rfc6962.DefaultHasher, p.Index, c.Size, h[:], path, c.Root[:]); err != nil {
		return Checkpoint{}, wire.Errorf(wire.BadProof, "inclusion proof", "leaf %d is not under the root of size %d", p.Index, c.Size)
	}
	return c, nil
}
