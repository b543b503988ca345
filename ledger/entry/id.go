package entry

import (
	"strings"
	"time"

	"igledger/ledger/wire"
)

// An id names the person that a record is about, or a register used in place of a person. Forms:
//
//	chi:DDDDDDDDDD        Community Health Index number, Scotland
//	nhs:DDDDDDDDDD        NHS number, England, Wales, Isle of Man
//	temp:<org>:<number>   anything else, scoped by the organisation that issued it
//	reg:withheld, reg:sources, reg:everyone, reg:padding
//
// An id is a personal datum. It occurs in encrypted disclosures only; never print one in an error
// or a log.
const (
	RegWithheld = "reg:withheld" // entries lawfully withheld from their subject
	RegSources  = "reg:sources"  // events without a patient, and the numbers behind heartbeats
	RegEveryone = "reg:everyone" // bulk reads that concern everyone
	RegPadding  = "reg:padding"  // dummy entries
)

// CheckID returns BadID unless id has one of the forms above. A wrong check digit or birth date is
// not an error here, because an access that happened is never refused for it: see CheckDigitOK.
func CheckID(id string) error {
	scheme, rest, ok := strings.Cut(id, ":")
	switch {
	case !ok:
	case scheme == "chi" || scheme == "nhs":
		if len(rest) == 10 && digits(rest) {
			return nil
		}
	case scheme == "temp":
		org, number, ok := strings.Cut(rest, ":")
		if ok && wire.CheckOrgID(org) == nil && number != "" && len(number) <= 128 && wire.Printable(number) {
			return nil
		}
	case scheme == "reg":
		switch id {
		case RegWithheld, RegSources, RegEveryone, RegPadding:
			return nil
		}
	}
	return wire.Errorf(wire.BadID, "id", "want chi:<10 digits>, nhs:<10 digits>, temp:<org>:<number> or a reg: name")
}

// CheckDigitOK reports whether an id passes its own check: for chi a possible birth date and a
// Modulus 11 or (from 2026) Luhn check digit, for nhs Modulus 11. Other ids have no check and pass.
func CheckDigitOK(id string) bool {
	scheme, n, _ := strings.Cut(id, ":")
	switch scheme {
	case "chi":
		return ValidCHI(n)
	case "nhs":
		return validNHSNumber(n)
	}
	return true
}

// ValidCHI reports whether n is ten digits DDMMYY + serial + check digit, with a possible date and
// a Modulus 11 or Modulus 10 (Luhn) check digit. The number does not hold the century: 29 February
// is accepted if 19YY or 20YY is a leap year.
func ValidCHI(n string) bool {
	if len(n) != 10 || !digits(n) || !(mod11(n) || luhn(n)) {
		return false
	}
	for _, century := range []string{"19", "20"} {
		if _, err := time.Parse("02012006", n[:4]+century+n[4:6]); err == nil {
			return true
		}
	}
	return false
}

// validNHSNumber reports whether n is ten digits with a Modulus 11 check digit.
func validNHSNumber(n string) bool { return len(n) == 10 && digits(n) && mod11(n) }

func mod11(n string) bool {
	sum := 0
	for i := range 9 {
		sum += int(n[i]-'0') * (10 - i)
	}
	k := 11 - sum%11
	if k == 11 {
		k = 0
	}
	return k == int(n[9]-'0') // k == 10 never equals a digit: no such number
}

func luhn(n string) bool {
	sum := 0
	for i := range 9 {
		d := int(n[i] - '0')
		if i%2 == 0 {
			d *= 2
			if d > 9 {
				d -= 9
			}
		}
		sum += d
	}
	return (10-sum%10)%10 == int(n[9]-'0')
}

// ContainsPersonNumber reports whether s holds a valid CHI or NHS number: ten digits, possibly
// grouped by single spaces or hyphens, that are not part of a longer run of digits. Public entries
// that hold one are refused.
func ContainsPersonNumber(s string) bool {
	for i := 0; i < len(s); i++ {
		if !digit(s[i]) || i > 0 && digit(s[i-1]) {
			continue
		}
		var n [10]byte
		k, j := 0, i
		for ; j < len(s) && k <= 10; j++ {
			if digit(s[j]) {
				if k == 10 {
					k++
					break
				}
				n[k] = s[j]
				k++
			} else if (s[j] != ' ' && s[j] != '-') || j+1 >= len(s) || !digit(s[j+1]) {
				break
			} else if k == 10 {
				break
			}
		}
		if k == 10 && (ValidCHI(string(n[:])) || validNHSNumber(string(n[:]))) {
			return true
		}
	}
	return false
}

func digit(b byte) bool { return b >= '0' && b <= '9' }

func digits(s string) bool {
	return s != "" && !strings.ContainsFunc(s, func(r rune) bool { return r < '0' || r > '9' })
}
