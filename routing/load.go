package routing

import (
	"context"
	"encoding/json"
	"fmt"
	"io"
	"time"

	"github.com/tidwall/gjson"
)

// load is a model being brought into memory. It belongs to no call: a caller
// that goes away must not abort it, or a big model would never get loaded.
type load struct {
	done chan struct{}
	err  *Error
}

// trustLoaded is how long a model seen loaded is taken to stay so.
const trustLoaded = 10 * time.Second

func (o *ollama) sawLoaded() {
	o.mu.Lock()
	defer o.mu.Unlock()
	o.loadedUntil = time.Now().Add(min(trustLoaded, max(o.cfg.KeepAlive, 0)))
}

func (o *ollama) forgetLoaded() {
	o.mu.Lock()
	defer o.mu.Unlock()
	o.loadedUntil = time.Time{}
}

func (o *ollama) trusted() bool {
	o.mu.Lock()
	defer o.mu.Unlock()
	return time.Now().Before(o.loadedUntil)
}

// ensureLoaded returns when the model is in memory. A cold model's load goes on
// in the background; a call that has another tier waits for it no longer than
// LoadGrace, one that has none waits with progress.
func (o *ollama) ensureLoaded(ctx context.Context, q question) *Error {
	if o.trusted() {
		return nil
	}
	loaded, err := o.isLoaded(ctx)
	if err != nil {
		return err
	}
	if loaded {
		o.sawLoaded()
		return nil
	}
	l := o.startLoad()
	var grace <-chan time.Time
	if !q.alone {
		t := time.NewTimer(o.cfg.LoadGrace)
		defer t.Stop()
		grace = t.C
	}
	tick := time.NewTicker(time.Second)
	defer tick.Stop()
	start := time.Now()
	for {
		select {
		case <-l.done:
			return l.err // shared by all who wait: not to be changed
		case <-grace:
			return fail(Loading, "the model is loading", nil)
		case <-ctx.Done():
			return fail(Loading, fmt.Sprintf("the model is still loading after %s", seconds(time.Since(start))), context.Cause(ctx))
		case <-tick.C:
			q.report(fmt.Sprintf("loading %s, %s so far", o.cfg.Model, seconds(time.Since(start))), 0)
		}
	}
}

// isLoaded looks at /api/ps. A model loaded with another context window does
// not count: the server would reload it for our call.
func (o *ollama) isLoaded(ctx context.Context) (bool, *Error) {
	data, err := o.get(ctx, "/api/ps")
	if err != nil {
		return false, err
	}
	held := 0 // tokens of context it is loaded with
	gjson.GetBytes(data, "models").ForEach(func(_, m gjson.Result) bool {
		if sameModel(m.Get("name").Str, o.cfg.Model) {
			held = int(m.Get("context_length").Int())
		}
		return held == 0
	})
	switch {
	case held == 0:
		return false, nil
	case held == o.window():
		return true, nil
	}
	o.modelTraits(ctx) // a model made for less than we ask gets less
	return held == o.window(), nil
}

// startLoad begins the load, or joins the one under way.
func (o *ollama) startLoad() *load {
	o.mu.Lock()
	defer o.mu.Unlock()
	if o.loading != nil {
		return o.loading
	}
	l := &load{done: make(chan struct{})}
	o.loading = l
	go func() {
		ctx, stop := context.WithTimeout(context.Background(), o.cfg.LoadTimeout)
		defer stop()
		if l.err = o.loadNow(ctx); l.err == nil {
			o.sawLoaded()
		} else {
			o.cfg.Log.Warn("model not loaded", "model", o.cfg.Model, "err", l.err.Reason)
		}
		o.mu.Lock()
		o.loading = nil
		o.mu.Unlock()
		close(l.done)
	}()
	return l
}

// Loading is closed when the model's load under way has ended; nil where there is
// none. A process that ends takes its load along, so one that has nothing else to
// do waits for it.
func (r *Router) Loading() <-chan struct{} {
	r.ollama.mu.Lock()
	defer r.ollama.mu.Unlock()
	if r.ollama.loading == nil {
		return nil
	}
	return r.ollama.loading.done
}

// loadNow loads the model with the options of every call, one load at a time
// for the whole machine.
func (o *ollama) loadNow(ctx context.Context) *Error {
	release, fault := o.machine.lock(ctx, "load")
	if fault != nil {
		return o.loadFault(ctx, fault)
	}
	defer release()
	no := false
	r := o.chatRequest(nil)
	r.Stream = &no
	body, err := json.Marshal(r)
	if err != nil {
		return fail(Unavailable, "the load request cannot be written", err)
	}
	resp, fault := o.post(ctx, "/api/chat", body)
	if fault != nil {
		return o.loadFault(ctx, fault)
	}
	defer resp.Body.Close() //nolint:errcheck // only read
	data, err := io.ReadAll(io.LimitReader(resp.Body, maxLineBytes))
	switch {
	case err != nil:
		return o.loadFault(ctx, brokenOff(err))
	case !gjson.GetBytes(data, "done").Bool():
		return fail(Unavailable, "the load was broken off by the server", nil)
	}
	return nil
}

func (o *ollama) loadFault(ctx context.Context, fault *Error) *Error {
	if ctx.Err() != nil {
		return fail(Timeout, limitError{"loaded model", o.cfg.LoadTimeout, "LOCALMODEL_LOAD_TIMEOUT"}.Error(), fault)
	}
	return fault
}

func seconds(d time.Duration) string { return d.Round(time.Second).String() }
