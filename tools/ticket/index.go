package ticket

import (
	"slices"
	"strings"

	"github.com/fjbelchi/localmodel/internal/lazy"
)

// Index finds tickets by the references that people write: in any case, with or
// without "#", "task-" and leading zeros, and by number alone after a tracker's prefix
// was changed.
type Index struct {
	exact, loose, local map[string][]Entry
	number              map[string][]Entry
	prefixes            map[string]bool
}

// Entry is one ticket of an Index.
type Entry struct {
	ID   string
	Open bool
}

// NewIndex makes an empty index.
func NewIndex() *Index {
	return &Index{exact: map[string][]Entry{}, loose: map[string][]Entry{}, local: map[string][]Entry{},
		number: map[string][]Entry{}, prefixes: map[string]bool{}}
}

// Add takes a ticket up. An id that is there already keeps both: the open one wins.
func (x *Index) Add(id string, open bool) {
	e := Entry{id, open}
	put := func(m map[string][]Entry, key string) {
		if key != "" && len(m[key]) < 10 {
			m[key] = append(m[key], e)
		}
	}
	put(x.exact, strings.ToLower(id))
	put(x.loose, looseID(id))
	if at := strings.LastIndexByte(id, '/'); at >= 0 {
		put(x.local, looseID(id[at+1:]))
		return
	}
	if prefix, number := prefixNumber(id); number != "" {
		x.prefixes[prefix] = true
		put(x.number, number)
	}
}

// Find gives the ticket that a reference means. renamed allows another prefix before
// the same number, where that is the only ticket with it; other says that it was so.
func (x *Index) Find(ref string, renamed bool) (e Entry, found, other bool) {
	for _, list := range [][]Entry{x.exact[strings.ToLower(ref)], x.loose[looseID(ref)]} {
		if e, ok := openFirst(list); ok {
			return e, true, false
		}
	}
	if local := x.local[looseID(ref)]; !strings.Contains(ref, "/") && !isNumberDots(ref) && sameID(local) {
		e, ok := openFirst(local)
		return e, ok, false
	}
	if at := strings.LastIndexByte(ref, '/'); at >= 0 { // a wave that leaves the folder out
		if e, ok := openFirst(x.loose[looseID(ref[at+1:])]); ok && !isNumberDots(ref[at+1:]) {
			return e, true, false
		}
	}
	prefix, number := prefixNumber(ref)
	if !renamed || number == "" || prefix == "" || x.prefixes[prefix] || len(x.prefixes) != 1 ||
		!sameID(x.number[number]) {
		return Entry{}, false, false
	}
	e, ok := openFirst(x.number[number])
	return e, ok, ok
}

func openFirst(list []Entry) (Entry, bool) {
	if len(list) == 0 {
		return Entry{}, false
	}
	return list[max(0, slices.IndexFunc(list, func(e Entry) bool { return e.Open }))], true
}

// sameID: the entries are one ticket's.
func sameID(list []Entry) bool {
	return len(list) > 0 && !slices.ContainsFunc(list, func(e Entry) bool { return e.ID != list[0].ID })
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
