package words_test

import (
	"encoding/json"
	"flag"
	"os"
	"regexp"
	"slices"
	"strings"
	"testing"

	"igledger/internal/words"
)

var update = flag.Bool("update", false, "write testdata/words.json")

// On the telephone a word is told from the others by how it begins, and is never a part of another.
func TestList(t *testing.T) {
	if len(words.List) != 2048 || !slices.IsSorted(words.List) {
		t.Fatalf("%d words, or not in order", len(words.List))
	}
	begin := map[string]string{}
	for i, w := range words.List {
		if !regexp.MustCompile(`^[a-z]{3,7}$`).MatchString(w) {
			t.Errorf("%q is no plain word of 3 to 7 letters", w)
		}
		four := w[:min(4, len(w))]
		if other, ok := begin[four]; ok {
			t.Errorf("%q and %q begin with the same four letters", other, w)
		}
		begin[four] = w
		if i > 0 && strings.HasPrefix(w, words.List[i-1]) {
			t.Errorf("%q begins with %q", w, words.List[i-1])
		}
	}
}

// The vectors, which the script in the browser has to give as well.
func TestVectors(t *testing.T) {
	type vector struct {
		Statement string   `json:"statement"`
		Words     []string `json:"words"`
	}
	const file = "testdata/words.json"
	if *update {
		var list []vector
		for _, s := range []string{"", "{}", "{}\n", " \r\n\t{}", `{"format":"igledger-statement/1"}`, "\u00a0{}", "Cèilidh"} {
			list = append(list, vector{s, words.Of([]byte(s))})
		}
		data, _ := json.MarshalIndent(list, "", "  ")
		if err := os.WriteFile(file, append(data, '\n'), 0o644); err != nil {
			t.Fatal(err)
		}
	}
	data, err := os.ReadFile(file)
	if err != nil {
		t.Fatal(err)
	}
	var list []vector
	if err := json.Unmarshal(data, &list); err != nil {
		t.Fatal(err)
	}
	for _, v := range list {
		if got := words.Of([]byte(v.Statement)); !slices.Equal(got, v.Words) {
			t.Errorf("%q: %q, want %q", v.Statement, got, v.Words)
		}
	}
	// White space around counts as nothing, anything else as something.
	if is := func(a, b int) bool { return slices.Equal(list[a].Words, list[b].Words) }; !is(1, 2) || !is(1, 3) || is(1, 4) || is(1, 5) {
		t.Error("vectors that should have the same words have not, or the other way round")
	}
}
