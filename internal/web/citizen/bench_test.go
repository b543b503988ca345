package citizen_test

import (
	"fmt"
	"net/http"
	"net/http/httptest"
	"syscall"
	"testing"
	"time"

	"igledger/internal/testledger"
	"igledger/internal/web/signin/signintest"
	"igledger/ledger/entry"
)

// fill appends accesses to id's record.
func (w *world) fill(t testing.TB, id string, count int) {
	var batch []*entry.Entry
	for n := range count {
		e, err := entry.Sign(w.key, &entry.Access{
			Common: entry.Common{Issuer: "TST", Audience: testledger.Origin}, Source: "EPR", Action: "R", Outcome: "0",
			Data: []string{"http://hl7.org/fhir/resource-types|Observation"}, Purpose: []string{[]string{"TREAT", "PATADMIN", "HMARKT"}[n%3]},
			Role: []string{"Nurse"}, Staff: &entry.Staff{ID: fmt.Sprint("N", n%97), Name: "Nurse Ailsa Invent"},
			Recorded: now.Add(-time.Duration(n) * 2 * time.Hour).Format(time.RFC3339), Sub: id,
		})
		ok(t, err)
		if batch = append(batch, e); len(batch) == 2048 || n == count-1 {
			for _, r := range w.Log.Append(t.Context(), batch...) {
				ok(t, r.Err)
			}
			batch = batch[:0]
		}
	}
}

// cpuTime returns the processor time that this process has used. On a machine that does other work too,
// it says more than the clock.
func cpuTime() time.Duration {
	var u syscall.Rusage
	_ = syscall.Getrusage(syscall.RUSAGE_SELF, &u)
	return time.Duration(u.Utime.Nano() + u.Stime.Nano())
}

// BenchmarkList makes pages of the list of a person with 10,000 accesses whose history is in memory,
// each within one session, and then the first page of people with 100 accesses, each with a sign-in
// of their own, so that each has to be read and the reading logged.
func BenchmarkList(b *testing.B) {
	w := newWorld(b)
	w.fill(b, morag, 10_000)
	get := func(b *testing.B, cookie *http.Cookie, path string) {
		r := httptest.NewRequest("GET", path, nil)
		r.Header.Set("Accept", "text/html")
		r.AddCookie(cookie)
		rec := httptest.NewRecorder()
		w.server.Config.Handler.ServeHTTP(rec, r)
		if rec.Code != 200 {
			b.Fatalf("%s: %d", path, rec.Code)
		}
	}
	var cookie *http.Cookie
	used := 0
	morags := func(b *testing.B) *http.Cookie { // a session may not ask as often as this does
		if used++; used%50 == 1 {
			cookie = w.signin.Cookie(b, signintest.Citizen(morag, "Morag Example"))
		}
		return cookie
	}
	get(b, morags(b), "/you")
	for name, path := range map[string]string{
		"first": "/you", "next": "/you?page=2", "filtered": "/you?why=TREAT&covered=yes", "access": "/you/access/100",
	} {
		b.Run(name, func(b *testing.B) {
			var cpu time.Duration
			n := 0
			for b.Loop() {
				b.StopTimer()
				c, began := morags(b), cpuTime()
				b.StartTimer()
				get(b, c, path)
				cpu += cpuTime() - began
				n++
			}
			b.ReportMetric(float64(cpu.Microseconds())/1000/float64(n), "cpu-ms/page")
		})
	}
	b.Run("people", func(b *testing.B) {
		const people = 200
		cookies := make([]*http.Cookie, people)
		for n := range cookies {
			id := fmt.Sprintf("temp:TST:%d", n)
			w.fill(b, id, 100)
			u := signintest.Citizen(id, "Somebody")
			u.Session = fmt.Sprint("session ", n)
			cookies[n] = w.signin.Cookie(b, u)
		}
		b.ResetTimer()
		began, cpu := time.Now(), cpuTime()
		next := make(chan *http.Cookie, people)
		for _, c := range cookies {
			next <- c
		}
		close(next)
		b.RunParallel(func(pb *testing.PB) {
			for pb.Next() {
				if c, more := <-next; more {
					get(b, c, "/you")
				}
			}
		})
		seen := float64(people - len(next))
		b.ReportMetric(seen/time.Since(began).Seconds(), "people/s")
		b.ReportMetric(float64((cpuTime()-cpu).Microseconds())/1000/seen, "cpu-ms/person")
	})
}
