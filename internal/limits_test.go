package internal_test

import (
	"fmt"
	"go/ast"
	"go/constant"
	"go/parser"
	"go/token"
	"io/fs"
	"path/filepath"
	"regexp"
	"slices"
	"strconv"
	"strings"
	"testing"
	"time"

	"igledger/internal/testdocs"
)

// constants are the expressions of the constants in the code, by package and name. A name that a
// package gives to another one is among them too.
type constants map[string]ast.Expr

func constantsIn(t *testing.T) constants {
	t.Helper()
	all := constants{}
	err := filepath.WalkDir(root, func(path string, d fs.DirEntry, err error) error {
		if err != nil {
			return err
		}
		if d.IsDir() && (built[d.Name()] || d.Name() == "node_modules") {
			return filepath.SkipDir
		}
		if d.IsDir() || !strings.HasSuffix(path, ".go") || strings.HasSuffix(path, "_test.go") {
			return nil
		}
		file, err := parser.ParseFile(token.NewFileSet(), path, nil, parser.SkipObjectResolution)
		if err != nil {
			return err
		}
		for _, i := range file.Imports {
			if i.Name != nil {
				path := i.Path.Value
				all[file.Name.Name+"."+i.Name.Name] = ast.NewIdent(strings.Trim(path[strings.LastIndexByte(path, '/')+1:], `"`))
			}
		}
		for _, decl := range file.Decls {
			g, ok := decl.(*ast.GenDecl)
			if !ok || g.Tok != token.CONST {
				continue
			}
			for _, s := range g.Specs {
				s := s.(*ast.ValueSpec)
				for i, name := range s.Names {
					if i < len(s.Values) {
						all[file.Name.Name+"."+name.Name] = s.Values[i]
					}
				}
			}
		}
		return nil
	})
	if err != nil {
		t.Fatal(err)
	}
	return all
}

// value returns the value of an expression over constants, and whether it is a time, in ns.
func (c constants) value(pkg string, e ast.Expr) (v constant.Value, isTime bool, err error) {
	switch e := e.(type) {
	case *ast.BasicLit:
		return constant.MakeFromLiteral(e.Value, e.Kind, 0), false, nil
	case *ast.ParenExpr:
		return c.value(pkg, e.X)
	case *ast.Ident:
		return c.named(pkg, e.Name)
	case *ast.SelectorExpr:
		of := e.X.(*ast.Ident).Name
		if other, ok := c[pkg+"."+of].(*ast.Ident); ok {
			of = other.Name
		}
		unit, ok := map[string]time.Duration{"Second": time.Second, "Millisecond": time.Millisecond, "Minute": time.Minute}[e.Sel.Name]
		if of == "time" && ok {
			return constant.MakeInt64(int64(unit)), true, nil
		}
		return c.named(of, e.Sel.Name)
	case *ast.BinaryExpr:
		x, xTime, err := c.value(pkg, e.X)
		if err != nil {
			return nil, false, err
		}
		y, yTime, err := c.value(pkg, e.Y)
		if err != nil {
			return nil, false, err
		}
		op := e.Op
		switch op {
		case token.SHL:
			n, _ := constant.Uint64Val(y)
			return constant.Shift(x, op, uint(n)), false, nil
		case token.QUO:
			op = token.QUO_ASSIGN // of whole numbers
		}
		return constant.BinaryOp(x, op, y), xTime || yTime, nil
	}
	return nil, false, fmt.Errorf("%T is no constant that this test can work out", e)
}

func (c constants) named(pkg, name string) (constant.Value, bool, error) {
	if e, ok := c[pkg+"."+name]; ok {
		return c.value(pkg, e)
	}
	return nil, false, fmt.Errorf("there is no constant %s.%s", pkg, name)
}

// said returns how a value is written in docs/LIMITS.md.
func said(v constant.Value, isTime bool) (forms []string) {
	n, _ := constant.Int64Val(v)
	if isTime {
		return []string{strconv.FormatFloat(time.Duration(n).Seconds(), 'f', -1, 64) + " s"}
	}
	digits := strconv.FormatInt(n, 10)
	for i := len(digits) - 3; i > 0; i -= 3 {
		digits = digits[:i] + "," + digits[i:]
	}
	forms = append(forms, digits)
	for name, unit := range map[string]float64{"KiB": 1 << 10, "MiB": 1 << 20} {
		if size := strconv.FormatFloat(float64(n)/unit, 'f', 1, 64); float64(n) >= unit {
			forms = append(forms, strings.TrimSuffix(size, ".0")+" "+name)
		}
	}
	return forms
}

// number finds what is a quantity in a cell of the table.
var number = regexp.MustCompile(`[0-9][0-9,.]*(?: (?:KiB|MiB|s))?\b`)

// TestFixedLimitsAreTheCodes compares the second table of docs/LIMITS.md with the code: each number
// must be that of one of the constants that its row names, and each of those must be there.
func TestFixedLimitsAreTheCodes(t *testing.T) {
	all, rows := constantsIn(t), 0
	fixed := false
	for _, l := range testdocs.Read(t, root, "docs/LIMITS.md").Lines {
		if strings.HasPrefix(l.Text, "## ") {
			fixed = strings.Contains(l.Text, "fixed")
		}
		cells := strings.Split(l.Text, " | ")
		if !fixed || len(cells) != 4 || delimiter.MatchString(l.Text) || strings.HasPrefix(l.Text, "| What") {
			continue
		}
		rows++
		numbers := number.FindAllString(codeSpan.ReplaceAllString(cells[1], ""), -1)
		for _, span := range codeSpan.FindAllStringSubmatch(cells[3], -1) {
			e, err := parser.ParseExpr(span[1])
			if err != nil {
				t.Fatalf("docs/LIMITS.md:%d: %s: %v", l.Number, span[1], err)
			}
			v, isTime, err := all.value("", e)
			if err != nil {
				t.Errorf("docs/LIMITS.md:%d: %s: %v", l.Number, span[1], err)
				continue
			}
			forms := said(v, isTime)
			at := slices.IndexFunc(numbers, func(s string) bool { return slices.Contains(forms, s) })
			if at < 0 {
				t.Errorf("docs/LIMITS.md:%d: %s is %v, which the row does not say", l.Number, span[1], forms)
				continue
			}
			numbers = slices.Delete(numbers, at, at+1)
		}
		if len(numbers) > 0 {
			t.Errorf("docs/LIMITS.md:%d: %v are no constants that the row names", l.Number, numbers)
		}
	}
	if rows < 12 {
		t.Errorf("only %d rows were found", rows)
	}
}
