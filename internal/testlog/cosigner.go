package testlog

import (
	"crypto/ed25519"
	"crypto/rand"
	"crypto/sha256"
	"encoding/base64"
	"encoding/binary"
	"fmt"
	"strings"

	"igledger/ledger/proof"
	"igledger/ledger/wire"
)

func sha(b []byte) wire.Hash { return sha256.Sum256(b) }

// Cosigner is a witness or auditor with its key, written from C2SP tlog-cosignature.
type Cosigner struct {
	Name string // in policies and on signature lines
	Key  ed25519.PrivateKey
}

// NewCosigner returns a new cosigner.
func NewCosigner(name string) *Cosigner {
	_, key, err := ed25519.GenerateKey(rand.Reader)
	if err != nil {
		panic(err)
	}
	return &Cosigner{name, key}
}

func (c *Cosigner) public() []byte { return c.Key.Public().(ed25519.PublicKey) }

func (c *Cosigner) id() []byte {
	h := sha([]byte(c.Name + "\n\x04" + string(c.public())))
	return h[:4]
}

// VKey returns the cosigner's verifier key.
func (c *Cosigner) VKey() string {
	return fmt.Sprintf("%s+%x+%s", c.Name, c.id(), base64.StdEncoding.EncodeToString(append([]byte{4}, c.public()...)))
}

// Line returns its cosignature on head at a time in seconds since 1970.
func (c *Cosigner) Line(head proof.Checkpoint, at int64) string {
	msg := fmt.Sprintf("cosignature/v1\ntime %d\n%s\n%d\n%s\n", at, head.Origin, head.Size, base64.StdEncoding.EncodeToString(head.Root[:]))
	b := binary.BigEndian.AppendUint64(c.id(), uint64(at))
	b = append(b, ed25519.Sign(c.Key, []byte(msg))...)
	return "— " + c.Name + " " + base64.StdEncoding.EncodeToString(b) + "\n"
}

// Policy returns a policy that requires k of the witnesses and k of the auditors.
func Policy(logKey string, k int, witnesses, auditors []*Cosigner) []byte {
	var b strings.Builder
	fmt.Fprintf(&b, "# a policy for tests\nlog %s\n", logKey)
	for name, list := range map[string][]*Cosigner{"witnesses": witnesses, "auditors": auditors} {
		names := ""
		for _, c := range list {
			fmt.Fprintf(&b, "witness %s %s\n", c.Name, c.VKey())
			names += " " + c.Name
		}
		fmt.Fprintf(&b, "group %s %d%s\n", name, k, names)
	}
	b.WriteString("group both all witnesses auditors\nquorum both\n")
	return []byte(b.String())
}
