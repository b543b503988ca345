package auditor

import (
	"bufio"
	"bytes"
	"crypto/aes"
	"crypto/cipher"
	"crypto/hkdf"
	"crypto/rand"
	"crypto/sha256"
	"errors"
	"fmt"
	"io"

	"github.com/go-json-experiment/json"

	"igledger/ledger/entry"
	"igledger/ledger/register"
	"igledger/ledger/wire"
	"igledger/verifier"
)

// A file of verdicts holds a Verdicts between two leaves. It contains people's consents and the ids
// of those who act for them, so it is encrypted: AES-256 in counter mode with a key of its own,
// HKDF-SHA256 of the caller's secret with the salt. Integers are u64, big-endian:
//
//	"igverify-verdicts/1\n" ‖ salt (32) ‖ the following, encrypted:
//	"igverify-verdicts/1\n" ‖ leaves taken ‖ secret of ids (32) ‖ the five VerdictStats
//	number ‖ public entries that the rules were told of: index ‖ length ‖ JWS
//	number ‖ histories about people, ascending by K:
//	    K (32) ‖ keyed hash of the id, zero if none (16) ‖ 1 if unsure ‖ length ‖ state
//	length ‖ Doubts as JSON
//	SHA-256 of all before in the clear, from the second "igverify-verdicts/1\n" on (32)
//
// Like the state file it is trusted to have been written by WriteState: the checksum finds damage.
const verdictsFormat = "igverify-verdicts/1\n"

// WriteState judges what waits and writes v for a reader with the same secret.
func (v *Verdicts) WriteState(to io.Writer, secret []byte) error {
	v.Flush()
	if v.unable != nil {
		return v.unable
	}
	doubts, err := json.Marshal(v.doubts, json.FormatNilSliceAsNull(true))
	if err != nil {
		return fmt.Errorf("writing the state of verdicts: %w", err)
	}
	var salt [32]byte
	rand.Read(salt[:])
	stream, err := verdictsCipher(secret, salt[:])
	if err != nil {
		return err
	}
	if _, err := to.Write(append([]byte(verdictsFormat), salt[:]...)); err != nil {
		return fmt.Errorf("writing the state of verdicts: %w", err)
	}
	buffered := bufio.NewWriterSize(cipher.StreamWriter{S: stream, W: to}, 64<<10)
	w := stateWriter{to: buffered, sum: sha256.New()}
	w.bytes([]byte(verdictsFormat))
	w.numbers(v.size)
	w.bytes(v.secret[:])
	w.numbers(v.stats.Sealed, v.stats.Verdicts, v.stats.Without, v.stats.Unsure, v.stats.Doubts, uint64(len(v.told)))
	for _, t := range v.told {
		w.numbers(t.index)
		w.part([]byte(t.jws))
	}
	list := v.histories()
	w.numbers(uint64(len(list)))
	for _, k := range list {
		f := v.persons[k]
		w.bytes(k[:])
		w.bytes(f.id[:])
		unsure := uint64(0)
		if f.unsure {
			unsure = 1
		}
		w.numbers(unsure)
		w.part(f.state)
	}
	w.part(doubts)
	w.bytes(w.sum.Sum(nil))
	if w.err == nil {
		w.err = buffered.Flush()
	}
	if w.err != nil {
		return fmt.Errorf("writing the state of verdicts: %w", w.err)
	}
	return nil
}

func verdictsCipher(secret, salt []byte) (cipher.Stream, error) {
	key, err := hkdf.Key(sha256.New, secret, salt, "igverify verdicts", 32)
	if err != nil {
		return nil, fmt.Errorf("the key of the state of verdicts: %w", err)
	}
	block, err := aes.NewCipher(key)
	if err != nil {
		return nil, fmt.Errorf("the key of the state of verdicts: %w", err)
	}
	return cipher.NewCTR(block, make([]byte, aes.BlockSize)), nil // each salt has its own key, so each key has one stream
}

// ReadVerdicts reads what WriteState wrote for the log origin. rules are those of an empty log.
// Errors are verifier.ErrState.
func ReadVerdicts(from io.Reader, secret []byte, origin string, rules register.Rules) (*Verdicts, error) {
	head := make([]byte, len(verdictsFormat)+32)
	if _, err := io.ReadFull(from, head); err != nil || string(head[:len(verdictsFormat)]) != verdictsFormat {
		return nil, fmt.Errorf("%w: from another version, or not a state of verdicts", verifier.ErrState)
	}
	stream, err := verdictsCipher(secret, head[len(verdictsFormat):])
	if err != nil {
		return nil, err
	}
	r := &stateReader{from: bufio.NewReaderSize(cipher.StreamReader{S: stream, R: from}, 64<<10), sum: sha256.New()}
	if string(r.bytes(len(verdictsFormat))) != verdictsFormat {
		r.fail(errors.New("damaged, or written with another caller key"))
	}
	v := NewVerdicts(origin, rules)
	v.size = r.number()
	v.secret = [32]byte(r.bytes(32))
	v.stats = VerdictStats{
		Sealed:   r.number(),
		Verdicts: r.number(),
		Without:  r.number(),
		Unsure:   r.number(),
		Doubts:   r.number(),
	}
	for n := r.number(); n > 0 && r.err == nil; n-- {
		v.told = append(v.told, told{r.number(), string(r.part())})
	}
	v.people(r)
	doubts := r.part()
	if own := r.sum.Sum(nil); r.err == nil && !bytes.Equal(r.bytes(sha256.Size), own) {
		r.fail(errors.New("torn or damaged (its checksum does not match)"))
	}
	if _, err := r.from.ReadByte(); r.err == nil && !errors.Is(err, io.EOF) {
		r.fail(errors.New("has data after its end"))
	}
	if r.err == nil {
		r.fail(json.Unmarshal(doubts, &v.doubts, json.RejectUnknownMembers(true)))
	}
	if r.err == nil {
		r.fail(v.retell())
	}
	if r.err != nil {
		return nil, fmt.Errorf("%w of verdicts: %w", verifier.ErrState, r.err)
	}
	return v, nil
}

// people reads the histories about people.
func (v *Verdicts) people(r *stateReader) {
	var last wire.Hash
	for i, n := uint64(0), r.number(); i < n && r.err == nil; i++ {
		k, id := r.hash(), idHash(r.bytes(len(idHash{})))
		unsure := r.number()
		f := &filed{id: id, unsure: unsure == 1, state: r.part()}
		if len(f.state) == 0 {
			f.state = nil
		}
		if _, twice := v.ids[id]; twice || i > 0 && bytes.Compare(last[:], k[:]) >= 0 || unsure > 1 {
			r.fail(errors.New("its histories are out of order"))
		}
		v.persons[k], last = f, k
		if id != (idHash{}) {
			v.ids[id] = k
		}
	}
}

// retell tells the rules again about the public entries that they were told of.
func (v *Verdicts) retell() error {
	for i, t := range v.told {
		if t.index >= v.size || i > 0 && v.told[i-1].index >= t.index {
			return errors.New("its public entries are out of order")
		}
		e, err := entry.ParseParts(t.jws, nil)
		if err != nil {
			return err
		}
		if err := v.state.Step(e, t.index); err != nil {
			return err
		}
	}
	return nil
}
