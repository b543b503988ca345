package policies

import "sync"

// maxRemembered bounds the bytes of keys in each of a memo's two halves: about ten thousand
// decisions.
const maxRemembered = 4 << 20

// outcomes is what the rules say of an access, for each choice of the person.
type outcomes [choices]outcome

// memo remembers outcomes in two halves. When the newer half is full it becomes the older one, and
// the older is forgotten, so that frequent questions stay. The zero value is empty and ready to
// use. It is safe for concurrent use.
type memo struct {
	mu           sync.RWMutex
	newer, older map[string]*outcomes
	bytes        int // of the keys in newer
}

func (m *memo) get(key []byte) (*outcomes, bool) {
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

func (m *memo) put(key []byte, d *outcomes) {
	m.mu.Lock()
	defer m.mu.Unlock()
	if _, ok := m.newer[string(key)]; ok {
		return
	}
	if m.newer == nil || m.bytes+len(key) > maxRemembered {
		m.older = m.newer
		m.newer = map[string]*outcomes{}
		m.bytes = 0
	}
	m.newer[string(key)] = d
	m.bytes += len(key)
}
