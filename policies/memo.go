package policies

import "sync"

// maxRemembered is how many bytes of keys each of a memo's two halves holds: some ten thousand decisions.
const maxRemembered = 4 << 20

// memo remembers decisions. It holds two halves: when the newer is full it becomes the older, and the older is forgotten, so that what is asked often
// stays. The zero value is empty.
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
		m.newer, m.older, m.bytes = map[string]Decision{}, m.newer, 0
	}
	m.newer[string(key)] = d
	m.bytes += len(key)
}
