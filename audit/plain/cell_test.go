package plain

import "testing"

func TestCell(t *testing.T) {
	for _, formula := range []string{"=1+1", "+1", "-1", "@SUM(A1)", " =1", "\t=1", "\r=1", "\n=1", "\u00a0=1", "\ufeff=1",
		"\u200b=1", "＝1", "＋1", "－1", "＠a"} {
		if got := Cell(formula); got != "'"+formula {
			t.Errorf("%q became %q", formula, got)
		}
	}
	for _, text := range []string{"", " ", "a", "a=1", "1", "'=1", "2026-11-28T09:00:00Z", "Cèilidh", "(=1)"} {
		if got := Cell(text); got != text {
			t.Errorf("%q became %q", text, got)
		}
	}
}
