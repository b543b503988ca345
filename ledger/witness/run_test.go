package witness

import (
	"context"
	"errors"
	"log/slog"
	"slices"
	"strings"
	"testing"
	"testing/synctest"
	"time"
)

// running runs in a synctest bubble, where time passes only when all goroutines wait: time.Sleep
// costs no real time there.
func running(t *testing.T, names []string, f func(t *testing.T, m *memory, fakes []*fake, logged records)) {
	synctest.Test(t, func(t *testing.T) {
		m := newMemory(t)
		var fakes []*fake
		for _, n := range names {
			fakes = append(fakes, newFake(t, n, m))
		}
		logged := newRecords()
		c := client(t, slog.New(logged), fakes...)
		ctx, cancel := context.WithCancel(t.Context())
		done := make(chan struct{})
		m.grow(3)
		go func() { c.Run(ctx, m); close(done) }()
		synctest.Wait()
		f(t, m, fakes, logged)
		cancel()
		<-done // Run returns, whatever its witnesses do
		for _, w := range fakes {
			if w.most > 1 {
				t.Errorf("%s had %d requests at once", w.name, w.most)
			}
		}
	})
}

// after lets time pass until a moment when nothing is due.
func after(d time.Duration) {
	time.Sleep(d + 10*time.Millisecond)
	synctest.Wait()
}

func TestNewestIsCosigned(t *testing.T) {
	running(t, []string{"a", "b"}, func(t *testing.T, m *memory, fakes []*fake, logged records) {
		for _, grow := range []int{0, 1, 4, 300} {
			for range 3 { // several batches in one interval are one checkpoint to the witnesses
				m.grow(grow)
			}
			after(time.Second)
			for _, w := range fakes {
				if size, _ := m.keptBy(w); size != uint64(m.size) {
					t.Errorf("%s has cosigned %d of %d", w.name, size, m.size)
				}
			}
		}
		want := []string{"0→3: 200", "3→6: 200", "6→18: 200", "18→918: 200"}
		for _, w := range fakes {
			if got := w.log(); !slices.Equal(got, want) {
				t.Errorf("%s was asked %q, want %q", w.name, got, want)
			}
		}
		if l := logged.all(); len(l) > 0 {
			t.Errorf("logged %q", l)
		}
	})
}

// The last checkpoint of a log that does not grow is cosigned again once an hour, for a newer time.
func TestQuietLogStaysFresh(t *testing.T) {
	running(t, []string{"a"}, func(t *testing.T, m *memory, fakes []*fake, logged records) {
		began := time.Now()
		after(3 * time.Hour)
		if got := fakes[0].log(); !slices.Equal(got, []string{"0→3: 200", "3→3: 200", "3→3: 200", "3→3: 200"}) {
			t.Errorf("asked %q", got)
		}
		if _, at, _ := m.Cosigned(t.Context(), fakes[0].vkey()); at.Sub(began) < 3*time.Hour-time.Second {
			t.Errorf("the newest cosignature is of %s", at)
		}
	})
}

// A dead witness costs only its own line, and is asked less and less often.
func TestDeadWitness(t *testing.T) {
	running(t, []string{"a", "b"}, func(t *testing.T, m *memory, fakes []*fake, logged records) {
		dead, alive := fakes[0], fakes[1]
		dead.set(func() { dead.hang = true })
		for range 600 {
			m.grow(1)
			after(time.Second)
		}
		if size, times := m.keptBy(alive); size < uint64(m.size)-1 || times < 600 {
			t.Errorf("the living one: %d of %d, %d times", size, m.size, times)
		}
		if size, _ := m.keptBy(dead); size != 3 {
			t.Errorf("the dead one has cosigned %d", size)
		}
		// 5 s of waiting for the answer, then 1, 2, 4, … 60 s.
		lines := logged.all()
		if len(lines) < 10 || len(lines) > 20 {
			t.Errorf("%d failures logged", len(lines))
		}
		for _, l := range lines {
			if !strings.HasPrefix(l, "WARN no cosignature") || !strings.Contains(l, "witness a") {
				t.Errorf("logged %q", l)
			}
		}
		dead.set(func() { dead.hang = false })
		after(maxBackoff + 5*time.Second)
		if size, _ := m.keptBy(dead); size != uint64(m.size) {
			t.Errorf("back again, it has cosigned %d of %d", size, m.size)
		}
		if got := dead.log(); got[len(got)-1] != "3→"+strings.Split(alive.log()[len(alive.log())-1], "→")[1] {
			t.Errorf("caught up by %q", got)
		}
		lines = logged.all()
		if l := lines[len(lines)-1]; !strings.HasPrefix(l, "INFO the witness answers again") {
			t.Errorf("last logged %q", l)
		}
	})
}

// A witness slower than the interval gets checkpoints that others have cosigned too, so that their
// lines meet on one checkpoint.
func TestSlowWitnessMeetsTheOthers(t *testing.T) {
	running(t, []string{"slow", "fast"}, func(t *testing.T, m *memory, fakes []*fake, _ records) {
		slow, fast := fakes[0], fakes[1]
		seen := map[uint64]bool{} // by the fast one
		slow.set(func() {
			slow.hang = true // every request takes 5 s and fails, then a second's pause
		})
		for range 10 {
			m.grow(1)
			after(700 * time.Millisecond)
			size, _ := m.keptBy(fast)
			seen[size] = true
		}
		slow.set(func() { slow.hang = false })
		for range 70 {
			m.grow(1)
			after(700 * time.Millisecond)
			size, _ := m.keptBy(fast)
			seen[size] = true
			if s, _ := m.keptBy(slow); s > 3 && !seen[s] {
				t.Fatalf("the slow one cosigned %d, which the fast one never saw", s)
			}
		}
		if s, _ := m.keptBy(slow); s == 3 {
			t.Error("the slow one cosigned nothing")
		}
	})
}

func TestOutageOfTheDatabase(t *testing.T) {
	running(t, []string{"a"}, func(t *testing.T, m *memory, fakes []*fake, logged records) {
		m.mu.Lock()
		m.away = errors.New("away")
		m.mu.Unlock()
		after(time.Minute)
		if l := logged.all(); len(l) != 1 || !strings.Contains(l[0], "away") {
			t.Errorf("logged %q, want one line", l)
		}
		m.mu.Lock()
		m.away = nil
		m.mu.Unlock()
		m.grow(1)
		after(time.Second)
		if size, _ := m.keptBy(fakes[0]); size != 4 {
			t.Errorf("after the outage %d is cosigned", size)
		}
	})
}

// Two replicas may do the same work. Nothing is lost, and the later one finds it done.
func TestReplicas(t *testing.T) {
	running(t, []string{"a", "b"}, func(t *testing.T, m *memory, fakes []*fake, logged records) {
		after(490 * time.Millisecond)
		second := client(t, slog.New(logged), fakes...)
		ctx, cancel := context.WithCancel(t.Context())
		done := make(chan struct{})
		go func() { second.Run(ctx, m); close(done) }()
		for range 20 {
			m.grow(2)
			after(time.Second)
		}
		cancel()
		<-done
		for _, w := range fakes {
			if size, _ := m.keptBy(w); size != uint64(m.size) {
				t.Errorf("%s has cosigned %d of %d", w.name, size, m.size)
			}
			if asked := w.log(); len(asked) != 21 { // once for each size
				t.Errorf("%s was asked %d times: %q", w.name, len(asked), asked)
			}
		}
		if l := logged.all(); len(l) > 0 {
			t.Errorf("logged %q", l)
		}
	})
}

// A witness that has seen another tree is heard each time it says so, and no other failure is taken
// for that.
func TestContradicted(t *testing.T) {
	running(t, []string{"a"}, func(t *testing.T, m *memory, fakes []*fake, _ records) {
		fakes[0].set(func() { fakes[0].hang = true })
		m.grow(1)
		after(time.Minute)
		m.mu.Lock()
		early := m.contrary
		m.mu.Unlock()
		if len(early) > 0 {
			t.Errorf("a witness that hangs contradicts: %v", early)
		}
		m.restore(2)
		m.grow(3)
		fakes[0].set(func() { fakes[0].hang = false })
		after(2 * time.Minute)
		m.mu.Lock()
		defer m.mu.Unlock()
		if len(m.contrary) == 0 || !errors.Is(m.contrary[0], ErrInconsistent) {
			t.Errorf("after a restored backup: %v", m.contrary)
		}
	})
}
