package oracle

import (
	"regexp"
	"strings"
	"time"
)

// Section 4: ids.

var (
	numberForm = regexp.MustCompile(`\A(chi|nhs):[0-9]{10}\z`)
	tempForm   = regexp.MustCompile(`\Atemp:([^:]*):[\x21-\x7E]{1,128}\z`)
)

// tenDigits finds ten digits, grouped by single spaces or hyphens, and what follows them.
var tenDigits = regexp.MustCompile(`^[0-9](?:[ -]?[0-9]){9}`)

func isID(id string) bool {
	switch id {
	case "reg:withheld", "reg:sources", "reg:everyone", "reg:padding":
		return true
	}
	temp := tempForm.FindStringSubmatch(id)
	return numberForm.MatchString(id) || temp != nil && organisationForm.MatchString(temp[1])
}

// checkDigitRight says whether the number's own check holds. Other ids have none.
func checkDigitRight(id string) bool {
	digits, ok := strings.CutPrefix(id, "chi:")
	if ok {
		return isCHI(digits)
	}
	digits, ok = strings.CutPrefix(id, "nhs:")
	return !ok || modulus11(digits)
}

func isCHI(digits string) bool {
	dated := false
	for _, century := range []string{"19", "20"} {
		_, err := time.Parse("02012006", digits[:4]+century+digits[4:6])
		dated = dated || err == nil
	}
	return dated && (modulus11(digits) || luhn(digits))
}

func modulus11(digits string) bool {
	sum := 0
	for i := range 9 {
		sum += int(digits[i]-'0') * (10 - i)
	}
	k := 11 - sum%11
	return k%11 == int(digits[9]-'0')
}

func luhn(digits string) bool {
	sum := 0
	for i := range 9 {
		d := int(digits[i] - '0')
		if i%2 == 0 {
			if d *= 2; d > 9 {
				d -= 9
			}
		}
		sum += d
	}
	return (10-sum%10)%10 == int(digits[9]-'0')
}

// holdsNumber says whether a public text holds a valid CHI or NHS number (section 5).
func holdsNumber(text string) bool {
	digit := func(i int) bool { return i >= 0 && i < len(text) && text[i] >= '0' && text[i] <= '9' }
	for i := range text {
		if digit(i - 1) {
			continue
		}
		found := tenDigits.FindString(text[i:])
		if found == "" || digit(i+len(found)) {
			continue
		}
		digits := strings.NewReplacer(" ", "", "-", "").Replace(found)
		if modulus11(digits) || isCHI(digits) {
			return true
		}
	}
	return false
}
