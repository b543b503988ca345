package auditd

import (
	"io/fs"
	"maps"
	"net/http/httptest"
	"os"
	"path/filepath"
	"slices"
	"strings"
	"testing"
	"time"

	"igledger/internal/testlog"
	"igledger/verifier/auditor"
)

// clocked is a world whose processes have a clock that stands still until it is moved.
type clocked struct {
	*world
	l   *testlog.Sample
	now time.Time
}

func newClocked(t *testing.T) *clocked {
	l := rooted()
	c := &clocked{newWorld(t, l.Log), l, time.Unix(testlog.Now, 0)}
	c.config.Now = func() time.Time { return c.now }
	return c
}

func (c *clocked) grow(n int) {
	for range n {
		c.l.AddSealed(c.l.Access("lothian", c.l.Second, c.l.IDs[0]), c.l.IDs[0])
	}
}

// root appends an index root and shows the log, which it returns the size of.
func (c *clocked) root() uint64 {
	c.l.AddIndexRoot()
	c.Show(c.l.Log, c.l.Size())
	return c.l.Size()
}

func (c *clocked) cosigns(want ...uint64) {
	c.Helper()
	if got := c.CosignedSizes(); !slices.Equal(got, want) {
		c.Errorf("cosigned %d, want %d", got, want)
	}
}

// quiet fails if anything accuses the operator.
func (c *clocked) quiet() {
	c.Helper()
	if c.has("alarm") || len(c.evidence()) > 0 {
		c.Errorf("alarm %v, evidence %v", c.has("alarm"), c.evidence())
	}
}

func shows(t *testing.T, d *Daemon, metric string) {
	t.Helper()
	w := httptest.NewRecorder()
	d.Metrics().ServeHTTP(w, httptest.NewRequest("GET", "/metrics", nil))
	if !strings.Contains(w.Body.String(), "\n"+metric+"\n") {
		t.Errorf("metrics lack %q", metric)
	}
}

// An old answer accuses no one: nothing is cosigned, and after a while that is said. What is of
// another history convicts, however small it is.
func TestStale(t *testing.T) {
	for name, old := range map[string]func(c *clocked){
		"an old anchor beside a new log": func(c *clocked) { c.Grow(c.l.Log, c.l.Size(), 12) },
		"a whole old log":                func(c *clocked) { c.Grow(c.l.Log, 12, 12) },
		"an old log without an anchor":   func(c *clocked) { c.Grow(c.l.Log, 7, 0) },
	} {
		t.Run(name, func(t *testing.T) {
			c := newClocked(t)
			c.once(good)
			c.grow(2)
			size := c.root()
			c.once(good)
			c.cosigns(12, size)
			c.Change(func() { old(c) })
			for range 2 {
				if out := c.once(unreadable); !strings.Contains(out, "an old answer") {
					t.Error(out)
				}
				c.now = c.now.Add(DefaultPatience)
			}
			c.now = c.now.Add(time.Second)
			if out := c.once(wrong); !strings.Contains(out, "FAILED anchor") {
				t.Error(out)
			}
			d := c.newDaemon()
			if end, err := ended(t, d); end != Failed || err != nil {
				t.Errorf("%s, %v", end, err)
			}
			shows(t, d, "igverify_audit_stale 1")
			c.quiet()
			c.Show(c.l.Log, size)
			if _, err := ended(t, d); err != nil {
				t.Error(err)
			}
			shows(t, d, "igverify_audit_stale 0")
			c.cosigns(size) // sent again, as a new process does
			c.quiet()
		})
	}
	t.Run("a smaller log of another history", func(t *testing.T) {
		c := newClocked(t)
		c.once(good)
		f := c.l.Fork(8)
		f.AddIndexRoot()
		c.Change(func() {
			files := maps.Clone(c.Files) // the tiles of the true log show that it is another
			c.Grow(f, 9, 9)
			maps.Copy(c.Files, files)
		})
		if out := c.once(wrong); !strings.Contains(out, "FAILED consistency") {
			t.Error(out)
		}
		if files := c.evidence(); len(files) != 1 {
			t.Errorf("evidence %v", files)
		} else if rep := auditor.CheckEvidence(c.read(files[0]), c.l.Key); rep.Err() != nil {
			t.Errorf("it does not convict: %v", rep.Err())
		}
	})
}

// An anchor that the log leaves behind is not cosigned as of now.
func TestFrozenAnchor(t *testing.T) {
	c := newClocked(t)
	d := c.newDaemon()
	round := func(want Ending, cosigned ...uint64) *Report {
		t.Helper()
		rep, err := d.Round(t.Context())
		if rep.Ending != want || err != nil {
			t.Fatalf("%s, want %s: %v\n%s", rep.Ending, want, err, saidOf(rep))
		}
		c.cosigns(cosigned...)
		return rep
	}
	round(Cosigned, 12)
	round(Quiet)
	c.now = c.now.Add(refresh)
	round(Cosigned, 12) // the log is quiet, and its anchor must not look old
	c.grow(1)
	c.Change(func() { c.Grow(c.l.Log, c.l.Size(), 12) })
	round(Quiet)
	c.Change(func() { c.Grow(c.l.Log, 12, 12) }) // an old /checkpoint does not make it forget
	c.now = c.now.Add(DefaultPatience)
	round(Quiet)
	c.now = c.now.Add(time.Second)
	if rep := round(Failed); rep.Failures[0].Check != "anchor" {
		t.Error(saidOf(rep))
	}
	shows(t, d, "igverify_audit_anchor_frozen 1")
	c.now = c.now.Add(refresh)
	d = c.newDaemon() // nor does another process
	round(Failed)
	size := c.root()
	round(Cosigned, size)
	shows(t, d, "igverify_audit_anchor_frozen 0")

	// By entries, at once, even if it was never cosigned.
	c.grow(2)
	size = c.root()
	c.grow(21)
	c.Change(func() { c.Grow(c.l.Log, c.l.Size(), size) })
	if rep := round(Failed); rep.Failures[0].Check != "anchor" {
		t.Error(saidOf(rep))
	}
	c.quiet()

	// With more patience it is not renewed all the same.
	c = newClocked(t)
	d = c.newDaemon(func(c *Config) { c.Patience = 1000 * time.Hour })
	round(Cosigned, 12)
	c.grow(1)
	c.Change(func() { c.Grow(c.l.Log, c.l.Size(), 12) })
	c.now = c.now.Add(2 * refresh)
	round(Quiet)
}

// Nothing but an anchor is cosigned.
func TestOffersNoAnchor(t *testing.T) {
	for name, offer := range map[string]func(c *clocked){
		"an entry after the index root": func(c *clocked) { c.grow(1); c.Grow(c.l.Log, 13, 13) },
		"the index root not included":   func(c *clocked) { c.Grow(c.l.Log, 12, 11) },
		"no index root at all":          func(c *clocked) { c.Grow(c.l.Log, 11, 0) },
	} {
		c := newClocked(t)
		c.Change(func() { offer(c) })
		if out := c.once(wrong); !strings.Contains(out, "FAILED anchor") || !strings.Contains(out, "no anchor") {
			t.Errorf("%s:\n%s", name, out)
		}
		c.cosigns()
		c.quiet()
	}
}

// The newest checkpoint and the anchor are of one log.
func TestNewestOfAnotherHistory(t *testing.T) {
	for _, size := range []int{2, 9} { // as large as the anchor, or larger
		c := newClocked(t)
		f := c.l.Fork(10)
		f.AddRandom(size)
		c.Change(func() { maps.Copy(c.Files, f.Files()) })
		if out := c.once(wrong); !strings.Contains(out, "FAILED consistency") || !c.has("alarm") {
			t.Error(out)
		}
		if rep := auditor.CheckEvidence(c.read(c.evidence()[0]), c.l.Key); rep.Err() != nil {
			t.Errorf("it does not convict: %v", rep.Err())
		}
		c.cosigns()
	}
}

// A state directory that was set back is noticed by what this auditor has cosigned, and what it had
// seen is not forgotten.
func TestStateSetBack(t *testing.T) {
	for name, back := range map[string]func(c *clocked, old map[string][]byte){
		"the directory": func(c *clocked, old map[string][]byte) {
			c.ok(os.RemoveAll(c.config.State))
			for name, data := range old {
				c.ok(os.MkdirAll(filepath.Dir(name), 0o700))
				c.write(name, data)
			}
		},
		"lost":                 func(c *clocked, _ map[string][]byte) { c.ok(os.RemoveAll(c.config.State)) },
		"the checkpoint alone": func(c *clocked, old map[string][]byte) { c.write(c.path("latest"), old[c.path("latest")]) },
	} {
		t.Run(name, func(t *testing.T) {
			c := newClocked(t)
			c.once(good)
			old := map[string][]byte{}
			c.ok(filepath.WalkDir(c.config.State, func(path string, e fs.DirEntry, err error) error {
				if err == nil && !e.IsDir() {
					old[path] = c.read(path)
				}
				return err
			}))
			c.grow(1)
			size := c.root()
			c.once(good)
			c.cosigns(12, size)
			back(c, old)
			if name == "lost" { // all is audited again
				if out := c.once(good); !strings.Contains(out, "has cosigned before") {
					t.Error(out)
				}
			} else if out := c.once(wrong); !strings.Contains(out, "FAILED state") {
				t.Error(out)
			}
			c.quiet()
			c.CosignedSizes()
			f := c.l.Fork(10) // what it has cosigned counts as seen
			f.AddRandom(20)
			f.AddIndexRoot()
			right := c.config.State
			c.config.State = filepath.Join(t.TempDir(), "copy")
			c.ok(os.CopyFS(c.config.State, os.DirFS(right)))
			c.Show(f, f.Size())
			if out := c.once(wrong); !strings.Contains(out, "FAILED consistency") {
				t.Error(out)
			}
			c.config.State = right
			c.Show(c.l.Log, size)
			c.once(good)
			c.cosigns(size)
		})
	}
}

// A cosignature that did not reach the log is sent again with the time at which it was made.
func TestSendsAgain(t *testing.T) {
	c := newClocked(t)
	c.Change(func() { c.Refuse["/v1/cosignatures"] = 503 })
	d := c.newDaemon()
	d.api.Attempts = 1
	if end, err := ended(t, d); end != Undelivered || err != nil {
		t.Fatalf("%s, %v", end, err)
	}
	made := c.read(c.path("cosigned"))
	c.Change(func() { clear(c.Refuse) })
	c.now = c.now.Add(time.Minute)
	for _, d := range []*Daemon{c.newDaemon(), d} {
		if end, err := ended(t, d); end != Cosigned || err != nil {
			t.Errorf("%s, %v", end, err)
		}
	}
	if again := c.read(c.path("cosigned")); string(again) != string(made) {
		t.Errorf("made another: %q, before %q", again, made)
	}
	c.cosigns(12, 12)
}

func (w *world) ok(err error) {
	w.Helper()
	if err != nil {
		w.Fatal(err)
	}
}
