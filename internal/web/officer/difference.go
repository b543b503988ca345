package officer

import (
	"strings"
	"unicode"

	"igledger/consent/draft"
)

// pair is a value in two versions, nil where there is none.
type pair struct{ before, now *draft.Field }

// pairUp puts the values of two versions beside each other. Elements of lists are matched by what
// they are about, so that one that is put in before others does not make all of them look changed.
func pairUp(before, now []draft.Field) (list []pair) {
	used := map[string]bool{}
	earlier := map[string]*draft.Field{}
	keysBefore, keysNow := keyed(before), keyed(now)
	for i := range before {
		earlier[keysBefore[i]] = &before[i]
	}
	for i := range now {
		k := keysNow[i]
		used[k] = true
		list = append(list, pair{earlier[k], &now[i]})
	}
	for i := range before {
		if !used[keysBefore[i]] {
			list = append(list, pair{&before[i], nil})
		}
	}
	return list
}

// about says which member tells the elements of a list apart. In other lists it is the place.
var about = map[string]string{"parties": "organisation", "purposes": "code", "data": "text", "approvals": "reference"}

// keyed returns a key of each value that is the same in both versions if the values belong
// together.
func keyed(fields []draft.Field) []string {
	name := map[string]string{} // of the element, by its path
	for _, f := range fields {
		element, rest := splitPath(f)
		if m := about[f.Name]; m != "" && rest == "."+m {
			name[element] = f.Value
		}
	}
	seen := map[string]int{}
	keys := make([]string, len(fields))
	for i, f := range fields {
		element, rest := splitPath(f)
		keys[i] = f.Path
		switch {
		case name[element] != "":
			keys[i] = f.Name + "\x00" + name[element] + "\x00" + rest
		case f.Number > 0 && f.Part == "": // a list of plain values
			keys[i] = f.Name + "\x00" + f.Value
		}
		if seen[keys[i]]++; seen[keys[i]] > 1 { // twice the same in one list
			keys[i] += "\x00" + f.Path
		}
	}
	return keys
}

// splitPath splits "parties[1].role" behind the element.
func splitPath(f draft.Field) (element, rest string) {
	i := strings.IndexByte(f.Path, ']')
	if f.Number == 0 || i < 0 {
		return f.Path, ""
	}
	return f.Path[:i+1], f.Path[i+1:]
}

// Kinds of spans.
const (
	both = ' '
	drop = '-'
	add  = '+'
)

// span is a run of text in a comparison.
type span struct {
	kind byte
	text string
}

// maxCells bounds the work of a comparison. Texts that are longer are shown whole.
const maxCells = 4 << 20

// diffWords compares two texts word by word.
func diffWords(before, now string) []span { return diff(tokens(before), tokens(now)) }

// diffLines compares two texts line by line. Of a run of lines that are the same, it keeps only
// those next to what differs.
func diffLines(before, now string) []span {
	list := diff(strings.SplitAfter(before, "\n"), strings.SplitAfter(now, "\n"))
	for i, s := range list {
		lines := strings.SplitAfter(s.text, "\n")
		if s.kind != both || len(lines) < 5 {
			continue
		}
		list[i].text = ""
		if i > 0 {
			list[i].text = lines[0]
		}
		list[i].text += "…\n"
		if i < len(list)-1 {
			list[i].text += lines[len(lines)-2] + lines[len(lines)-1]
		}
	}
	return list
}

// diff compares two texts that are split: a longest common subsequence.
func diff(a, b []string) []span {
	if len(a)*len(b) > maxCells {
		return []span{{drop, strings.Join(a, "")}, {add, strings.Join(b, "")}}
	}
	length := make([][]uint16, len(a)+1) // of the common subsequence of a[i:] and b[j:]
	for i := range length {
		length[i] = make([]uint16, len(b)+1)
	}
	for i := len(a) - 1; i >= 0; i-- {
		for j := len(b) - 1; j >= 0; j-- {
			if a[i] == b[j] {
				length[i][j] = length[i+1][j+1] + 1
			} else {
				length[i][j] = max(length[i+1][j], length[i][j+1])
			}
		}
	}
	var out []span
	put := func(kind byte, text string) {
		if n := len(out); n > 0 && out[n-1].kind == kind {
			out[n-1].text += text
		} else {
			out = append(out, span{kind, text})
		}
	}
	i, j := 0, 0
	for i < len(a) || j < len(b) {
		switch {
		case i < len(a) && j < len(b) && a[i] == b[j]:
			put(both, a[i])
			i, j = i+1, j+1
		case j == len(b) || i < len(a) && length[i+1][j] >= length[i][j+1]:
			put(drop, a[i])
			i++
		default:
			put(add, b[j])
			j++
		}
	}
	return out
}

// tokens splits a text into words and what is between them.
func tokens(s string) (list []string) {
	start, last := 0, -1
	for i, r := range s {
		kind := 0
		switch {
		case unicode.IsSpace(r):
			kind = 1
		case unicode.IsPunct(r) || unicode.IsSymbol(r):
			kind = 2
		}
		if i > 0 && (kind != last || kind == 2) {
			list = append(list, s[start:i])
			start = i
		}
		last = kind
	}
	if start < len(s) {
		list = append(list, s[start:])
	}
	return list
}
