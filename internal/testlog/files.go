package testlog

import (
	"encoding/binary"
	"encoding/json"
	"net/http"
	"os"
	"path/filepath"
	"strings"

	"golang.org/x/mod/sumdb/tlog"

	"igledger/ledger/entry"
	"igledger/ledger/wire"
)

// Files returns the files of the log at its present size, in the layout of C2SP tlog-tiles: path
// without leading slash -> content.
func (l *Log) Files() map[string][]byte { return l.FilesAt(l.Size()) }

// FilesAt returns the files of the log when it had size leaves.
func (l *Log) FilesAt(size uint64) map[string][]byte {
	files := map[string][]byte{"checkpoint": l.Checkpoint(size)}
	for _, t := range tlog.NewTiles(8, 0, int64(size)) {
		files[c2spPath(t)] = must(tlog.ReadTileData(t, l.reader()))
		if t.L == 0 {
			t.L = -1
			files[c2spPath(t)] = Bundle(l.Leaves[t.N<<8 : t.N<<8+int64(t.W)])
		}
	}
	return files
}

// Bundle returns an entry bundle.
func Bundle(leaves [][]byte) []byte {
	var b []byte
	for _, leaf := range leaves {
		b = binary.BigEndian.AppendUint16(b, uint16(len(leaf)))
		b = append(b, leaf...)
	}
	return b
}

// c2spPath turns x/mod's "tile/8/0/x001/234" and "tile/8/data/…" into C2SP's "tile/0/x001/234" and
// "tile/entries/…".
func c2spPath(t tlog.Tile) string {
	t.H = 8
	p := strings.Replace(t.Path(), "tile/8/", "tile/", 1)
	return strings.Replace(p, "tile/data/", "tile/entries/", 1)
}

// WriteFiles writes files below dir.
func WriteFiles(dir string, files map[string][]byte) {
	for path, data := range files {
		p := filepath.Join(dir, filepath.FromSlash(path))
		if err := os.MkdirAll(filepath.Dir(p), 0o755); err != nil {
			panic(err)
		}
		if err := os.WriteFile(p, data, 0o600); err != nil {
			panic(err)
		}
	}
}

// Handler serves files below prefix ("" or "/x").
func Handler(prefix string, files map[string][]byte) http.Handler {
	return http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) {
		path, ok := strings.CutPrefix(r.URL.Path, prefix+"/")
		data, have := files[path]
		if !ok || !have {
			http.NotFound(w, r)
			return
		}
		w.Header().Set("Content-Type", "application/octet-stream")
		w.Write(data)
	})
}

// Sample is a log in which Board "lothian" reports accesses to the records of three people. A
// second key is added and the first one revoked.
type Sample struct {
	*Log
	Source   *wire.Signer // lothian's first key, revoked at Revoked
	Second   *wire.Signer // lothian's second key
	IDs      []string     // people
	Accesses []uint64     // indices
	Revoked  uint64       // index of the revocation
}

// NewSample returns a sample: genesis, organisation, key, accesses, second key, revocation of the
// first, accesses by the second.
func NewSample(origin string) *Sample { return NewSampleOn(New(origin)) }

// NewSampleOn makes a sample of a log that has only a genesis.
func NewSampleOn(l *Log) *Sample {
	return NewSampleAbout(l, "chi:0101011237", "nhs:9434765919", "temp:lothian:A-17")
}

// NewSampleAbout makes a sample with accesses to the records of ids.
func NewSampleAbout(l *Log, ids ...string) *Sample {
	s := &Sample{Log: l, Source: Signer(wire.EdDSA), Second: Signer(wire.ES256), IDs: ids}
	s.AddPublic(s.Organisation("lothian", s.Registrar, s.Enroller))
	s.AddPublic(s.AddKey("lothian", s.Source, entry.PurposeSubmit))
	for _, id := range s.IDs {
		s.Accesses = append(s.Accesses, s.AddSealed(s.Access("lothian", s.Source, id), id))
	}
	s.AddPublic(s.AddKey("lothian", s.Second, entry.PurposeAgreements, entry.PurposeSubmit))
	s.Revoked = s.AddPublic(s.Revocation("lothian", s.Source.KID))
	for _, id := range s.IDs {
		s.Accesses = append(s.Accesses, s.AddSealed(s.Access("lothian", s.Second, id), id))
	}
	return s
}

// JSON returns a receipt or opening in the form of the ledger's API.
func JSON(v any) []byte { return must(json.Marshal(v)) }
