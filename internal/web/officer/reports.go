package officer

import (
	"cmp"
	"html/template"
	"net/http"
	"net/url"
	"slices"
	"strconv"
	"time"

	"igledger/audit/plain"
	"igledger/internal/report"
	"igledger/internal/web/draw"
	"igledger/internal/web/signin"
	"igledger/internal/web/ui"
	"igledger/ledger/entry"
)

// shownMonths is how many months the reports show unless asked for others.
const shownMonths = 12

// maxRows is how many systems or purposes a drawing shows; the table behind it has no others.
const maxRows = 15

type reportsPage struct {
	From, To     string // months
	Months       []choice
	Untils       []choice
	Accesses     int
	NotCovered   int
	Emergencies  int
	Attempts     int
	Charts       []template.HTML
	Query        string
	Since        time.Time
	Nothing      bool
	UncoveredURL string
}

// results are those of accesses, in the order of the drawings.
var results = []entry.VerdictResult{entry.Covered, entry.NotCovered, entry.BreakGlass}

// reports is GET /officer/reports.
func (w *work) reports(rw http.ResponseWriter, r *http.Request) error {
	view, cells, from, to, err := w.cells(r)
	if err != nil {
		return err
	}
	words := w.words(r)
	data := reportsPage{From: from, To: to, Query: "?from=" + url.QueryEscape(from) + "&to=" + url.QueryEscape(to),
		UncoveredURL: uncovered.path}
	if !view.Complete {
		data.Since = view.Since
	}
	for c, n := range cells {
		switch c.Result {
		case entry.AttemptOnly, entry.DecisionOnly:
			data.Attempts += n
		case entry.NotCovered:
			data.NotCovered += n
			data.Accesses += n
		case entry.BreakGlass:
			data.Emergencies += n
			data.Accesses += n
		default:
			data.Accesses += n
		}
	}
	data.Nothing = len(cells) == 0
	all := allMonths(view.Counts)
	slices.Reverse(all)
	for _, m := range all {
		data.Months = append(data.Months, choice{m, words.month(m), m == from})
		data.Untils = append(data.Untils, choice{m, words.month(m), m == to})
	}
	if !data.Nothing {
		data.Charts = words.charts(cells, from, to)
	}
	return w.render(rw, r, http.StatusOK, "reports", ui.Page{
		Title: words.Text("reports.title"), Section: "reports", Crumbs: words.crumbs(), Data: data,
	})
}

// cells returns the counts of the months that a request asks for.
func (w *work) cells(r *http.Request) (view *report.View, cells map[report.Cell]int, from, to string, err error) {
	view, err = w.Door.Work(r.Context(), reader(signin.From(r.Context())))
	if err != nil {
		return nil, nil, "", "", err
	}
	all := allMonths(view.Counts)
	if len(all) > 0 {
		from, to = all[max(0, len(all)-shownMonths)], all[len(all)-1]
	}
	if m := r.URL.Query().Get("from"); slices.Contains(all, m) {
		from = m
	}
	if m := r.URL.Query().Get("to"); slices.Contains(all, m) {
		to = m
	}
	if to < from {
		from, to = to, from
	}
	cells = map[report.Cell]int{}
	for c, n := range view.Counts {
		if from <= c.Month && c.Month <= to {
			cells[c] += n
		}
	}
	return view, cells, from, to, nil
}

func allMonths(counts map[report.Cell]int) (list []string) {
	for c := range counts {
		list = append(list, c.Month)
	}
	return distinct(list)
}

// monthsBetween returns all months from one to another, also those in which nothing was.
func monthsBetween(from, to string) (list []string) {
	t, err := time.Parse("2006-01", from)
	for ; err == nil && t.Format("2006-01") <= to && len(list) < 240; t = t.AddDate(0, 1, 0) {
		list = append(list, t.Format("2006-01"))
	}
	return list
}

// charts draws what was counted.
func (l words) charts(cells map[report.Cell]int, from, to string) []template.HTML {
	months := monthsBetween(from, to)
	var tried []entry.VerdictResult
	tried = append(tried, entry.AttemptOnly, entry.DecisionOnly)
	month := func(c report.Cell) string { return c.Month }
	return []template.HTML{
		l.chart("by-month", cells, results, months, month, l.month),
		l.chart("by-system", cells, results, l.biggest(cells, results, func(c report.Cell) string { return c.System }),
			func(c report.Cell) string { return c.System }, l.system),
		l.chart("by-purpose", cells, results, l.biggest(cells, results, func(c report.Cell) string { return c.Purpose }),
			func(c report.Cell) string { return c.Purpose }, l.purpose),
		l.chart("emergencies", cells, []entry.VerdictResult{entry.BreakGlass}, months, month, l.month),
		l.chart("tried", cells, tried, months, month, l.month),
	}
}

func (l words) system(name string) string {
	if name == report.Rest {
		return l.Text("chart.rest")
	}
	return name
}

func (l words) purpose(code string) string {
	if code == report.Rest {
		return l.Text("chart.rest")
	}
	return l.use(code)
}

// biggest returns the values of a dimension with the most accesses, the biggest first.
func (l words) biggest(cells map[report.Cell]int, of []entry.VerdictResult, dimension func(report.Cell) string) (list []string) {
	total := map[string]int{}
	for c, n := range cells {
		if slices.Contains(of, c.Result) {
			total[dimension(c)] += n
		}
	}
	for v := range total {
		list = append(list, v)
	}
	slices.SortFunc(list, func(a, b string) int { return cmp.Or(cmp.Compare(total[b], total[a]), cmp.Compare(a, b)) })
	return list[:min(len(list), maxRows)]
}

// chart draws the cells of some results, one bar for each value of a dimension.
func (l words) chart(
	id string, cells map[report.Cell]int, of []entry.VerdictResult, values []string, dimension func(report.Cell) string,
	text func(string) string,
) template.HTML {
	row := map[string]int{}
	b := draw.Bars{ID: id, Title: l.Text(plain.Key("chart." + id)), Words: l.drawing(plain.Key("chart." + id + ".row"))}
	for i, v := range values {
		row[v] = i
		b.Rows = append(b.Rows, text(v))
	}
	sum := 0
	for _, result := range of {
		s := draw.Series{Name: l.Text(plain.Key("result." + string(result))), Counts: make([]int, len(values))}
		for c, n := range cells {
			if i, ok := row[dimension(c)]; ok && c.Result == result {
				s.Counts[i] += n
				sum += n
			}
		}
		b.Series = append(b.Series, s)
	}
	b.Description = l.Count(plain.Key("chart."+id+".description"), uint64(sum))
	return b.Figure()
}

// drawing returns the words that drawings say themselves.
func (l words) drawing(row plain.Key) draw.Words {
	return draw.Words{Table: l.Text("chart.table"), Row: l.Text(row), Total: l.Text("chart.total"), Other: l.Text("chart.rest")}
}

// reportsCSV is GET /officer/reports.csv.
func (w *work) reportsCSV(rw http.ResponseWriter, r *http.Request) error {
	_, cells, from, to, err := w.cells(r)
	if err != nil {
		return err
	}
	list := make([]report.Cell, 0, len(cells))
	for c := range cells {
		list = append(list, c)
	}
	slices.SortFunc(list, func(a, b report.Cell) int {
		return cmp.Or(cmp.Compare(a.Month, b.Month), cmp.Compare(a.System, b.System), cmp.Compare(a.Purpose, b.Purpose),
			cmp.Compare(a.Result, b.Result))
	})
	rows := [][]string{{"month", "system", "purpose", "result", "count"}}
	for _, c := range list {
		rows = append(rows, []string{c.Month, c.System, c.Purpose, string(c.Result), strconv.Itoa(cells[c])})
	}
	return sendCSV(rw, "accesses-"+from+"-"+to+".csv", rows)
}
