package readers

import (
	"os"
	"strings"
	"testing"
)

// docs/READING.md lists the purposes for which somebody reads, and no others.
func TestUsesAreDocumented(t *testing.T) {
	text, err := os.ReadFile("../../docs/READING.md")
	if err != nil {
		t.Fatal(err)
	}
	_, rest, _ := strings.Cut(string(text), "```\n")
	list, _, _ := strings.Cut(rest, "```")
	if got, want := strings.Join(strings.Fields(list), " "), strings.Join(Uses(), " "); got != want {
		t.Errorf("READING.md has\n%s\nwant\n%s", got, want)
	}
}

func TestCheckUses(t *testing.T) {
	for code, meant := range map[string]string{
		"HCOMPL": "", "PATRQT": "", "http://terminology.hl7.org/CodeSystem/v3-ActReason|HCOMPL": "",
		"hcompl": "did you mean HCOMPL?", "HCOMP": "did you mean HCOMPL?", "HCOPML": "did you mean HCOMPL?", "HOPERATE": "did you mean HOPERAT?",
		"": "no PurposeOfUse code", "curiosity": "no PurposeOfUse code", "http://example.org|HCOMPL": "did you mean HCOMPL?",
		"0101011237": "no PurposeOfUse code",
	} {
		err := CheckUses([]string{"HCOMPL", code})
		if (err == nil) != (meant == "") || err != nil && !strings.Contains(err.Error(), meant) {
			t.Errorf("%q: %v", code, err)
		}
		if err != nil && (!strings.Contains(err.Error(), "PATRQT") || strings.Contains(err.Error(), "0101011237")) {
			t.Errorf("%q: %v", code, err)
		}
	}
}
