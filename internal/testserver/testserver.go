// Package testserver serves a log of package testlog over the part of the API that an auditor uses.
// It is honest unless a test changes it. It is for tests.
package testserver

import (
	"encoding/json"
	"io"
	"maps"
	"net/http"
	"net/http/httptest"
	"strconv"
	"strings"
	"sync"
	"testing"

	"igledger/internal/client"
	"igledger/internal/testlog"
	"igledger/ledger/proof"
	"igledger/ledger/proof/cosign"
	"igledger/verifier"
)

// Server is the server. Tests must change its fields only within Change, and read them only when no
// request is under way.
type Server struct {
	*httptest.Server
	Posted   chan proof.Checkpoint                                  // what was cosigned
	Files    map[string][]byte                                      // by path, as C2SP tlog-tiles has them
	Size     uint64                                                 // of the newest checkpoint
	Anchor   uint64                                                 // size of the checkpoint offered; 0: none
	Feed     func(at uint64, rec proof.FeedRecord) proof.FeedRecord // nil: as it is
	Refuse   map[string]int                                         // status by path prefix
	Asked    []string                                               // paths of the API, in order
	Openings []uint64                                               // indices of openings that were requested one by one
	Bulked   []uint64                                               // first indices of the pages of openings requested

	t       testing.TB
	auditor string // verifier key
	mu      sync.Mutex
	log     *testlog.Log
	lines   map[string]string // the auditor's cosignatures, by the note that they are on
}

// New returns a server of l that accepts the cosignatures of the auditor with this verifier key. It
// ends with the test.
func New(t testing.TB, l *testlog.Log, auditor string) *Server {
	s := &Server{t: t, auditor: auditor, Posted: make(chan proof.Checkpoint, 1000), Refuse: map[string]int{}, lines: map[string]string{}}
	s.Show(l, l.Size())
	s.Server = httptest.NewServer(http.HandlerFunc(s.answer))
	t.Cleanup(s.Close)
	return s
}

// Show makes the server serve this log at this size from now on, with the newest anchor at this
// size.
func (s *Server) Show(l *testlog.Log, size uint64) {
	s.Change(func() { s.Grow(l, size, l.Anchor(size)) })
}

// Grow is Show within Change, with an anchor of the test's choice.
func (s *Server) Grow(l *testlog.Log, size, anchor uint64) {
	files := map[string][]byte{}
	if anchor > 0 {
		files = l.FilesAt(anchor)
	}
	maps.Copy(files, l.FilesAt(size))
	s.log, s.Size, s.Anchor, s.Files = l, size, anchor, files
}

// Change calls f between two requests, so that f can change what the server does.
func (s *Server) Change(f func()) {
	s.mu.Lock()
	defer s.mu.Unlock()
	f()
}

func (s *Server) answer(w http.ResponseWriter, r *http.Request) {
	s.mu.Lock()
	defer s.mu.Unlock()
	for prefix, status := range s.Refuse {
		if strings.HasPrefix(r.URL.Path, prefix) {
			w.WriteHeader(status)
			return
		}
	}
	path := strings.TrimPrefix(r.URL.Path, "/")
	if strings.HasPrefix(path, "v1/") {
		s.Asked = append(s.Asked, path)
	}
	number := func(prefix string) (uint64, bool) {
		n, ok := strings.CutPrefix(path, prefix)
		i, err := strconv.ParseUint(n, 10, 64)
		return i, ok && err == nil && strings.HasPrefix(r.Header.Get("Authorization"), "Bearer ")
	}
	if at, ok := number("v1/feed/"); ok {
		for i := at; i < min(s.log.Size(), at+proof.MaxFeedRecords); i++ {
			var rec proof.FeedRecord
			if o := s.log.Openings[i]; o != nil {
				rec = proof.FeedRecord{TagSalt: o.TagSalt, Tag: o.Tag}
			}
			if s.Feed != nil {
				rec = s.Feed(i, rec)
			}
			w.Write(rec.Append(nil))
		}
		return
	}
	if path == "v1/openings" && strings.HasPrefix(r.Header.Get("Authorization"), "Bearer ") {
		s.bulk(w, r.URL.Query().Get("from"))
		return
	}
	if at, ok := number("v1/openings/"); ok && s.log.Openings[at] != nil {
		s.Openings = append(s.Openings, at)
		json.NewEncoder(w).Encode(s.log.Openings[at])
		return
	}
	switch path {
	case "v1/log":
		info := client.LogInfo{Origin: s.log.Origin, LogKey: s.log.Key, Size: s.Size}
		if s.Anchor > 0 {
			note := string(s.log.Checkpoint(s.Anchor))
			info.Anchor = note + s.lines[note]
		}
		json.NewEncoder(w).Encode(info)
	case "v1/cosignatures":
		s.cosigned(w, r)
	default:
		data, ok := s.Files[path]
		if !ok {
			http.NotFound(w, r)
			return
		}
		w.Write(data)
	}
}

// bulk serves a few openings as JSON lines, without VRF proofs, and null for public leaves.
func (s *Server) bulk(w io.Writer, from string) {
	at, err := strconv.ParseUint(from, 10, 64)
	if err != nil {
		s.t.Error(err)
	}
	s.Bulked = append(s.Bulked, at)
	for i := at; i < min(s.log.Size(), at+7); i++ {
		o := s.log.Openings[i]
		if o != nil {
			bare := *o
			bare.VRFProof, o = nil, &bare
		}
		w.Write(append(testlog.JSON(o), '\n'))
	}
}

func (s *Server) cosigned(w http.ResponseWriter, r *http.Request) {
	note, _ := io.ReadAll(r.Body)
	log, err := verifier.LogKey(s.log.Key)
	if err != nil {
		s.t.Error(err)
	}
	head, err := proof.OpenCheckpoint(note, log)
	if err != nil {
		s.t.Errorf("a cosignature on a bad checkpoint: %v", err)
	}
	who, err := cosign.New("one", s.auditor)
	if err != nil {
		s.t.Error(err)
	}
	good, bad := cosign.Read(note, head, []*cosign.Cosigner{who})
	if len(good) != 1 || len(bad) != 0 {
		s.t.Errorf("%d good cosignatures, %d bad ones, want one", len(good), len(bad))
	} else {
		s.lines[strings.TrimSuffix(string(note), good[0].Line)] = good[0].Line
	}
	s.Posted <- head
	json.NewEncoder(w).Encode(client.Cosigners{Cosigners: []string{"one"}})
}

// CosignedSizes returns the sizes that were cosigned since the last call.
func (s *Server) CosignedSizes() (sizes []uint64) {
	for {
		select {
		case head := <-s.Posted:
			sizes = append(sizes, head.Size)
		default:
			return sizes
		}
	}
}
