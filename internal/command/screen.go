package command

import (
	"cmp"
	"fmt"
	"io"
	"os"
	"regexp"
	"slices"
	"strings"
	"unicode"

	"github.com/rivo/uniseg"
	"github.com/urfave/cli/v2"
	"golang.org/x/term"
)

// Screen is where results are shown. The zero width and no colour are for a pipe or a file: a
// result there is whole and plain, with one line for each row.
type Screen struct {
	io.Writer
	Width  int // columns; 0: as many as it takes
	Colour bool
}

// ScreenOf returns the screen of a command's results. It is as wide as the terminal, unless
// --wide is given, and has colours on a terminal that can show them, unless NO_COLOR is set
// (no-color.org).
func ScreenOf(c *cli.Context) Screen { return ScreenOn(c, c.App.Writer) }

// ScreenOn returns the screen of what a command shows on w.
func ScreenOn(c *cli.Context, w io.Writer) Screen {
	s := Screen{Writer: w}
	fd, ok := Terminal(s.Writer)
	if !ok {
		return s
	}
	s.Colour = os.Getenv("NO_COLOR") == "" && os.Getenv("TERM") != "dumb"
	if width, _, err := term.GetSize(fd); err == nil && !c.Bool(wide) {
		s.Width = width
	}
	return s
}

const wide = "wide"

// Terminal returns the file descriptor of a reader or writer that is a terminal.
func Terminal(of any) (fd int, ok bool) {
	if s, ok := of.(*stdin); ok {
		of = s.File
	}
	f, ok := of.(*os.File)
	if !ok || !term.IsTerminal(int(f.Fd())) {
		return 0, false
	}
	return int(f.Fd()), true
}

// Line puts a text on one line and removes control characters and those that change a direction, so
// that what another organisation wrote cannot imitate other output.
func Line(s string) string {
	return strings.Join(strings.FieldsFunc(s, func(r rune) bool { return r == ' ' || !unicode.IsPrint(r) }), " ")
}

// Plain replaces the characters that could control a terminal or reverse text, in a line that may
// show what a hostile file or server has.
func Plain(s string) string {
	return strings.Map(func(r rune) rune {
		switch {
		case unicode.IsPrint(r):
			return r
		case r == '\n' || r == '\t':
			return ' '
		}
		return unicode.ReplacementChar
	}, s)
}

const (
	gap       = 2  // columns between two cells
	narrow    = 12 // a cell of this width or less is not wrapped
	tallest   = 6  // lines of a row; a table with taller rows is shown row by row
	shortest  = 24 // columns that are left for text beside a long name
	underName = "    "
)

// Table shows rows of cells, of which the first holds the headings. Where they do not fit, cells
// are wrapped between words; and if that is not enough, each row is shown by itself, as a list.
// Nothing is cut off and no word is broken, since ids are copied from here. An empty cell is
// shown as "-".
func (s Screen) Table(rows [][]string) error {
	rows = slices.Clone(rows)
	for i, row := range rows {
		rows[i] = make([]string, len(row))
		for k, cell := range row {
			rows[i][k] = cmp.Or(Line(cell), "-")
		}
	}
	widths, fit := s.columns(rows)
	if !fit {
		return s.list(rows)
	}
	var b strings.Builder
	for i, row := range rows {
		s.row(&b, row, widths, i == 0)
	}
	_, err := io.WriteString(s, b.String())
	return err
}

// columns returns how wide each column is shown, and false if a table of them is not readable.
func (s Screen) columns(rows [][]string) (widths []int, fit bool) {
	var natural, least []int
	for _, row := range rows {
		for k, cell := range row {
			if k == len(natural) {
				natural, least = append(natural, 0), append(least, 0)
			}
			natural[k] = max(natural[k], uniseg.StringWidth(cell))
			for _, word := range breakable(cell) {
				least[k] = max(least[k], uniseg.StringWidth(strings.TrimSpace(word)))
			}
		}
	}
	sum := func(most int) int {
		total := gap * (len(natural) - 1)
		for k := range natural {
			total += min(natural[k], max(least[k], narrow, most))
		}
		return total
	}
	most := slices.Max(append(natural, 0))
	if s.Width > 0 && sum(most) > s.Width {
		for most > 0 && sum(most) > s.Width {
			most--
		}
		if sum(most) > s.Width {
			return nil, false
		}
	}
	for k := range natural {
		widths = append(widths, min(natural[k], max(least[k], narrow, most)))
	}
	for _, row := range rows {
		for k, cell := range row {
			if len(wrap(cell, widths[k])) > tallest {
				return nil, false
			}
		}
	}
	return widths, true
}

func (s Screen) row(b *strings.Builder, row []string, widths []int, head bool) {
	cells, lines := make([][]string, len(row)), 0
	for k, cell := range row {
		cells[k] = wrap(cell, widths[k])
		lines = max(lines, len(cells[k]))
	}
	for n := range lines {
		var line strings.Builder
		for k := range cells {
			text := ""
			if n < len(cells[k]) {
				text = cells[k][n]
			}
			line.WriteString(text)
			if k < len(cells)-1 {
				line.WriteString(strings.Repeat(" ", widths[k]-uniseg.StringWidth(text)+gap))
			}
		}
		text := strings.TrimRight(line.String(), " ")
		if head {
			text = s.Bold(text)
		}
		b.WriteString(text + "\n")
	}
}

// list shows each row by itself, with the headings as names.
func (s Screen) list(rows [][]string) error {
	for n, row := range rows[1:] {
		pairs := make([][2]string, len(row))
		for k, cell := range row {
			pairs[k] = [2]string{rows[0][k], cell}
		}
		if n > 0 {
			fmt.Fprintln(s)
		}
		if err := s.Pairs("", pairs); err != nil {
			return err
		}
	}
	return nil
}

// Pairs shows names with their values below each other. A name that is empty belongs to the value
// above.
func (s Screen) Pairs(indent string, pairs [][2]string) error {
	longest := 0
	for _, p := range pairs {
		longest = max(longest, uniseg.StringWidth(p[0]))
	}
	for _, p := range pairs {
		name := indent + s.Bold(p[0]) + strings.Repeat(" ", longest-uniseg.StringWidth(p[0])+gap)
		if err := s.hang(name, len(indent)+longest+gap, Line(p[1])); err != nil {
			return err
		}
	}
	return nil
}

// Text shows a text that follows a name, and wraps it below itself.
func (s Screen) Text(name, text string) error {
	return s.hang(name, uniseg.StringWidth(colours.ReplaceAllString(name, "")), text)
}

// colours are the sequences of styled.
var colours = regexp.MustCompile(`\x1b\[[0-9;]*m`)

// hang shows a text after a name of so many columns. Where little is left beside the name, the text
// goes on near the margin.
func (s Screen) hang(name string, columns int, text string) error {
	if s.Width == 0 {
		_, err := fmt.Fprintln(s, strings.TrimRight(name+text, " "))
		return err
	}
	under, width := strings.Repeat(" ", columns), s.Width-columns
	if width < shortest {
		under, width = underName, max(s.Width-len(underName), shortest)
	}
	lines := wrap(text, width)
	first := name + lines[0]
	if columns+uniseg.StringWidth(lines[0]) > s.Width && columns > len(under) {
		first = strings.TrimRight(name, " ") + "\n" + under + lines[0]
	}
	_, err := fmt.Fprintln(s, strings.TrimRight(strings.Join(append([]string{first}, lines[1:]...), "\n"+under), " "))
	return err
}

// wrap returns a text in lines of at most so many columns, unless a word is longer.
func wrap(text string, width int) []string {
	if uniseg.StringWidth(text) <= width {
		return []string{text}
	}
	var lines []string
	line := ""
	for _, word := range breakable(text) {
		if line != "" && uniseg.StringWidth(line+strings.TrimRight(word, " ")) > width {
			lines = append(lines, strings.TrimRight(line, " "))
			line = ""
		}
		line += word
	}
	return append(lines, strings.TrimRight(line, " "))
}

// breakable returns the parts of a text between which a line may end: after blanks, and after the
// commas of a list.
func breakable(text string) (parts []string) {
	start := 0
	for i, r := range text {
		if i > start && (text[i-1] == ' ' || text[i-1] == ',') && r != ' ' {
			parts = append(parts, text[start:i])
			start = i
		}
	}
	return append(parts, text[start:])
}

// Bold, Good and Bad return a text as it is, where there are no colours.
func (s Screen) Bold(text string) string { return s.styled("1", text) }
func (s Screen) Good(text string) string { return s.styled("32", text) }
func (s Screen) Bad(text string) string  { return s.styled("1;31", text) }

func (s Screen) styled(code, text string) string {
	if !s.Colour || text == "" {
		return text
	}
	return "\x1b[" + code + "m" + text + "\x1b[0m"
}

// Marks are what stands in a table for long remarks, which a legend below it explains.
type Marks struct {
	list [][2]string // mark and remark
}

// Is says what a mark means.
func (m *Marks) Is(mark, remark string) {
	if pair := [2]string{mark, remark}; !slices.Contains(m.list, pair) {
		m.list = append(m.list, pair)
	}
}

// Of returns letters for some remarks: "a b".
func (m *Marks) Of(remarks []string) string {
	var marks []string
	for _, r := range remarks {
		n := slices.IndexFunc(m.list, func(pair [2]string) bool { return pair[1] == r })
		if n < 0 {
			n = len(m.list)
			m.Is(mark(n), r)
		}
		marks = append(marks, m.list[n][0])
	}
	return strings.Join(marks, " ")
}

// mark returns a, b … z, aa, ab …
func mark(n int) string {
	text := string(rune('a' + n%26))
	if n >= 26 {
		text = mark(n/26-1) + text
	}
	return text
}

// Legend explains marks, if there are any, below a title.
func (s Screen) Legend(title string, m *Marks) error {
	if len(m.list) == 0 {
		return nil
	}
	fmt.Fprintf(s, "\n%s\n", s.Bold(title))
	return s.Pairs("  ", m.list)
}
