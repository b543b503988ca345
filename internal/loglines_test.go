package internal_test

import (
	"fmt"
	"go/ast"
	"go/parser"
	"go/token"
	"io/fs"
	"maps"
	"os"
	"path/filepath"
	"regexp"
	"slices"
	"strconv"
	"strings"
	"testing"
)

// elsewhere are folders of programs other than igledger serve, of tests, and of the demonstration.
var elsewhere = regexp.MustCompile(`^\.\./(cmd/igverify|internal/(auditd|source|oracle|test\w*|web/signin/provider))`)

// logLine is a line of the server's log.
type logLine struct {
	levels, fields map[string]bool
	anyLevel       bool // it is computed
}

// String returns the line's row in docs/OPERATE.md, without its last column.
func (l logLine) String() string {
	var fields []string
	for _, f := range slices.Sorted(maps.Keys(l.fields)) {
		fields = append(fields, "`"+f+"`")
	}
	return fmt.Sprintf("%s | %s", strings.Join(slices.Sorted(maps.Keys(l.levels)), ", "), strings.Join(fields, ", "))
}

// TestLogLinesAreDocumented compares the table in docs/OPERATE.md with every call of a logger in
// the code of the server: messages, levels and fields.
func TestLogLinesAreDocumented(t *testing.T) {
	logged := map[string]logLine{}
	err := filepath.WalkDir(root, func(path string, d fs.DirEntry, err error) error {
		if err != nil {
			return err
		}
		if d.IsDir() && (built[d.Name()] || d.Name() == "node_modules") {
			return filepath.SkipDir
		}
		if d.IsDir() || !strings.HasSuffix(path, ".go") || strings.HasSuffix(path, "_test.go") || elsewhere.MatchString(path) {
			return nil
		}
		file, err := parser.ParseFile(token.NewFileSet(), path, nil, parser.SkipObjectResolution)
		if err == nil {
			linesOf(file, logged)
		}
		return err
	})
	if err != nil {
		t.Fatal(err)
	}
	if len(logged) < 30 {
		t.Fatalf("only %d lines were found: loggers are called in another way", len(logged))
	}
	data, err := os.ReadFile("../docs/OPERATE.md")
	if err != nil {
		t.Fatal(err)
	}
	_, table, _ := strings.Cut(string(data), "| `msg` |")
	documented := map[string]string{}
	for _, m := range regexp.MustCompile("(?m)^\\| `([^`]+)` \\| ([^|]*) \\| ([^|]*) \\|[^|]*\\|$").FindAllStringSubmatch(table, -1) {
		documented[m[1]] = m[2] + " | " + m[3]
	}
	for msg, l := range logged {
		have := documented[msg]
		if l.anyLevel {
			_, have, _ = strings.Cut(have, " | ")
			have = " | " + have
		}
		if have != l.String() {
			t.Errorf("docs/OPERATE.md should have the row\n| `%s` | %s |  |\nbut has %q", msg, l, documented[msg])
		}
	}
	for msg := range documented {
		if _, ok := logged[msg]; !ok {
			t.Errorf("docs/OPERATE.md has %q, which nothing logs", msg)
		}
	}
}

var levels = map[string]string{
	"Debug": "DEBUG", "Info": "INFO", "Warn": "WARN", "Error": "ERROR", "Log": "", "LogAttrs": "",
	"DebugContext": "DEBUG", "InfoContext": "INFO", "WarnContext": "WARN", "ErrorContext": "ERROR",
}

// linesOf adds the lines that a file logs.
func linesOf(file *ast.File, to map[string]logLine) {
	with := map[string][]ast.Expr{} // fields of loggers that were made by With, by the variable
	ast.Inspect(file, func(n ast.Node) bool {
		if a, ok := n.(*ast.AssignStmt); ok && len(a.Lhs) == 1 && len(a.Rhs) == 1 {
			if call, method := loggerCall(a.Rhs[0]); method == "With" {
				with[nameOf(a.Lhs[0])] = call.Args
			}
		}
		e, ok := n.(ast.Expr)
		if !ok {
			return true
		}
		call, method := loggerCall(e)
		level, ok := levels[method]
		if !ok {
			return true
		}
		args := call.Args
		l := logLine{map[string]bool{}, map[string]bool{}, false}
		if strings.HasSuffix(method, "Context") {
			args = args[1:]
		} else if level == "" {
			level, args = strings.ToUpper(strings.TrimPrefix(nameOf(args[1]), "Level")), args[2:]
			l.anyLevel = level == ""
		}
		msg := text(args[0])
		if have, ok := to[msg]; ok {
			l = have
		}
		if level != "" {
			l.levels[level] = true
		}
		receiver := nameOf(call.Fun.(*ast.SelectorExpr).X)
		for _, list := range [][]ast.Expr{args[1:], with[receiver]} {
			for i := 0; i < len(list); i++ {
				if attr, ok := list[i].(*ast.CallExpr); ok && method == "LogAttrs" {
					l.fields[text(attr.Args[0])] = true
				} else if method != "LogAttrs" {
					l.fields[text(list[i])] = true
					i++
				}
			}
		}
		to[msg] = l
		return true
	})
}

// loggerCall returns the call, and its method, if e calls a method of a logger.
func loggerCall(e ast.Expr) (*ast.CallExpr, string) {
	call, ok := e.(*ast.CallExpr)
	if !ok {
		return nil, ""
	}
	s, ok := call.Fun.(*ast.SelectorExpr)
	if !ok || !strings.EqualFold(nameOf(s.X), "logger") && nameOf(s.X) != "slog" {
		return nil, ""
	}
	return call, s.Sel.Name
}

// nameOf returns the last name of an expression such as a.b.c.
func nameOf(e ast.Expr) string {
	switch e := e.(type) {
	case *ast.Ident:
		return e.Name
	case *ast.SelectorExpr:
		return e.Sel.Name
	}
	return ""
}

// text returns a text of the code; … stands for what is not constant.
func text(e ast.Expr) string {
	switch e := e.(type) {
	case *ast.BasicLit:
		s, _ := strconv.Unquote(e.Value)
		return s
	case *ast.BinaryExpr:
		return text(e.X) + text(e.Y)
	}
	return "…"
}
