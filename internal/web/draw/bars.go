package draw

import (
	"cmp"
	"html/template"
	"slices"
)

// Bars is a drawing of one bar for each row, put together from series: looks by month and
// organisation. Bars lie, so that there is room for words on a phone.
type Bars struct {
	ID          string   // unique on the page: a-z, 0-9 and -
	Title       string   // what is shown
	Description string   // what there is to see, in a sentence or two
	Rows        []string // what each bar is, in the order of the drawing
	Series      []Series // what bars are put together from
	Words       Words
}

// Series is one part of all bars.
type Series struct {
	Name   string
	Counts []int // by row; missing ones are 0
}

func (s Series) at(row int) int {
	if row < len(s.Counts) {
		return s.Counts[row]
	}
	return 0
}

func (s Series) total() (n int) {
	for _, c := range s.Counts {
		n += c
	}
	return n
}

// Figure returns the drawing, what its patterns mean, and its table.
func (b Bars) Figure() template.HTML { return run(barsTemplate, b.layout()) }

// merged returns the series that are drawn: if there are too many, those with the lowest totals are
// one, at the end. The others keep their order.
func (b Bars) merged() []Series {
	if len(b.Series) <= Most {
		return b.Series
	}
	byTotal := slices.Clone(b.Series)
	slices.SortStableFunc(byTotal, func(x, y Series) int { return cmp.Compare(y.total(), x.total()) })
	rest := Series{Name: b.Words.orEnglish().Other, Counts: make([]int, len(b.Rows))}
	dropped := map[string]bool{}
	for _, s := range byTotal[Most-1:] {
		dropped[s.Name] = true
		for i := range b.Rows {
			rest.Counts[i] += s.at(i)
		}
	}
	kept := slices.DeleteFunc(slices.Clone(b.Series), func(s Series) bool { return dropped[s.Name] })
	return append(kept, rest)
}

// Heights of a row, in em.
const (
	rowHeight = 3.1
	labelAt   = 1.1
	barAt     = 1.5
	barHeight = 1.1
)

type barsLayout struct {
	Bars
	Patterns template.HTML
	Height   string
	Bar      []bar
	Keys     []key
	Table    table
}

type bar struct {
	Label, LabelY, Y, Height string
	Total                    int
	Parts                    []part
}

type part struct {
	X, Width, Title string
	Fill            int
	Count           int
}

type key struct {
	Fill int
	Name string
}

type table struct {
	Head  []string
	Lines []tableLine
}

type tableLine struct {
	Name   string
	Counts []int
	Total  int
}

func (b Bars) layout() barsLayout {
	checkID(b.ID)
	b.Words = b.Words.orEnglish()
	series := b.merged()
	out := barsLayout{Bars: b, Patterns: patterns(b.ID, len(series)), Height: em(rowHeight * float64(len(b.Rows)))}
	most := 0
	for row := range b.Rows {
		n := 0
		for _, s := range series {
			n += s.at(row)
		}
		most = max(most, n)
	}
	for i, s := range series {
		out.Keys = append(out.Keys, key{i, s.Name})
	}
	for i, name := range b.Rows {
		top := rowHeight * float64(i)
		x := bar{Label: name, LabelY: em(top + labelAt), Y: em(top + barAt), Height: em(barHeight)}
		for j, s := range series {
			if n := s.at(i); n > 0 {
				x.Parts = append(x.Parts, part{
					X: percent(float64(x.Total), float64(most)), Width: percent(float64(n), float64(most)),
					Title: s.Name, Fill: j, Count: n,
				})
				x.Total += n
			}
		}
		out.Bar = append(out.Bar, x)
	}
	// The table has all series, also those that are drawn as one.
	for _, s := range b.Series {
		out.Table.Head = append(out.Table.Head, s.Name)
	}
	for i, name := range b.Rows {
		line := tableLine{Name: name, Total: out.Bar[i].Total}
		for _, s := range b.Series {
			line.Counts = append(line.Counts, s.at(i))
		}
		out.Table.Lines = append(out.Table.Lines, line)
	}
	return out
}

var barsTemplate = template.Must(template.New("bars").Parse(`
<figure class="ig-figure" id="{{.ID}}">
<figcaption class="ig-figure__caption">{{.Title}}</figcaption>
<svg class="ig-figure__drawing" role="img" aria-labelledby="{{.ID}}-title {{.ID}}-desc" width="100%" height="{{.Height}}" font-size="1rem">
<title id="{{.ID}}-title">{{.Title}}</title>
<desc id="{{.ID}}-desc">{{.Description}}</desc>
{{.Patterns}}
{{- $id := .ID}}
{{range .Bar}}{{$bar := . -}}
<text x="0" y="{{.LabelY}}" fill="currentColor">{{.Label}}: <tspan font-weight="bold">{{.Total}}</tspan></text>
{{range .Parts -}}
<rect x="{{.X}}" y="{{$bar.Y}}" width="{{.Width}}" height="{{$bar.Height}}"
  fill="url(#{{$id}}-fill-{{.Fill}})" stroke="currentColor"><title>{{$bar.Label}}, {{.Title}}: {{.Count}}</title></rect>
{{else -}}
<line x1="0" x2="0" y1="{{.Y}}" y2="{{.Y}}" stroke="currentColor"/>
{{end}}{{end -}}
</svg>
{{if gt (len .Keys) 1 -}}
<ul class="ds_no-bullets ig-figure__key">
{{range .Keys}}<li><svg width="20" height="16" aria-hidden="true" focusable="false"><rect
  x="0.5" y="0.5" width="19" height="15" fill="url(#{{$id}}-fill-{{.Fill}})" stroke="currentColor"/></svg> {{.Name}}</li>
{{end -}}
</ul>
{{end -}}
<details class="ds_details ig-figure__table">
<summary class="ds_details__summary">{{.Words.Table}}</summary>
<div class="ds_details__text ig-scroll" tabindex="0" role="region" aria-label="{{.Title}}">
<table class="ds_table">
<caption>{{.Title}}</caption>
<thead><tr><th scope="col">{{.Words.Row}}</th>
{{range .Table.Head}}<th scope="col" class="ds_table--numeric">{{.}}</th>{{end}}
{{if gt (len .Table.Head) 1}}<th scope="col" class="ds_table--numeric">{{.Words.Total}}</th>{{end}}</tr></thead>
<tbody>
{{$several := gt (len .Table.Head) 1}}{{range .Table.Lines}}
<tr><th scope="row">{{.Name}}</th>{{range .Counts}}<td class="ds_table--numeric">{{.}}</td>{{end}}
{{- if $several}}<td class="ds_table--numeric">{{.Total}}</td>{{end}}</tr>
{{end}}</tbody>
</table>
</div>
</details>
</figure>
`))
