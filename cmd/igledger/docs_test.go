package main

import (
	"bytes"
	"context"
	"fmt"
	"os"
	"os/exec"
	"path/filepath"
	"strings"
	"testing"

	"igledger/internal/testdocs"
	"igledger/internal/testneeds"
)

// TestDocsNameCommands finds the command lines of igledger in the documents and the examples in
// its help: each command and flag must exist.
func TestDocsNameCommands(t *testing.T) {
	help := func(path []string) string {
		var out bytes.Buffer
		run(context.Background(), append(path, "--help"), strings.NewReader(""), &out, &out)
		return out.String()
	}
	shown := testdocs.Commands(t, testdocs.Pages(t, "../.."), "igledger", help)
	examples := testdocs.Examples(t, commands(), "igledger", help)
	t.Logf("%d command lines, %d examples", shown, examples)
	if shown < 100 || examples < 40 {
		t.Error("these are too few")
	}
}

// TestDocsRun types the commands of the documents, in their order, in an empty folder, and compares
// what they print with what the document shows.
func TestDocsRun(t *testing.T) {
	testneeds.Time(t, "what the documents type")
	bin := programs(t)
	for _, name := range []string{"README.md", "docs/INTEGRATORS.md"} {
		t.Run(name, func(t *testing.T) {
			dir := filepath.Join(t.TempDir(), "igledger") // beside which a document may make a folder
			asBuilt(t, dir, bin)
			testdocs.Run(t, testdocs.Read(t, "../..", name), dir)
		})
	}
}

// asBuilt makes dir what the folder of the repository is for its make after a build: the Makefile
// and both programs.
func asBuilt(t *testing.T, dir, bin string) {
	t.Helper()
	gnuMake := testneeds.Program(t, "make")
	testneeds.Program(t, "curl")
	makefile, err := filepath.Abs("../../Makefile")
	if err != nil {
		t.Fatal(err)
	}
	noBuild := fmt.Sprintf("#!/bin/sh\nexec %s -o build \"$@\"\n", gnuMake)
	for _, err := range []error{
		os.MkdirAll(filepath.Join(dir, "bin"), 0o700),
		os.Symlink(filepath.Join(bin, "igledger"), filepath.Join(dir, "bin", "igledger")),
		os.Symlink(filepath.Join(bin, "igverify"), filepath.Join(dir, "bin", "igverify")),
		os.Symlink(makefile, filepath.Join(dir, "Makefile")),
		os.WriteFile(filepath.Join(dir, "bin", "make"), []byte(noBuild), 0o700),
	} {
		if err != nil {
			t.Fatal(err)
		}
	}
}

// TestFirstBuildSaysSo runs make's beginning where nothing is built: it says that it takes minutes.
func TestFirstBuildSaysSo(t *testing.T) {
	gnuMake := testneeds.Program(t, "make")
	makefile, err := filepath.Abs("../../Makefile")
	if err != nil {
		t.Fatal(err)
	}
	dir := t.TempDir()
	say := func() string {
		cmd := exec.Command(gnuMake, "-f", makefile, "first")
		cmd.Dir = dir
		out, err := cmd.CombinedOutput()
		if err != nil {
			t.Fatalf("%v\n%s", err, out)
		}
		return string(out)
	}
	if got := say(); !strings.Contains(got, "one to three minutes") {
		t.Errorf("before the first build it says %q", got)
	}
	if err := os.Mkdir(filepath.Join(dir, "bin"), 0o700); err != nil {
		t.Fatal(err)
	}
	if err := os.WriteFile(filepath.Join(dir, "bin", "igledger"), nil, 0o700); err != nil {
		t.Fatal(err)
	}
	if got := say(); strings.Contains(got, "First build") {
		t.Errorf("after it, it says %q", got)
	}
}
