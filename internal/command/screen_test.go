package command

import (
	"bytes"
	"strings"
	"testing"

	"github.com/rivo/uniseg"
)

const anID = "0196b5a0-7d1e-7cc3-9d1e-0c4f6a3b2d11"

var table = [][]string{
	{"ENTRY", "RECORD", "WHO", "VERDICT"},
	{"24", anID, "nhs-highland, nurse, Shòna Invent 護士",
		"Not covered by any agreement or rule that this ledger knows. The agreement had ended."},
	{"7", anID, "nhs-tayside,nhs-lothian", ""},
}

func shown(t *testing.T, width int) string {
	t.Helper()
	var b bytes.Buffer
	if err := (Screen{Writer: &b, Width: width}).Table(table); err != nil {
		t.Fatal(err)
	}
	return b.String()
}

// Every width shows every word whole, and no line is longer than the terminal.
func TestTableFits(t *testing.T) {
	for _, width := range []int{0, 40, 60, 80, 120, 200} {
		got := shown(t, width)
		for line := range strings.Lines(got) {
			if n := uniseg.StringWidth(strings.TrimSuffix(line, "\n")); width > 0 && n > width && !strings.Contains(line, anID) {
				t.Errorf("%d columns: a line of %d: %s", width, n, line)
			}
		}
		for _, row := range table[1:] {
			for _, cell := range row {
				for _, word := range breakable(cell) {
					if !strings.Contains(got, strings.TrimSpace(word)) {
						t.Errorf("%d columns lack %q:\n%s", width, word, got)
					}
				}
			}
		}
	}
	if got := shown(t, 0); strings.Count(got, "\n") != 3 {
		t.Errorf("not one line for each row:\n%s", got)
	}
	if got, wide := shown(t, 500), shown(t, 0); got != wide {
		t.Errorf("a terminal that is wide enough shows\n%s\nand not\n%s", got, wide)
	}
}

// A column is aligned by what a terminal shows of a text, not by bytes or code points.
func TestTableAlignsByWhatIsSeen(t *testing.T) {
	var b bytes.Buffer
	rows := [][]string{{"A", "B"}, {"Shòna", "1"}, {"Sho\u0300na", "2"}, {"護士", "3"}}
	if err := (Screen{Writer: &b}).Table(rows); err != nil {
		t.Fatal(err)
	}
	const want = "A      B\nShòna  1\nSho\u0300na  2\n護士   3\n"
	if b.String() != want {
		t.Errorf("got\n%swant\n%s", b.String(), want)
	}
}

func TestMarksHaveALegend(t *testing.T) {
	var b bytes.Buffer
	m := new(Marks)
	got := []string{m.Of([]string{"late", "out of order"}), m.Of(nil), m.Of([]string{"out of order"})}
	if err := (Screen{Writer: &b, Width: 30}).Legend("REMARKS", m); err != nil {
		t.Fatal(err)
	}
	const want = "\nREMARKS\n  a  late\n  b  out of order\n"
	if strings.Join(got, "|") != "a b||b" || b.String() != want || mark(25)+mark(26)+mark(52) != "zaaba" {
		t.Errorf("%q\n%q", got, b.String())
	}
}
