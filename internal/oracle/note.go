package oracle

import (
	"crypto/sha256"
	"fmt"
	"regexp"
	"slices"
	"strconv"
	"strings"
	"unicode/utf8"
)

// Section 9: checkpoints and verifier keys.

// A verifierKey is a C2SP signed-note key. Keys of algorithms other than Ed25519 verify nothing here.
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

const maxNote = 65536

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
	return n
}

// A checkpoint is what a log signs: its size and root.
type checkpoint struct {
	*note
	origin string
	size   uint64
	root   [32]byte
}

// readCheckpoint reads the checkpoint of the log with this key.
func readCheckpoint(text string, k verifierKey) *checkpoint {
	c := &checkpoint{note: readNote(text)}
	signed := false
	for _, l := range c.lines {
		if l.name == k.name && l.hash == k.hash {
			must(len(l.signature) == 64 && (key{alg: "EdDSA", x: k.key}).verifies([]byte(c.text), l.signature), "bad-checkpoint")
			signed = true
		}
	}
	must(signed, "bad-checkpoint")
	lines := strings.Split(c.text, "\n")
	must(len(lines) == 4 && lines[3] == "", "bad-checkpoint")
	c.origin = lines[0]
	must(c.origin == k.name, "bad-checkpoint")
	c.size = decimal(lines[1], "bad-checkpoint")
	must(c.size < 1<<62, "bad-checkpoint")
	var root []byte
	instead("bad-checkpoint", func() { root = unbase64std(lines[2]) })
	must(len(root) == 32, "bad-checkpoint")
	c.root = [32]byte(root)
	return c
}

// decimal reads a number without sign or leading zeros.
func decimal(text string, code Refusal) uint64 {
	n, err := strconv.ParseUint(text, 10, 64)
	must(err == nil && strconv.FormatUint(n, 10) == text, code)
	return n
}

// Section 9: inclusion proofs as text.

const maxProof = 131072

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
