package testlog

import (
	"bytes"
	"crypto/ed25519"
	"crypto/rand"
	"crypto/sha256"
	"encoding/base64"
	"encoding/binary"
	"fmt"
	"strings"

	"filippo.io/mldsa"

	"igledger/ledger/proof"
	"igledger/ledger/proof/cosign"
	"igledger/ledger/wire"
)

func sha(b []byte) wire.Hash { return sha256.Sum256(b) }

// Cosigner is a witness or auditor with its key, written from C2SP tlog-cosignature.
type Cosigner struct {
	Name string // in policies and on signature lines
	Key  ed25519.PrivateKey
	PQ   *mldsa.PrivateKey // if set, it is the key
}

// NewCosigner returns a new cosigner.
func NewCosigner(name string) *Cosigner {
	_, key, err := ed25519.GenerateKey(rand.Reader)
	if err != nil {
		panic(err)
	}
	return &Cosigner{Name: name, Key: key}
}

// NewPQCosigner returns a new cosigner with an ML-DSA-44 key.
func NewPQCosigner(name string) *Cosigner {
	return &Cosigner{Name: name, PQ: must(mldsa.GenerateKey(mldsa.MLDSA44()))}
}

// Signer returns the same key for the code that is tested.
func (c *Cosigner) Signer() *cosign.Signer {
	if c.PQ != nil {
		return must(cosign.NewSigner(cosign.MLDSA44, c.Name, c.PQ.Bytes()))
	}
	return must(cosign.NewSigner(cosign.Ed25519, c.Name, c.Key.Seed()))
}

// public returns the signature type and the public key.
func (c *Cosigner) public() []byte {
	if c.PQ != nil {
		return append([]byte{6}, c.PQ.PublicKey().Bytes()...)
	}
	return append([]byte{4}, c.Key.Public().(ed25519.PublicKey)...)
}

func (c *Cosigner) id() []byte {
	h := sha([]byte(c.Name + "\n" + string(c.public())))
	return h[:4]
}

// VKey returns the cosigner's verifier key.
func (c *Cosigner) VKey() string {
	return fmt.Sprintf("%s+%x+%s", c.Name, c.id(), base64.StdEncoding.EncodeToString(c.public()))
}

// Line returns its cosignature on head at a time in seconds since 1970.
func (c *Cosigner) Line(head proof.Checkpoint, at int64) string {
	b := binary.BigEndian.AppendUint64(c.id(), uint64(at))
	if c.PQ != nil {
		sig := must(c.PQ.SignDeterministic(subtree(c.Name, head, at), nil))
		return "— " + c.Name + " " + base64.StdEncoding.EncodeToString(append(b, sig...)) + "\n"
	}
	msg := fmt.Sprintf("cosignature/v1\ntime %d\n%s\n%d\n%s\n", at, head.Origin, head.Size, base64.StdEncoding.EncodeToString(head.Root[:]))
	b = append(b, ed25519.Sign(c.Key, []byte(msg))...)
	return "— " + c.Name + " " + base64.StdEncoding.EncodeToString(b) + "\n"
}

// subtree is the message of an ML-DSA-44 cosignature, field by field.
func subtree(name string, head proof.Checkpoint, at int64) []byte {
	var b bytes.Buffer
	b.WriteString("subtree/v1\n\x00")
	b.WriteByte(byte(len(name)))
	b.WriteString(name)
	must(0, binary.Write(&b, binary.BigEndian, at))
	b.WriteByte(byte(len(head.Origin)))
	b.WriteString(head.Origin)
	must(0, binary.Write(&b, binary.BigEndian, [2]uint64{0, head.Size}))
	b.Write(head.Root[:])
	return b.Bytes()
}

// Policy returns a policy that requires k of the witnesses and k of the auditors.
func Policy(logKey string, k int, witnesses, auditors []*Cosigner) []byte {
	var b strings.Builder
	fmt.Fprintf(&b, "# a policy for tests\nlog %s\n", logKey)
	for i, list := range [][]*Cosigner{witnesses, auditors} {
		names := ""
		for _, c := range list {
			fmt.Fprintf(&b, "witness %s %s\n", c.Name, c.VKey())
			names += " " + c.Name
		}
		fmt.Fprintf(&b, "group %s %d%s\n", []string{"witnesses", "auditors"}[i], k, names)
	}
	b.WriteString("group both all witnesses auditors\nquorum both\n")
	return []byte(b.String())
}
