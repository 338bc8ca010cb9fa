package stdio

import (
	"encoding/json"
	"maps"
	"math"
	"slices"
	"strconv"
	"sync"
)

type request struct {
	id       string          // ours, unique in the session
	original json.RawMessage // the client's
	key      string          // the client's, comparable
	token    json.RawMessage // the client's progress token, nil = none
	method   string
	size     int // bytes of its line

	canceled bool // it must not start any more
	silent   bool // the client wants no answer

	last         float64 // progress last reported
	acknowledged bool    // of a stream: its opening is reported
	held         []byte  // of a stream: the answer that waits for that

	ended chan struct{} // of an initialize: closed when it is answered
}

// stream marks a request that stays open until it is cancelled.
func (r *request) stream() bool { return r.method == methodListen }

// requests are the open ones. Their flags are guarded by mu; what is reported about
// them (last, acknowledged, held) belongs to the writer.
type requests struct {
	mu              sync.Mutex
	byID            map[string]*request
	count, maxCount int // count: ever opened
	bytes, maxBytes int
	empty           chan struct{} // closed when the last one ends; nil = nobody waits
}

func newRequests(maxCount, maxBytes int) *requests {
	return &requests{byID: map[string]*request{}, maxCount: maxCount, maxBytes: maxBytes}
}

// open enters m and moves its progress token under our id; nil where there are
// too many already.
func (q *requests) open(m *message, size int) *request {
	q.mu.Lock()
	defer q.mu.Unlock()
	if len(q.byID) >= q.maxCount || q.bytes+size > q.maxBytes {
		return nil
	}
	q.count++
	r := &request{id: strconv.Itoa(q.count), original: m.ID, key: key(m.ID), method: *m.Method,
		size: size, last: math.Inf(-1)}
	if r.method == methodInitialize {
		r.ended = make(chan struct{})
	}
	r.token = m.takeToken(r.id)
	q.byID[r.id] = r
	q.bytes += size
	return r
}

func (q *requests) find(id string) *request {
	q.mu.Lock()
	defer q.mu.Unlock()
	return q.byID[id]
}

// remove ends a request once its answer is written, or never will be.
func (q *requests) remove(r *request) {
	q.mu.Lock()
	defer q.mu.Unlock()
	if q.byID[r.id] != r {
		return
	}
	delete(q.byID, r.id)
	if r.ended != nil {
		close(r.ended)
	}
	q.bytes -= r.size
	if len(q.byID) == 0 && q.empty != nil {
		close(q.empty)
		q.empty = nil
	}
}

// cancel marks the requests that match and returns their ids. silent: the
// client asked for it and waits for no answer.
func (q *requests) cancel(match func(*request) bool, silent bool) []string {
	q.mu.Lock()
	defer q.mu.Unlock()
	var ids []string
	for id, r := range q.byID {
		if match(r) && !r.canceled {
			r.canceled, r.silent = true, silent
			ids = append(ids, id)
		}
	}
	return ids
}

// isCanceled reports whether a request that mcp-go is about to start is not
// wanted any more.
func (q *requests) isCanceled(id any) bool {
	q.mu.Lock()
	defer q.mu.Unlock()
	s, _ := id.(string)
	r := q.byID[s]
	return r != nil && r.canceled
}

func (q *requests) isSilent(r *request) bool {
	q.mu.Lock()
	defer q.mu.Unlock()
	return r.silent
}

func (q *requests) all() []*request {
	q.mu.Lock()
	defer q.mu.Unlock()
	return slices.Collect(maps.Values(q.byID))
}

// idle is closed once no request is open. Called once, when none can follow.
func (q *requests) idle() <-chan struct{} {
	q.mu.Lock()
	defer q.mu.Unlock()
	empty := make(chan struct{})
	if len(q.byID) == 0 {
		close(empty)
	} else {
		q.empty = empty
	}
	return empty
}
