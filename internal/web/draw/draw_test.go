package draw

import (
	"encoding/xml"
	"errors"
	"fmt"
	"html/template"
	"io"
	"math"
	"os"
	"path/filepath"
	"regexp"
	"slices"
	"strconv"
	"strings"
	"testing"
	"unicode/utf8"
)

const hostile = `<script>alert(1)</script> "'><img src=x onerror=y>`

func months(n int) (list []string) {
	for i := range n {
		list = append(list, fmt.Sprintf("Month %d 2026", i+1))
	}
	return list
}

func bars(series int) Bars {
	b := Bars{ID: "looks", Title: "Looks by month", Description: "Most were in month 3.", Rows: append(months(4), hostile)}
	for i := range series {
		b.Series = append(b.Series, Series{Name: fmt.Sprintf("Organisation %d %s", i, hostile), Counts: []int{i, 2, 0, max(0, 10-i)}})
	}
	return b
}

func links(organisations int) Links {
	l := Links{ID: "sharing", Title: "Who shares", Description: "A line is an agreement.", From: "Gives", To: "Gets",
		Kinds: []string{"Care", "Research", hostile}}
	for i := range organisations {
		for j := 1; j < 4; j++ {
			l.Links = append(l.Links, Link{fmt.Sprintf("NHS Board number %d (demonstration)", i),
				fmt.Sprintf("NHS Board number %d (demonstration)", (i+j)%organisations), j - 1})
		}
	}
	return l
}

// The drawings stand under a policy that permits no script and no style, are well formed whatever
// names are, and have a title and a description.
func TestDrawingsAreSafe(t *testing.T) {
	odd := links(3)
	odd.Links = append(odd.Links, Link{hostile, hostile + "2", 99}, Link{"x", "y", -1})
	for name, html := range map[string]template.HTML{
		"bars": bars(3).Figure(), "many bars": bars(20).Figure(), "no bars": Bars{ID: "none"}.Figure(),
		"links": odd.Figure(), "no links": Links{ID: "none"}.Figure(),
	} {
		d := xml.NewDecoder(strings.NewReader(string(html)))
		d.Strict = true
		seen, ids := map[string]int{}, map[string]bool{}
		for {
			token, err := d.Token()
			if errors.Is(err, io.EOF) {
				break
			}
			if err != nil {
				t.Fatalf("%s: %v", name, err)
			}
			e, ok := token.(xml.StartElement)
			if !ok {
				continue
			}
			seen[e.Name.Local]++
			for _, a := range e.Attr {
				if a.Name.Local == "style" || strings.HasPrefix(a.Name.Local, "on") {
					t.Errorf("%s: %s has the attribute %s", name, e.Name.Local, a.Name.Local)
				}
				if a.Name.Local == "id" {
					if ids[a.Value] {
						t.Errorf("%s: the id %s is there twice", name, a.Value)
					}
					ids[a.Value] = true
				}
			}
		}
		if seen["script"]+seen["style"]+seen["img"] > 0 || seen["desc"] != 1 || !ids["none-title"] && seen["title"] < 2 {
			t.Errorf("%s has %v", name, seen)
		}
	}
}

// The table has every number, also of series that are drawn as one.
func TestTableHasAll(t *testing.T) {
	b := bars(20)
	out := b.layout()
	if len(out.Keys) != Most || out.Keys[Most-1].Name != "Other" || len(out.Table.Head) != 20 {
		t.Fatalf("%d keys, the last %q; %d columns", len(out.Keys), out.Keys[len(out.Keys)-1].Name, len(out.Table.Head))
	}
	for i, line := range out.Table.Lines {
		sum := 0
		for _, n := range line.Counts {
			sum += n
		}
		drawn := 0
		for _, p := range out.Bar[i].Parts {
			drawn += p.Count
		}
		if sum != line.Total || drawn != line.Total {
			t.Errorf("row %d: %d in the table, %d drawn, total %d", i, sum, drawn, line.Total)
		}
	}
}

// No bar leaves the drawing, and the parts of one touch.
func TestBarsFit(t *testing.T) {
	value := func(s string) float64 {
		v, err := strconv.ParseFloat(strings.TrimSuffix(s, "%"), 64)
		if err != nil {
			t.Fatal(err)
		}
		return v
	}
	for _, bar := range bars(9).layout().Bar {
		end := 0.0
		for _, p := range bar.Parts {
			if math.Abs(value(p.X)-end) > 0.05 {
				t.Errorf("a part begins at %s, the one before ends at %f", p.X, end)
			}
			end = value(p.X) + value(p.Width)
		}
		if end > 100.05 {
			t.Errorf("a bar ends at %f", end)
		}
	}
}

// No two names overlap, and none is wider than its column on a phone.
func TestNamesDoNotOverlap(t *testing.T) {
	out := links(40).layout()
	last := map[string]float64{}
	for _, n := range out.Names {
		for _, line := range n.Lines {
			y, err := strconv.ParseFloat(strings.TrimSuffix(line.Y, "em"), 64)
			if err != nil {
				t.Fatal(err)
			}
			if y-last[n.Anchor] < lineHeight-0.001 {
				t.Errorf("%q overlaps what is above it", line.Text)
			}
			last[n.Anchor] = y
			if utf8.RuneCountInString(line.Text) > longestWord {
				t.Errorf("%q is too wide", line.Text)
			}
		}
	}
	if len(out.Lines) != 120 {
		t.Errorf("%d lines", len(out.Lines))
	}
}

func TestWrap(t *testing.T) {
	for text, want := range map[string][]string{
		"":                           {""},
		"NHS Lothian":                {"NHS Lothian"},
		"Braeside Medical Practice":  {"Braeside", "Medical", "Practice"},
		"East (demonstration) Haven": {"East", "(demonstration)", "Haven"},
		"a Donaudampfschifffahrt":    {"a", "Donaudampfschiff", "fahrt"},
	} {
		if got := wrap(text, nameWidth, longestWord); !slices.Equal(got, want) {
			t.Errorf("%q is broken into %q", text, got)
		}
	}
}

// Every colour can be told from a white and from a black page (WCAG 2.2, 1.4.11).
func TestContrast(t *testing.T) {
	luminance := func(hex string) float64 {
		sum := 0.0
		for i, weight := range []float64{0.2126, 0.7152, 0.0722} {
			v, err := strconv.ParseUint(hex[1+2*i:3+2*i], 16, 8)
			if err != nil {
				t.Fatal(err)
			}
			c := float64(v) / 255
			if c <= 0.04045 {
				c /= 12.92
			} else {
				c = math.Pow((c+0.055)/1.055, 2.4)
			}
			sum += weight * c
		}
		return sum
	}
	for i, f := range fills {
		l := luminance(f.colour)
		if lines[i].colour != f.colour {
			t.Errorf("kind %d has two colours", i)
		}
		if white, black := 1.05/(l+0.05), (l+0.05)/0.05; white < 3 || black < 3 {
			t.Errorf("%s: %.1f on white, %.1f on black", f.colour, white, black)
		}
	}
}

// With IGLEDGER_PICTURES set to a folder, the drawings are written there, to be looked at.
func TestPictures(t *testing.T) {
	dir := os.Getenv("IGLEDGER_PICTURES")
	if dir == "" {
		return
	}
	safe := regexp.MustCompile(`<script.*`)
	b, l := bars(9), links(14)
	b.Rows[4] = "May 2026"
	for i := range b.Series {
		b.Series[i].Name = safe.ReplaceAllString(b.Series[i].Name, "(demonstration)")
	}
	l.Kinds[2] = "Running the service"
	for name, html := range map[string]template.HTML{"bars": b.Figure(), "links": l.Figure()} {
		page := "<!doctype html><meta name=viewport content='width=device-width'><style>body{font:16px sans-serif;margin:1em}" +
			"@media(prefers-color-scheme:dark){body{background:#111;color:#eee}}</style>" + string(html)
		if err := os.WriteFile(filepath.Join(dir, name+".html"), []byte(page), 0o644); err != nil {
			t.Fatal(err)
		}
	}
}
