package auditor

import (
	"bufio"
	"bytes"
	"crypto/sha256"
	"encoding/binary"
	"errors"
	"fmt"
	"hash"
	"io"

	"igledger/ledger/proof"
	"igledger/ledger/proof/index"
	"igledger/ledger/wire"
	"igledger/verifier"
)

// A state file holds an Auditor between two leaves, so that it does not have to begin at leaf 0
// again. Integers are u64, big-endian:
//
//	"igverify-audit-state/1\n"
//	length ‖ state of the LogReplay (verifier.MarshalState), with the checkpoint it has reached
//	covered ‖ position of the newest index root ‖ its iat ‖ roots seen ‖ longest lag ‖ lag since it is too great
//	number ‖ histories at covered, ascending by K: K (32) ‖ count ‖ head (32)
//	number ‖ leaves from covered on: leaf hash (32) ‖ K (32) ‖ head_0 (32)
//	length ‖ data that the caller keeps with it
//	SHA-256 of all before (32)
//
// The reader owns the file and trusts that WriteState wrote it: anyone who can write to it can make
// an auditor cosign what it never saw. The checksum finds damage, not attacks.
const stateFormat = "igverify-audit-state/1\n"

const maxPart = 1 << 30 // bytes of a part of variable length

// WriteState writes the state of a, and extra with it. checkpoint is the signed note of a's size.
// 5.5 million histories take 400 MB.
func (a *Auditor) WriteState(to io.Writer, checkpoint, extra []byte) error {
	replay, err := a.replay.MarshalState(checkpoint)
	if err != nil {
		return err
	}
	buffered := bufio.NewWriterSize(to, 64<<10)
	w := stateWriter{to: buffered, sum: sha256.New()}
	w.bytes([]byte(stateFormat))
	w.part(replay)
	w.numbers(a.covered, a.root, a.dated, a.roots, a.longest, a.late, uint64(a.tree.Len()))
	for u := range a.tree.All() {
		w.bytes(u.K[:])
		w.numbers(u.State.Count)
		w.bytes(u.State.Head[:])
	}
	w.numbers(uint64(len(a.tail)))
	for _, l := range a.tail {
		w.bytes(l.LeafHash[:])
		w.bytes(l.K[:])
		w.bytes(l.Head0[:])
	}
	w.part(extra)
	w.bytes(w.sum.Sum(nil))
	if w.err == nil {
		w.err = buffered.Flush()
	}
	if w.err != nil {
		return fmt.Errorf("writing the state: %w", w.err)
	}
	return nil
}

type stateWriter struct {
	to  io.Writer
	sum hash.Hash
	err error
}

func (w *stateWriter) bytes(b []byte) {
	if w.err == nil {
		w.sum.Write(b)
		_, w.err = w.to.Write(b)
	}
}

func (w *stateWriter) numbers(list ...uint64) {
	for _, n := range list {
		w.bytes(binary.BigEndian.AppendUint64(nil, n))
	}
}

func (w *stateWriter) part(b []byte) {
	w.numbers(uint64(len(b)))
	w.bytes(b)
}

// ReadState reads what WriteState wrote for the log of vkey. Errors are verifier.ErrState.
func ReadState(from io.Reader, vkey string) (a *Auditor, checkpoint, extra []byte, err error) {
	r := stateReader{from: bufio.NewReaderSize(from, 64<<10), sum: sha256.New()}
	if string(r.bytes(len(stateFormat))) != stateFormat {
		r.fail(errors.New("from another version, or not the state of an audit"))
	}
	saved := r.part()
	a = &Auditor{covered: r.number(), root: r.number(), dated: r.number(), roots: r.number(), longest: r.number(), late: r.number()}
	a.tree = index.Build(r.histories)
	n := r.number()
	if n > maxTail {
		r.fail(errors.New("too many leaves wait for an index root"))
	}
	for range n {
		if r.err != nil {
			break
		}
		leafHash := r.hash()
		a.tail = append(a.tail, index.Filed{
			History: proof.History{K: r.hash(), Head0: r.hash()}, Index: a.covered + uint64(len(a.tail)), LeafHash: leafHash,
		})
	}
	extra = r.part()
	if own := r.sum.Sum(nil); r.err == nil && !bytes.Equal(r.bytes(sha256.Size), own) {
		r.fail(errors.New("torn or damaged (its checksum does not match)"))
	}
	if _, err := r.from.ReadByte(); r.err == nil && !errors.Is(err, io.EOF) {
		r.fail(errors.New("has data after its end"))
	}
	if r.err != nil {
		return nil, nil, nil, fmt.Errorf("%w: %w", verifier.ErrState, r.err)
	}
	a.replay, checkpoint, err = verifier.ParseState(saved, vkey)
	if err != nil {
		return nil, nil, nil, err
	}
	if size := a.Size(); a.covered > size || size-a.covered != n {
		return nil, nil, nil, fmt.Errorf("%w: its parts are of different sizes", verifier.ErrState)
	}
	return a, checkpoint, extra, nil
}

type stateReader struct {
	from *bufio.Reader
	sum  hash.Hash
	err  error
}

func (r *stateReader) fail(err error) {
	if r.err == nil {
		r.err = err
	}
}

func (r *stateReader) bytes(n int) []byte {
	b := make([]byte, n)
	if r.err != nil {
		return b
	}
	if _, err := io.ReadFull(r.from, b); err != nil {
		r.fail(errors.New("torn: it ends too early"))
	}
	r.sum.Write(b)
	return b
}

func (r *stateReader) number() uint64  { return binary.BigEndian.Uint64(r.bytes(8)) }
func (r *stateReader) hash() wire.Hash { return wire.Hash(r.bytes(32)) }

// part reads a part of variable length. Its memory grows with the data that is there, not with a
// damaged length.
func (r *stateReader) part() []byte {
	n := r.number()
	if n > maxPart {
		r.fail(errors.New("a part is longer than it can be"))
	}
	if r.err != nil {
		return nil
	}
	var b bytes.Buffer
	if _, err := io.CopyN(&b, r.from, int64(n)); err != nil {
		r.fail(errors.New("torn: it ends too early"))
	}
	r.sum.Write(b.Bytes())
	return b.Bytes()
}

func (r *stateReader) histories(yield func(index.Update) bool) {
	var last wire.Hash
	for i, n := uint64(0), r.number(); i < n; i++ {
		u := index.Update{K: r.hash(), State: proof.State{Count: r.number(), Head: r.hash()}}
		if r.err == nil && (i > 0 && bytes.Compare(last[:], u.K[:]) >= 0 || u.State.Count == 0) {
			r.fail(errors.New("its histories are out of order"))
		}
		if r.err != nil || !yield(u) {
			return
		}
		last = u.K
	}
}
