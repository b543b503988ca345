package oracle

import (
	"crypto/sha256"
	"encoding/binary"
	"fmt"
	"regexp"
	"slices"
	"strconv"
	"strings"
	"unicode/utf8"

	"filippo.io/mldsa"
)

// Section 9: checkpoints and verifier keys.

// A verifierKey is a C2SP signed-note key. Keys of algorithms other than Ed25519 verify nothing
// here.
type verifierKey struct {
	name string
	hash string // four bytes
	alg  byte
	key  []byte
}

// readNoteKey reads name+hash+base64 of algorithm and key.
func readNoteKey(text string) verifierKey {
	parts := strings.SplitN(text, "+", 3)
	must(len(parts) == 3 && keyNameForm.MatchString(parts[0]), "bad-checkpoint")
	var b []byte
	instead("bad-checkpoint", func() { b = unbase64std(parts[2]) })
	must(len(b) >= 1, "bad-checkpoint")
	h := sha256.Sum256([]byte(parts[0] + "\n" + string(b)))
	must(fmt.Sprintf("%x", h[:4]) == parts[1], "bad-checkpoint")
	return verifierKey{name: parts[0], hash: string(h[:4]), alg: b[0], key: b[1:]}
}

var keyNameForm = regexp.MustCompile(`\A[^\s+]+\z`)

// readVerifierKey reads the key of a log.
func readVerifierKey(text string) verifierKey {
	k := readNoteKey(text)
	must(originForm.MatchString(k.name) && k.alg == 1 && len(k.key) == 32 && plainEd25519(k.key), "bad-checkpoint")
	return k
}

// A note is a signed note: its text, with the last line feed, and its signature lines.
type note struct {
	text  string
	lines []noteLine
}

type noteLine struct {
	name, hash string
	signature  []byte
}

const (
	maxNote  = 524288
	maxLines = 100
)

func readNote(text string) *note {
	must(len(text) <= maxNote && utf8.ValidString(text), "bad-checkpoint")
	must(!strings.ContainsFunc(text, func(r rune) bool { return r < 0x20 && r != '\n' }), "bad-checkpoint")
	at := strings.LastIndex(text, "\n\n")
	must(at >= 0 && strings.HasSuffix(text, "\n"), "bad-checkpoint")
	n := &note{text: text[:at+1]}
	must(at+2 < len(text), "bad-checkpoint")
	for _, line := range strings.Split(strings.TrimSuffix(text[at+2:], "\n"), "\n") {
		rest, ok := strings.CutPrefix(line, "\u2014 ")
		must(ok, "bad-checkpoint")
		name, sig, ok := strings.Cut(rest, " ")
		must(ok && keyNameForm.MatchString(name), "bad-checkpoint")
		var b []byte
		instead("bad-checkpoint", func() { b = unbase64std(sig) })
		must(len(b) >= 5, "bad-checkpoint")
		n.lines = append(n.lines, noteLine{name, string(b[:4]), b[4:]})
	}
	must(len(n.lines) <= maxLines, "bad-checkpoint")
	return n
}

// A checkpoint is what a log signs: its size and root.
type checkpoint struct {
	*note
	origin string
	size   uint64
	root   [32]byte
}

// readCheckpoint reads the checkpoint of the log with these keys, all named as its origin.
func readCheckpoint(text string, keys ...verifierKey) *checkpoint {
	c := &checkpoint{note: readNote(text)}
	c.read()
	signed := false
	for _, k := range keys {
		must(c.origin == k.name, "bad-checkpoint")
		for _, l := range c.lines {
			if l.name != k.name || l.hash != k.hash || !k.known() {
				continue
			}
			_, ok := k.signed(c, l)
			must(ok, "bad-checkpoint")
			signed = true
		}
	}
	must(signed, "bad-checkpoint")
	return c
}

// read reads the three lines of the text.
func (c *checkpoint) read() {
	lines := strings.Split(c.text, "\n")
	must(len(lines) == 4 && lines[3] == "", "bad-checkpoint")
	c.origin = lines[0]
	must(originForm.MatchString(c.origin), "bad-checkpoint")
	c.size = decimal(lines[1], "bad-checkpoint")
	must(c.size < 1<<62, "bad-checkpoint")
	var root []byte
	instead("bad-checkpoint", func() { root = unbase64std(lines[2]) })
	must(len(root) == 32, "bad-checkpoint")
	c.root = [32]byte(root)
}

// Types of keys.
const (
	plainKey = 1 // Ed25519 over the text
	timedKey = 4 // Ed25519, C2SP cosignature/v1
	mldsaKey = 6 // ML-DSA-44, C2SP subtree/v1
)

// known says whether the type is one that this package can verify.
func (k verifierKey) known() bool { return k.alg == plainKey || k.alg == timedKey || k.alg == mldsaKey }

// signed says whether the line is k's over the checkpoint, and the time that it states, 0 if none.
func (k verifierKey) signed(c *checkpoint, l noteLine) (at uint64, ok bool) {
	if k.alg == plainKey {
		return 0, len(l.signature) == 64 && k.ed25519().verifies([]byte(c.text), l.signature)
	}
	if len(l.signature) < 8 {
		return 0, false
	}
	at = binary.BigEndian.Uint64(l.signature)
	signature := l.signature[8:]
	if k.alg == timedKey {
		text := fmt.Sprintf("cosignature/v1\ntime %d\n%s", at, c.text)
		return at, at != 0 && len(signature) == 64 && k.ed25519().verifies([]byte(text), signature)
	}
	message := slices.Concat([]byte("subtree/v1\n\x00"), short(k.name), u64(at), short(c.origin), u64(0), u64(c.size), c.root[:])
	return at, remember(func() bool {
		public, err := mldsa.NewPublicKey(mldsa.MLDSA44(), k.key)
		return err == nil && mldsa.Verify(public, message, signature, nil) == nil
	}, []byte("ML-DSA-44"), k.key, message, signature)
}

func (k verifierKey) ed25519() key { return key{alg: "EdDSA", x: k.key} }

// short is a text after its length in one byte.
func short(text string) []byte { return append([]byte{byte(len(text))}, text...) }

// decimal reads a number without sign or leading zeros.
func decimal(text string, code Refusal) uint64 {
	n, err := strconv.ParseUint(text, 10, 64)
	must(err == nil && strconv.FormatUint(n, 10) == text, code)
	return n
}

// Section 9: inclusion proofs as text.

const maxProof = 540672

type tlogProof struct {
	index  uint64
	hashes [][32]byte
	note   string
}

func readProof(text string) tlogProof {
	must(len(text) <= maxProof, "bad-proof")
	lines := strings.Split(text, "\n")
	must(len(lines) >= 3 && lines[0] == "c2sp.org/tlog-proof@v1", "bad-proof")
	number, ok := strings.CutPrefix(lines[1], "index ")
	must(ok, "bad-proof")
	p := tlogProof{index: decimal(number, "bad-proof")}
	end := slices.Index(lines, "")
	must(end >= 2 && end-2 <= 63, "bad-proof")
	for _, line := range lines[2:end] {
		var b []byte
		instead("bad-proof", func() { b = unbase64std(line) })
		must(len(b) == 32, "bad-proof")
		p.hashes = append(p.hashes, [32]byte(b))
	}
	p.note = strings.Join(lines[end+1:], "\n")
	must(p.note != "", "bad-proof")
	return p
}
