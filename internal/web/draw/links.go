package draw

import (
	"cmp"
	"html/template"
	"slices"
)

// Links is a drawing of who gives to whom and why: givers on the left, takers on the right, and a
// line for each link. The page puts a table of the links below it, which can say more. Names are
// broken into short lines, so that both columns fit a phone.
type Links struct {
	ID          string // unique on the page: a-z, 0-9 and -
	Title       string
	Description string
	From, To    string // headings of the columns
	Links       []Link
	Kinds       []string // why, in the order of their lines' looks; those beyond MostKinds look the same
}

// Link is one line. Links with the same ends and kind are drawn once.
type Link struct {
	From, To string
	Kind     int // in Links.Kinds
}

// lines are how kinds look: a colour as in fills, and a pattern of dashes.
var lines = []struct{ colour, dash string }{
	{"#1d70b8", ""},
	{"#b8461b", "10 4"},
	{"#2a8050", "2 4"},
	{"#8a4fbf", "12 4 2 4"},
	{"#a3640a", "6 6"},
	{"#c0356f", "12 4 2 4 2 4"},
	{"#6b7280", "4 2"},
}

// MostKinds is how many kinds of links are told apart.
var MostKinds = len(lines)

// Sizes, in em or letters. Names stand in the outer thirds of the drawing, beside their dots.
const (
	nameWidth = 13 // letters on a line: they fit beside the lines on a page of 320 pixels

	longestWord = 16
	lineHeight  = 1.2
	nameGap     = 0.9
	headHeight  = 2.0
	leftName    = 38 // percent, where names end and, on the right, begin
	leftEdge    = 40 // percent, where lines begin
	rightEdge   = 60
	rightName   = 62
)

type linksLayout struct {
	Links
	Height string
	Names  []placedName
	Lines  []placedLine
	Keys   []placedKey
}

type placedName struct {
	X, Anchor string
	Bold      bool
	Lines     []placedText
	DotX      string
	DotY      string
}

type placedText struct{ Y, Text string }

type placedLine struct{ X1, X2, Y1, Y2, Colour, Dash, Title string }

type placedKey struct{ Colour, Dash, Name string }

// Figure returns the drawing and what its lines mean.
func (l Links) Figure() template.HTML { return run(linksTemplate, l.layout()) }

func (l Links) layout() linksLayout {
	checkID(l.ID)
	links := slices.Clone(l.Links)
	for i := range links {
		links[i].Kind = max(0, min(links[i].Kind, MostKinds-1))
	}
	slices.SortFunc(links, func(a, b Link) int {
		return cmp.Or(cmp.Compare(a.From, b.From), cmp.Compare(a.To, b.To), cmp.Compare(a.Kind, b.Kind))
	})
	links = slices.Compact(links)
	left := column(links, func(x Link) (string, string) { return x.From, x.To }, nil)
	right := column(links, func(x Link) (string, string) { return x.To, x.From }, left)

	out := linksLayout{Links: l}
	out.Names = append(out.Names,
		placedName{X: number(leftName) + "%", Anchor: "end", Bold: true, Lines: []placedText{{em(lineHeight), l.From}}},
		placedName{X: number(rightName) + "%", Anchor: "start", Bold: true, Lines: []placedText{{em(lineHeight), l.To}}})
	leftY, leftEnd := out.place(left, number(leftName)+"%", "end", leftEdge)
	rightY, rightEnd := out.place(right, number(rightName)+"%", "start", rightEdge)
	out.Height = em(max(leftEnd, rightEnd))

	between := map[[2]string]int{} // lines between the same two, side by side
	for _, x := range links {
		n := between[[2]string{x.From, x.To}]
		between[[2]string{x.From, x.To}]++
		shift := 0.35 * float64((n+1)/2) * float64(1-2*(n%2))
		look := lines[x.Kind]
		out.Lines = append(out.Lines, placedLine{
			X1: number(leftEdge) + "%", X2: number(rightEdge) + "%", Y1: em(leftY[x.From] + shift), Y2: em(rightY[x.To] + shift),
			Colour: look.colour, Dash: look.dash, Title: x.From + " → " + x.To,
		})
	}
	for i, name := range l.Kinds {
		look := lines[min(i, MostKinds-1)]
		out.Keys = append(out.Keys, placedKey{look.colour, look.dash, name})
	}
	return out
}

// column returns the names of one side in their order. The left one is by name, to be searched; a
// name of the right one stands about where those stand that it is linked with, so that few lines
// cross.
func column(links []Link, ends func(Link) (own, other string), others []string) []string {
	at := map[string]int{}
	for i, name := range others {
		at[name] = i
	}
	count, sum := map[string]int{}, map[string]int{}
	var names []string
	for _, x := range links {
		own, other := ends(x)
		if count[own] == 0 {
			names = append(names, own)
		}
		count[own]++
		sum[own] += at[other]
	}
	slices.SortFunc(names, func(a, b string) int {
		if others == nil {
			return cmp.Compare(a, b)
		}
		return cmp.Or(cmp.Compare(sum[a]*count[b], sum[b]*count[a]), cmp.Compare(a, b))
	})
	return names
}

// place puts names below each other and returns the middle of each, and where the column ends.
func (out *linksLayout) place(names []string, x, anchor string, edge float64) (middle map[string]float64, end float64) {
	middle = map[string]float64{}
	y := headHeight
	for _, name := range names {
		p := placedName{X: x, Anchor: anchor, DotX: number(edge) + "%"}
		text := wrap(name, nameWidth, longestWord)
		for i, t := range text {
			p.Lines = append(p.Lines, placedText{em(y + lineHeight*float64(i+1)), t})
		}
		height := lineHeight * float64(len(text))
		middle[name] = y + height/2 + 0.2
		p.DotY = em(middle[name])
		out.Names = append(out.Names, p)
		y += height + nameGap
	}
	return middle, y
}

var linksTemplate = template.Must(template.New("links").Parse(`
<figure class="ig-figure" id="{{.ID}}">
<figcaption class="ig-figure__caption">{{.Title}}</figcaption>
<svg class="ig-figure__drawing" role="img" aria-labelledby="{{.ID}}-title {{.ID}}-desc"
  width="100%" height="{{.Height}}" font-size="0.875rem">
<title id="{{.ID}}-title">{{.Title}}</title>
<desc id="{{.ID}}-desc">{{.Description}}</desc>
{{range .Lines -}}
<line x1="{{.X1}}" y1="{{.Y1}}" x2="{{.X2}}" y2="{{.Y2}}"
  stroke="{{.Colour}}" stroke-width="2"{{with .Dash}} stroke-dasharray="{{.}}"{{end}}><title>{{.Title}}</title></line>
{{end -}}
{{range .Names}}{{$n := .}}{{with .DotX}}<circle cx="{{.}}" cy="{{$n.DotY}}" r="4" fill="currentColor"/>
{{end}}{{range .Lines -}}
<text x="{{$n.X}}" y="{{.Y}}" text-anchor="{{$n.Anchor}}" fill="currentColor"{{if $n.Bold}} font-weight="bold"{{end}}>{{.Text}}</text>
{{end}}{{end -}}
</svg>
{{with .Keys -}}
<ul class="ds_no-bullets ig-figure__key">
{{range .}}<li><svg width="48" height="12" aria-hidden="true" focusable="false"><line
  x1="0" y1="6" x2="48" y2="6" stroke="{{.Colour}}" stroke-width="3"{{with .Dash}} stroke-dasharray="{{.}}"{{end}}/></svg> {{.Name}}</li>
{{end -}}
</ul>
{{end -}}
</figure>
`))
