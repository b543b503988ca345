// Package edge bounds what strangers can make an HTTP server hold: connections, and the bytes of
// request bodies that have arrived. It knows nothing of what is served.
//
// What it promises: no peer has more than its share of either, however it spells its requests and
// however slowly it sends them. A connection that does nothing makes room for a new one. Callers
// with a valid token have a share of the memory for bodies that others cannot use up.
//
// What it does not promise: that an attacker with very many addresses is stopped. That is the work
// of what stands in front of the server.
package edge

import (
	"cmp"
	"net"
	"net/netip"
	"strings"
	"time"
)

// Limits are the bounds. The zero value of each stands for its default.
type Limits struct {
	Connections     int // at once; default 4,096
	PeerConnections int // at once from one peer; default 512

	BodyBytes     int64 // of request bodies, at once; default 64 MiB
	PeerBodyBytes int64 // of the request bodies of one peer; default 24 MiB
	ReservedBytes int64 // of BodyBytes, only for callers with a valid token; default a quarter

	// Every BodyGrace, default 5 s, a body must come to its end or bring BodyRate bytes for each
	// second, default 32 KiB.
	BodyGrace time.Duration
	BodyRate  int64

	// Proxies are the addresses of proxies in front of the server. They may have any number of
	// connections, and a request through them is from the last address in X-Forwarded-For that is
	// not one of theirs. From others that header is ignored.
	Proxies []netip.Prefix
}

// OrDefault returns the limits with their defaults.
func (l Limits) OrDefault() Limits {
	l.Connections = cmp.Or(l.Connections, 4096)
	l.PeerConnections = cmp.Or(l.PeerConnections, 512)
	l.BodyBytes = cmp.Or(l.BodyBytes, 64<<20)
	l.PeerBodyBytes = cmp.Or(l.PeerBodyBytes, 24<<20)
	l.ReservedBytes = cmp.Or(l.ReservedBytes, l.BodyBytes/4)
	l.BodyGrace = cmp.Or(l.BodyGrace, 5*time.Second)
	l.BodyRate = cmp.Or(l.BodyRate, 32<<10)
	return l
}

// peerOf returns who is at an address as far as limits are concerned: an IPv4 address, or the first
// 64 bits of an IPv6 address, since each customer has that many to choose from.
func peerOf(a netip.Addr) string {
	a = a.Unmap().WithZone("")
	switch {
	case !a.IsValid():
		return "unknown"
	case a.Is4():
		return a.String()
	}
	p, _ := a.Prefix(64) // cannot fail: IPv6 addresses have more bits
	return p.String()
}

func addrOf(remote string) netip.Addr {
	host, _, err := net.SplitHostPort(remote)
	if err != nil {
		host = remote
	}
	a, _ := netip.ParseAddr(host)
	return a.Unmap()
}

func (l Limits) proxy(a netip.Addr) bool {
	for _, p := range l.Proxies {
		if p.Contains(a) {
			return true
		}
	}
	return false
}

// Peer returns who sent a request: the peer of its connection or, behind one of Proxies, of the
// last address in X-Forwarded-For that is not a proxy's.
func (l Limits) Peer(remote string, forwarded []string) string {
	a := addrOf(remote)
	list := strings.Split(strings.Join(forwarded, ","), ",")
	for i := len(list) - 1; i >= 0 && l.proxy(a); i-- {
		next, err := netip.ParseAddr(strings.TrimSpace(list[i]))
		if err != nil {
			break
		}
		a = next.Unmap()
	}
	return peerOf(a)
}
