package entry

import (
	"strings"

	"github.com/google/uuid"

	"igledger/ledger/wire"
)

// Heartbeat is the body of a public entry by which a source states, once a day for each of its
// streams, that the stream is alive and whether it is complete. It stops an operator or a source
// from losing a stream unnoticed: a day without a heartbeat is a finding for everyone who reads the
// log. It holds no numbers, because how many people a source sees is private: see SourceCount.
type Heartbeat struct {
	Common
	Source   string `json:"source"`   // the stream: a reporting system of iss
	Day      string `json:"day"`      // YYYY-MM-DD, UTC; must be over at iat
	Interval uint64 `json:"interval"` // seconds; it is a fault if the stream is silent for longer
	Gaps     bool   `json:"gaps"`     // entries of that day will never come though they have numbers
	Receipts bool   `json:"receipts"` // the source holds a checked receipt of every entry of that day
}

// SourceCount is the body of the sealed entry with the numbers behind a heartbeat. It is filed
// under RegSources. Numbers of a stream are assigned without a gap from 1, and those of a day
// follow those of the day before, so anyone who holds the openings can add them up.
type SourceCount struct {
	Common
	Source string   `json:"source"`
	Day    string   `json:"day"`
	SD     []string `json:"_sd"`

	Sub      string  `json:"-"` // disclosure "sub": always RegSources
	First    *uint64 `json:"-"` // disclosure "first": the day's first number, or the next number if there were none
	Last     *uint64 `json:"-"` // disclosure "last": the day's last number, or First-1 if there were none
	Count    *uint64 `json:"-"` // disclosure "count": how many of First to Last were submitted
	Receipts *uint64 `json:"-"` // disclosure "receipts": how many of these have a receipt that the source checked
}

// Limits of a heartbeat's interval, in seconds.
const (
	MinInterval = 60
	MaxInterval = 31 * 24 * 60 * 60
)

func (h *Heartbeat) check() error {
	id := HeartbeatID(h.Audience, h.Issuer, h.Source, h.Day)
	if err := checkStreamDay(&h.Common, h.Source, h.Day, id); err != nil {
		return err
	}
	if h.Interval < MinInterval || h.Interval > MaxInterval {
		return wire.Errorf(wire.BadClaim, "interval", "want %d to %d seconds", MinInterval, MaxInterval)
	}
	return refusePersonNumbers(h.Source)
}

func (c *SourceCount) check() error {
	id := SourceCountID(c.Audience, c.Issuer, c.Source, c.Day)
	if err := checkStreamDay(&c.Common, c.Source, c.Day, id); err != nil {
		return err
	}
	if c.Sub != "" && c.Sub != RegSources {
		return wire.Errorf(wire.BadID, "source-count", "sub must be "+RegSources)
	}
	if c.First != nil && *c.First == 0 {
		return wire.Errorf(wire.BadDisclosure, "source-count", "first must be 1 or more")
	}
	if c.First != nil && c.Last != nil {
		if *c.Last < *c.First-1 {
			return wire.Errorf(wire.BadDisclosure, "source-count", "last must be first-1 or more")
		}
		if c.Count != nil && *c.Count > *c.Last-*c.First+1 {
			return wire.Errorf(wire.BadDisclosure, "source-count", "more entries than numbers")
		}
	}
	if c.Count != nil && c.Receipts != nil && *c.Receipts > *c.Count {
		return wire.Errorf(wire.BadDisclosure, "source-count", "more receipts than entries")
	}
	return nil
}

// checkStreamDay checks what both types state about stream and day. The jti follows from them, so
// the ledger accepts one entry for each day: a source cannot state one thing today and another
// tomorrow.
func checkStreamDay(c *Common, source, day, id string) error {
	if err := wire.CheckSystem(source); err != nil {
		return err
	}
	n, err := wire.DayNumber(day)
	if err != nil {
		return err
	}
	if c.IssuedAt < int64(n+1)*secondsPerDay {
		return wire.Errorf(wire.BadClaim, "day", "is not over at iat; a heartbeat covers a whole day")
	}
	if c.ID != id {
		return wire.Errorf(wire.BadClaim, "jti", "does not follow from origin, organisation, source and day")
	}
	return nil
}

func (c *SourceCount) digests() *[]string { return &c.SD }
func (c *SourceCount) subject() *string   { return &c.Sub }

func (c *SourceCount) claims() []claim {
	number := func(name string, field **uint64) claim {
		return claim{name, *field != nil, field, func() error {
			if **field > wire.MaxInt {
				return wire.Errorf(wire.BadDisclosure, "disclosure "+name, "above 2^53-1")
			}
			return nil
		}}
	}
	return []claim{
		number("first", &c.First), number("last", &c.Last), number("count", &c.Count), number("receipts", &c.Receipts),
	}
}

// HeartbeatID returns the jti of the heartbeat for one day of a stream: UUIDv5 (RFC 9562 section
// 5.5) in the namespace URL of "igledger/heartbeat/v1\n" ‖ origin ‖ "\n" ‖ org ‖ "\n" ‖ source ‖
// "\n" ‖ day.
func HeartbeatID(origin, org, source, day string) string {
	return streamDayID("igledger/heartbeat/v1", origin, org, source, day)
}

// SourceCountID returns the jti of a SourceCount: as HeartbeatID, with "igledger/source-count/v1\n"
// as the first line.
func SourceCountID(origin, org, source, day string) string {
	return streamDayID("igledger/source-count/v1", origin, org, source, day)
}

func streamDayID(parts ...string) string {
	return uuid.NewSHA1(uuid.NameSpaceURL, []byte(strings.Join(parts, "\n"))).String()
}

const secondsPerDay = 24 * 60 * 60

// StreamName returns the name of the public history of a stream's heartbeats:
// "source:<org>:<source>". An organisation id holds no colon.
func StreamName(org, source string) string { return "source:" + org + ":" + source }
