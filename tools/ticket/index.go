package ticket

import (
	"strings"

	"github.com/fjbelchi/localmodel/internal/lazy"
)

// Index finds tickets by the references that people write: in any case, with or
// without "#", "task-" and leading zeros, and by number alone after a tracker's prefix
// was changed.
type Index struct {
	exact, loose, local, number map[string]slot
	prefixes                    map[string]bool
}

// Entry is one ticket of an Index.
type Entry struct {
	ID   string
	Open bool
}

// slot is the first open ticket of a key, or the first; mixed: there are others.
type slot struct {
	Entry
	mixed bool
}

// NewIndex makes an empty index.
func NewIndex() *Index {
	return &Index{exact: map[string]slot{}, loose: map[string]slot{}, local: map[string]slot{},
		number: map[string]slot{}, prefixes: map[string]bool{}}
}

// Add takes a ticket up. An id that is there already keeps both: the open one wins.
func (x *Index) Add(id string, open bool) {
	put := func(m map[string]slot, key string) {
		s, taken := m[key]
		s.mixed = taken && (s.mixed || s.ID != id)
		if !taken || open && !s.Open {
			s.Entry = Entry{id, open}
		}
		if key != "" {
			m[key] = s
		}
	}
	put(x.exact, strings.ToLower(id))
	put(x.loose, looseID(id))
	if at := strings.LastIndexByte(id, '/'); at >= 0 {
		put(x.local, looseID(id[at+1:]))
	} else if prefix, number := prefixNumber(id); number != "" {
		x.prefixes[prefix] = true
		put(x.number, number)
	}
}

// Find gives the ticket that a reference means. renamed allows another prefix before
// the same number, where that is the only ticket with it; other says that it was so.
func (x *Index) Find(ref string, renamed bool) (e Entry, found, other bool) {
	if s, ok := x.exact[strings.ToLower(ref)]; ok {
		return s.Entry, true, false
	}
	if s, ok := x.loose[looseID(ref)]; ok {
		return s.Entry, true, false
	}
	last := ref[strings.LastIndexByte(ref, '/')+1:]
	s, ok := x.loose[looseID(last)] // a wave that leaves the folder out
	if last == ref {
		s, ok = x.local[looseID(ref)]
		ok = ok && !s.mixed
	}
	if ok && !isNumberDots(last) {
		return s.Entry, true, false
	}
	prefix, number := prefixNumber(ref)
	s, ok = x.number[number]
	if !renamed || !ok || s.mixed || prefix == "" || x.prefixes[prefix] || len(x.prefixes) != 1 {
		return Entry{}, false, false
	}
	return s.Entry, true, true
}

var leadingZeros = lazy.Regexp(`(^|[^0-9])0+([1-9])`)

// looseID is an id without case, "#", "task-" and the leading zeros of its numbers.
func looseID(id string) string {
	id = strings.TrimPrefix(strings.ToLower(strings.TrimSpace(id)), "#")
	return leadingZeros().ReplaceAllString(strings.TrimPrefix(id, "task-"), "$1$2")
}

// prefixNumber splits back-12.1 into back and 12.1; number "" = the id has another
// shape.
func prefixNumber(id string) (prefix, number string) {
	id = strings.ToLower(strings.TrimSpace(id))
	at := strings.LastIndexByte(id, '-')
	if at <= 0 || !isNumberDots(id[at+1:]) {
		return "", ""
	}
	return id[:at], looseID(id[at+1:])
}
