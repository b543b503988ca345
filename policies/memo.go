package policies

import "sync"

// maxRemembered bounds the bytes of keys in each of a memo's two halves: about ten thousand
// decisions.
const maxRemembered = 4 << 20

// memo remembers decisions in two halves. When the newer half is full it becomes the older one, and
// the older is forgotten, so that frequent questions stay. The zero value is empty and ready to
// use. It is safe for concurrent use.
type memo struct {
	mu           sync.RWMutex
	newer, older map[string]Decision
	bytes        int // of the keys in newer
}

func (m *memo) get(key []byte) (Decision, bool) {
	m.mu.RLock()
	d, ok := m.newer[string(key)]
	old := false
	if !ok {
		d, ok = m.older[string(key)]
		old = ok
	}
	m.mu.RUnlock()
	if old {
		m.put(key, d)
	}
	return d, ok
}

func (m *memo) put(key []byte, d Decision) {
	m.mu.Lock()
	defer m.mu.Unlock()
	if _, ok := m.newer[string(key)]; ok {
		return
	}
	if m.newer == nil || m.bytes+len(key) > maxRemembered {
		m.older = m.newer
		m.newer = map[string]Decision{}
		m.bytes = 0
	}
	m.newer[string(key)] = d
	m.bytes += len(key)
}
