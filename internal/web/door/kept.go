package door

import (
	"context"
	"crypto/sha256"
	"encoding/base64"
	"encoding/binary"
	"errors"
	"fmt"
	"math"
	"runtime"
	"slices"
	"strings"
	"sync"
	"time"

	"golang.org/x/sync/errgroup"

	"igledger/internal/web/shelf"
	"igledger/ledger"
	"igledger/ledger/entry"
	"igledger/ledger/register"
	"igledger/ledger/wire"
)

// A long history takes long to decrypt and read. So what its lists show is kept on a shelf,
// encrypted, in pieces that never change: the history of a log only grows. Who makes them: see
// ahead. Pieces are used only if their last entry is in the history that the log has, which has
// as many entries; if one cannot be read, or if the words or the suspect keys are others by now,
// the log is read as if there were none.
const (
	shelfName  = "history"
	piece      = 256 // entries
	keptFor    = 90 * 24 * time.Hour
	keptFormat = "1"
)

// ourWords are the words in which items are described. All are hashed, so once.
var ourWords = sync.OnceValue(english.Fingerprint)

// stamp says by which words and suspect keys items are made, which pieces depend on.
func stamp(reg *register.Register) string {
	words := ourWords()
	h := sha256.New()
	h.Write(words[:])
	for _, org := range reg.Organisations() {
		for _, k := range reg.Keys(org.ID) {
			if k.SuspectFrom != nil { // flags follow from it
				fmt.Fprintf(h, "%s %d\n", k.KID, *k.SuspectFrom)
			}
		}
	}
	return base64.RawURLEncoding.EncodeToString(h.Sum(nil))
}

// prefix returns where the pieces of a history are.
func (d *Door) prefix(tag wire.Hash, stamp string) string {
	return d.cfg.Shelf.Blind(shelfName, keptFormat, d.log.Origin(), string(tag[:]), stamp) + "/"
}

func pieceKey(prefix string, n int) string { return fmt.Sprintf("%s%06d", prefix, n) }

// recall returns the first items of a history, as far as pieces are kept. Of an item that has to be
// read from the log it knows the position alone.
func (d *Door) recall(ctx context.Context, prefix string, m *maker, tag wire.Hash, size uint64) (items []*Item, err error) {
	list, err := d.cfg.Shelf.List(ctx, shelfName, prefix, "", ledger.MaxHistory/piece)
	if err != nil || len(list) == 0 {
		return nil, nil // the log is read then, or says what is wrong with the database
	}
	if n := slices.IndexFunc(list, gap(prefix)); n >= 0 {
		list = list[:n]
	}
	read := make([][]*Item, len(list))
	var g errgroup.Group
	g.SetLimit(runtime.GOMAXPROCS(0))
	for n, x := range list {
		g.Go(func() (err error) {
			read[n], err = unpack(x.Value, m)
			return err
		})
	}
	if err := g.Wait(); err != nil {
		d.cfg.Logger.Warn("a kept piece of a history cannot be used", "error", err)
	}
	items = make([]*Item, 0, (len(list)+1)*piece)
	for _, got := range read {
		if got == nil {
			break
		}
		items = append(items, got...)
	}
	if len(items) == 0 {
		return nil, nil
	}
	for n := range items[1:] {
		if items[n].Index >= items[n+1].Index {
			return nil, nil
		}
	}
	last := items[len(items)-1].Index
	if last >= size {
		return nil, nil
	}
	rest, err := d.log.HistoryPlaces(ctx, tag, last, math.MaxInt64)
	if err != nil {
		return nil, err
	}
	count, err := d.log.HistoryCount(ctx, tag)
	if err != nil {
		return nil, err
	}
	// The history may have grown between the two.
	if len(rest) == 0 || rest[0].Index != last || count < uint64(len(items)+len(rest)-1) ||
		count > uint64(len(items)+len(rest)-1+piece) {
		d.cfg.Logger.Warn("what is kept of a history is not of this log")
		return nil, nil
	}
	return items, nil
}

// gap returns a function that finds the first of several pieces before which one is missing.
func gap(prefix string) func(shelf.Item) bool {
	n := -1
	return func(x shelf.Item) bool { n++; return x.Key != pieceKey(prefix, n) }
}

// putPiece keeps the n-th piece of a history.
func (d *Door) putPiece(ctx context.Context, prefix string, n int, items []*Item) error {
	return d.cfg.Shelf.Put(ctx, shelfName, pieceKey(prefix, n), pack(items), d.cfg.Now().Add(keptFor))
}

// packer writes a piece: a table of texts, then the items, which refer to them.
type packer struct {
	texts []string
	at    map[string]uint64
	out   []byte
}

func (p *packer) number(n uint64) { p.out = binary.AppendUvarint(p.out, n) }

func (p *packer) text(s string) {
	at, ok := p.at[s]
	if !ok {
		at = uint64(len(p.texts))
		p.texts, p.at[s] = append(p.texts, s), at
	}
	p.number(at)
}

func (p *packer) list(l []string) { p.text(strings.Join(l, "\x00")) }

func (p *packer) time(t time.Time) { p.out = binary.AppendVarint(p.out, t.UnixMilli()) }

func bit(n int, set bool) uint64 {
	if set {
		return 1 << n
	}
	return 0
}

func pack(items []*Item) []byte {
	p := &packer{at: map[string]uint64{}}
	for _, i := range items {
		p.number(i.Index)
		if i.Body != nil { // its content is read from the log
			p.number(0)
			continue
		}
		w := &i.Words
		p.number(1 | bit(1, i.Denied) | bit(2, w.Machine) | bit(3, w.Emergency) | uint64(i.Reader)<<4)
		for _, t := range []time.Time{i.When, i.Recorded, i.Received} {
			p.time(t)
		}
		for _, s := range i.texts() {
			p.text(*s)
		}
		p.text(string(i.Type))
		p.text(string(i.Act))
		flags := make([]string, len(i.Flags))
		for n, f := range i.Flags {
			flags[n] = string(f)
		}
		p.list(flags)
		p.list(i.Purpose)
		p.list(i.owners)
		p.list(verdictFields(i.Verdict))
	}
	head := binary.AppendUvarint(nil, uint64(len(p.texts)))
	for _, s := range p.texts {
		head = append(binary.AppendUvarint(head, uint64(len(s))), s...)
	}
	return append(head, p.out...)
}

// texts are the fields of an item that are texts.
func (i *Item) texts() []*string {
	w := &i.Words
	return []*string{
		&i.Issuer, &i.Org, &i.Staff, &i.Delegation, &i.Agreement, &i.Action,
		&w.Organisation, &w.Role, &w.Staff, &w.System, &w.What, &w.Why, &w.Justification, &w.Result, &w.Agreement,
	}
}

func verdictFields(v *entry.Verdict) []string {
	if v == nil {
		return nil
	}
	return append([]string{
		string(v.Result), v.Agreement, fmt.Sprint(v.Version), v.Consent, fmt.Sprint(v.Policies),
	}, v.Rules...)
}

// unpacker reads a piece. The first fault is kept, and everything after it is empty.
type unpacker struct {
	in       []byte
	texts    []string
	lists    map[uint64][]string
	verdicts map[uint64]*entry.Verdict
	bad      bool
}

func (u *unpacker) number() uint64 {
	n, size := binary.Uvarint(u.in)
	if size <= 0 {
		u.bad, u.in = true, nil
		return 0
	}
	u.in = u.in[size:]
	return n
}

func (u *unpacker) time() time.Time {
	n, size := binary.Varint(u.in)
	if size <= 0 {
		u.bad, u.in = true, nil
		return time.Time{}
	}
	u.in = u.in[size:]
	return time.UnixMilli(n).UTC()
}

func (u *unpacker) ref() uint64 {
	at := u.number()
	if at >= uint64(len(u.texts)) {
		u.bad = true
		return 0
	}
	return at
}

func (u *unpacker) text() string {
	if at := u.ref(); !u.bad {
		return u.texts[at]
	}
	return ""
}

func (u *unpacker) list() ([]string, uint64) {
	at := u.ref()
	if u.bad || u.texts[at] == "" {
		return nil, at
	}
	l, ok := u.lists[at]
	if !ok {
		l = strings.Split(u.texts[at], "\x00")
		u.lists[at] = l
	}
	return l, at
}

func (u *unpacker) verdict() *entry.Verdict {
	f, at := u.list()
	if len(f) < 5 {
		return nil
	}
	v, ok := u.verdicts[at]
	if !ok {
		v = &entry.Verdict{Result: entry.VerdictResult(f[0]), Agreement: f[1], Consent: f[3], Rules: f[5:]}
		_, err := fmt.Sscan(f[2]+" "+f[4], &v.Version, &v.Policies)
		u.bad = u.bad || err != nil || v.Check() != nil
		u.verdicts[at] = v
	}
	return v
}

// unpack reads a piece. Of an item that has to be read from the log it knows the position alone.
func unpack(data []byte, m *maker) ([]*Item, error) {
	u := &unpacker{in: data, lists: map[uint64][]string{}, verdicts: map[uint64]*entry.Verdict{}}
	for n := u.number(); n > 0 && !u.bad; n-- {
		size := u.number()
		if size > uint64(len(u.in)) {
			u.bad = true
			break
		}
		u.texts, u.in = append(u.texts, one(string(u.in[:size]))), u.in[size:]
	}
	items, room := make([]*Item, piece), make([]Item, piece)
	for n := range items {
		i := &room[n]
		items[n] = i
		var bits uint64
		if i.Index, bits = u.number(), u.number(); u.bad {
			return nil, errDamaged
		}
		if bits == 0 {
			continue
		}
		i.Denied, i.Reader = bits&2 != 0, By(bits>>4)
		i.Words.Machine, i.Words.Emergency = bits&4 != 0, bits&8 != 0
		i.When, i.Recorded, i.Received = u.time(), u.time(), u.time()
		i.Words.When = i.When
		for _, s := range i.texts() {
			*s = u.text()
		}
		i.Type, i.Act = entry.Type(u.text()), entry.Act(u.text())
		i.Words.Act = i.Act
		flags, _ := u.list()
		for _, f := range flags {
			i.Flags = append(i.Flags, entry.Flag(f))
		}
		i.Purpose, _ = u.list()
		i.owners, _ = u.list()
		i.Verdict = u.verdict()
		m.place(i)
	}
	if u.bad || len(u.in) > 0 {
		return nil, errDamaged
	}
	return items, nil
}

var errDamaged = errors.New("it is damaged")

// unread returns the places of items that have to be read from the log.
func unread(items []*Item) (list []ledger.Place) {
	for _, i := range items {
		if i.Type == "" {
			list = append(list, ledger.Place{Index: i.Index})
		}
	}
	return list
}

// filled puts what was read from the log where items are unread, and appends the rest.
func filled(items, read []*Item) []*Item {
	for k, i := range items {
		if i.Type == "" {
			items[k], read = read[0], read[1:]
		}
	}
	return append(items, read...)
}
