// Package sealed is the form of a sealed statement: what a code on paper opens. docs/FORMATS.md
// section 18 is the rule, and scripts in the browser have the same.
//
// It promises: who holds the sealed bytes without the key learns nothing but their length, rounded
// up. The key stands in the fragment of the code's address, which browsers send to nobody, so the
// server that keeps the bytes cannot open them. The id in the address is a hash of the bytes, so
// that a server cannot give others in their place.
package sealed

import (
	"bytes"
	"cmp"
	"compress/gzip"
	"crypto/aes"
	"crypto/cipher"
	"crypto/rand"
	"crypto/sha256"
	"encoding/base64"
	"encoding/binary"
	"errors"
	"fmt"
	"io"
	"strings"

	"igledger/ledger/bundle"
	"igledger/ledger/entry"
)

// Format is the first word of a document, and associated data of its encryption.
const Format = "igledger-paper/1"

const (
	// MaxSize is the most bytes that a sealed statement has: about 4,000 accesses.
	MaxSize = 4 << 20

	// KeySize and NonceSize are in bytes.
	KeySize   = 32
	NonceSize = 12

	block     = 4096     // the length of what is encrypted is a multiple of it
	maxHeader = 512      // of the first line
	idSize    = 16       // of a sealed statement's id
	lenSize   = 4        // of the length before the packed document
	tagSize   = 16       // of GCM
	domain    = "paper/" // before the sealed bytes in the hash that is the id
)

// Document is what is sealed: a statement or extract, and what its reader has to know beside it to
// check it.
type Document struct {
	ID        string // of the person; empty for an extract, which is checked without one
	Period    string // FROM..TO, the days that were asked for; empty: the whole history
	Statement []byte // the file's bytes
}

// A document is one line and then the statement's bytes. The line is Format, the id and the period,
// with a space between them, and a - for what is absent.

// none stands in the first line for what is absent. It is no id and no period.
const none = "-"

// Errors of Open and ParseFragment.
var (
	// ErrKey means that this key does not open these bytes.
	ErrKey = errors.New("the key does not open what is sealed")
	// ErrForm means that the bytes are no sealed statement, or not of this version.
	ErrForm = errors.New("not a sealed statement of this version")
	// ErrNotKept means that a server keeps no sealed statements.
	ErrNotKept = errors.New("this server keeps no codes on paper")
	// ErrTooMany means that a person has as many working codes as they may.
	ErrTooMany = errors.New("the person has as many codes on paper as they may")
	// ErrTooLarge means that the statement is too long for a code on paper.
	ErrTooLarge = errors.New("the statement is too long for a code on paper")
)

// Seal encrypts a document under a new key.
func Seal(d Document) (data, key []byte, err error) {
	key, nonce := make([]byte, KeySize), make([]byte, NonceSize)
	rand.Read(key)
	rand.Read(nonce)
	data, err = seal(d, key, nonce)
	return data, key, err
}

func seal(d Document, key, nonce []byte) ([]byte, error) {
	head := strings.Join([]string{Format, cmp.Or(d.ID, none), cmp.Or(d.Period, none)}, " ")
	plain := pack([]byte(head+"\n"), d.Statement)
	if NonceSize+len(plain)+tagSize > MaxSize {
		return nil, ErrTooLarge
	}
	return cipherOf(key).Seal(bytes.Clone(nonce), nonce, plain, []byte(Format)), nil
}

// pack compresses the parts, and fills up to a whole number of blocks.
func pack(parts ...[]byte) []byte {
	packed := bytes.NewBuffer(make([]byte, lenSize))
	z := gzip.NewWriter(packed) // a buffer takes everything
	for _, p := range parts {
		z.Write(p)
	}
	z.Close()
	plain := packed.Bytes()
	binary.BigEndian.PutUint32(plain, uint32(len(plain)-lenSize))
	return append(plain, make([]byte, (block-len(plain)%block)%block)...)
}

// Open decrypts a document and checks its form. It does not check the statement.
func Open(data, key []byte) (Document, error) {
	var d Document
	if len(key) != KeySize {
		return d, ErrKey
	}
	if !Plausible(data) {
		return d, ErrForm
	}
	plain, err := cipherOf(key).Open(nil, data[:NonceSize], data[NonceSize:], []byte(Format))
	if err != nil {
		return d, ErrKey
	}
	n := int64(binary.BigEndian.Uint32(plain))
	rest := plain[lenSize:]
	if n > int64(len(rest)) || int64(len(rest))-n >= block || len(bytes.Trim(rest[n:], "\x00")) != 0 {
		return d, ErrForm
	}
	in := bytes.NewReader(rest[:n])
	z, err := gzip.NewReader(in)
	if err != nil {
		return d, ErrForm
	}
	z.Multistream(false)
	text, err := io.ReadAll(io.LimitReader(z, maxHeader+bundle.MaxSize+1))
	line, statement, ok := bytes.Cut(text, []byte("\n"))
	if err != nil || in.Len() > 0 || !ok || len(line) > maxHeader || len(statement) > bundle.MaxSize {
		return d, ErrForm
	}
	words := strings.Split(string(line), " ")
	if len(words) != 3 || words[0] != Format {
		return d, ErrForm
	}
	if words[1] != none {
		if entry.CheckID(words[1]) != nil {
			return d, ErrForm
		}
		d.ID = words[1]
	}
	if words[2] != none {
		if _, err := bundle.ParseDays(words[2]); err != nil {
			return Document{}, ErrForm
		}
		d.Period = words[2]
	}
	d.Statement = statement
	return d, nil
}

// Plausible reports whether data has the length of sealed bytes, which is all that can be seen without
// the key.
func Plausible(data []byte) bool {
	return len(data) <= MaxSize && len(data) >= NonceSize+block+tagSize && (len(data)-NonceSize-tagSize)%block == 0
}

// ID returns the id under which sealed bytes are kept.
func ID(data []byte) string {
	h := sha256.New()
	io.WriteString(h, domain)
	h.Write(data)
	return base64.RawURLEncoding.EncodeToString(h.Sum(nil)[:idSize])
}

// CheckID reports whether text has the form of an id.
func CheckID(text string) bool {
	b, err := base64.RawURLEncoding.Strict().DecodeString(text)
	return err == nil && len(b) == idSize && base64.RawURLEncoding.EncodeToString(b) == text
}

// Address returns what the code says: where the sealed bytes are, and in the fragment their key.
// base is the address of the pages, such as https://ledger.example.
func Address(base, id string, key []byte) string {
	return strings.TrimSuffix(base, "/") + "/p/" + id + "#" + base64.RawURLEncoding.EncodeToString(key)
}

// ParseFragment returns the key in a fragment, without its #.
func ParseFragment(text string) ([]byte, error) {
	key, err := base64.RawURLEncoding.Strict().DecodeString(text)
	if err != nil || len(key) != KeySize {
		return nil, fmt.Errorf("reading the key: %w", ErrKey)
	}
	return key, nil
}

func cipherOf(key []byte) cipher.AEAD {
	b, err := aes.NewCipher(key)
	if err != nil {
		panic(err) // callers give 32 bytes
	}
	aead, err := cipher.NewGCM(b)
	if err != nil {
		panic(err) // only for other block sizes
	}
	return aead
}
