package tree

import (
	"slices"
	"strings"
	"sync"
)

// MaxBundle is how much a Bundle keeps, in bytes of JSON. Resources beyond it are not kept, so
// references to them stay unresolved.
const MaxBundle = 32 << 20

// Bundle keeps of the resources of one FHIR Bundle what says who or what they are: the reader of an
// event or a consent needs no more of what its references name. The nil Bundle has no resources.
// Its methods may be called concurrently.
type Bundle struct {
	mu       sync.Mutex
	byURL    map[string][]*kept
	byName   map[string][]*kept // Type/id
	byNumber map[string][]*kept // system|value
	parsed   map[*kept]Object
	size     int
}

// kept is one resource of a Bundle.
type kept struct {
	typ, id, version, updated string
	url                       string // fullUrl without version
	based                     bool   // the fullUrl names a server
	text                      string // JSON
}

// keptMembers are the members of a resource that are kept.
var keptMembers = []string{
	"resourceType", "id", "identifier", "name", "alias", "telecom", "address", "birthDate", "contact", "link",
	"patient", "subject", "practitioner", "organization", "managingOrganization", "partOf", "owner", "relationship",
	"code", "specialty", "type", "deviceName", "active", "providedBy", "location", "healthcareService",
	"beneficiary", "for", "individual", "participant", "managingEntity",
}

// maxParsed bounds the resources that are held as trees as well.
const maxParsed = 64

// Add adds a resource with the fullUrl of its entry. It reports whether there was room.
func (b *Bundle) Add(url string, resource Object) bool {
	part := Object{}
	for _, name := range keptMembers {
		if v, ok := resource[name]; ok {
			part[name] = v
		}
	}
	text, err := Write(part)
	b.mu.Lock()
	defer b.mu.Unlock()
	if err != nil || b.size+len(text)+len(url) > MaxBundle {
		return false
	}
	b.size += len(text) + len(url)
	meta := Child(resource, "meta")
	k := &kept{typ: Text(resource, "resourceType"), id: Text(resource, "id"), version: Text(meta, "versionId"),
		updated: Text(meta, "lastUpdated"), url: fold(url), text: string(text)}
	if base, typ, id := ParseReference(url); typ != "" {
		k.url, k.based = strings.TrimPrefix(base+"/"+typ+"/"+id, "/"), base != ""
	}
	if b.byURL == nil {
		b.byURL, b.byName, b.byNumber = map[string][]*kept{}, map[string][]*kept{}, map[string][]*kept{}
	}
	if k.url != "" {
		add(b.byURL, k.url, k)
	}
	if k.id != "" {
		add(b.byName, k.typ+"/"+k.id, k)
	}
	for _, i := range Objects(resource, "identifier") {
		add(b.byNumber, Text(i, "system")+"|"+Text(i, "value"), k)
	}
	return true
}

// add adds a resource, unless the same one is there.
func add(m map[string][]*kept, key string, k *kept) {
	if !slices.ContainsFunc(m[key], func(o *kept) bool { return o.text == k.text && o.url == k.url && o.version == k.version }) {
		m[key] = append(m[key], k)
	}
}

// fold writes a fullUrl as it compares: UUIDs are written in both cases.
func fold(url string) string {
	if len(url) > 9 && strings.EqualFold(url[:9], "urn:uuid:") {
		return strings.ToLower(url)
	}
	return url
}

// find returns the resource that a Reference of a root on the server base names.
func (b *Bundle) find(ref Object, base string) *kept {
	if b == nil {
		return nil
	}
	b.mu.Lock()
	defer b.mu.Unlock()
	r := Text(ref, "reference")
	if typ, identifier, ok := Conditional(r); ok {
		return b.identified(typ, identifier)
	}
	if r == "" {
		return b.identified(Text(ref, "type"), Child(ref, "identifier"))
	}
	return b.literal(r, base)
}

func (b *Bundle) literal(ref, base string) *kept {
	of, typ, id := ParseReference(ref)
	if typ == "" {
		return newest(b.byURL[fold(ref)], "")
	}
	_, version, _ := strings.Cut(ref, "/_history/")
	name := typ + "/" + id
	if of == "" {
		of = base
	}
	if of != "" {
		if found := newest(b.byURL[of+"/"+name], version); found != nil {
			return found
		}
		if of != base {
			return nil
		}
	}
	var fits []*kept
	for _, k := range b.byName[name] {
		if of == "" || !k.based {
			fits = append(fits, k)
		}
	}
	return newest(fits, version)
}

// identified returns the only resource of a type, "" for any, that has an identifier with a system.
func (b *Bundle) identified(typ string, identifier Object) *kept {
	system, value := Text(identifier, "system"), Text(identifier, "value")
	if system == "" || value == "" {
		return nil
	}
	var fits []*kept
	for _, k := range b.byNumber[system+"|"+value] {
		if typ == "" || k.typ == typ {
			fits = append(fits, k)
		}
	}
	return newest(fits, "")
}

// newest returns the only resource of a list; of several versions of one resource, the version
// asked for, else the newest. If the list holds different resources, it returns nil.
func newest(list []*kept, version string) *kept {
	var best *kept
	for _, k := range list {
		switch {
		case best == nil:
			best = k
		case k.typ != best.typ || k.id != best.id || k.url != best.url || k.id == "":
			return nil
		case best.version == version && version != "": // the one asked for
		case k.version == version && version != "", k.updated > best.updated:
			best = k
		case k.updated == best.updated && k.text != best.text: // which of them is newer, nobody says
			return nil
		}
	}
	return best
}

// tree returns a copy: a reader may turn what it has read into a residue.
func (b *Bundle) tree(k *kept) Object {
	b.mu.Lock()
	defer b.mu.Unlock()
	if o := b.parsed[k]; o != nil {
		return Clone(o).(Object)
	}
	v, err := Parse("Bundle.entry.resource", []byte(k.text))
	o, _ := v.(Object)
	if err != nil {
		return nil // impossible: Write made it
	}
	if len(b.parsed) >= maxParsed || b.parsed == nil {
		b.parsed = map[*kept]Object{}
	}
	b.parsed[k] = o
	return Clone(o).(Object)
}
