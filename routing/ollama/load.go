package ollama

import (
	"context"
	"errors"
	"fmt"
	"io"
	"time"

	"github.com/ollama/ollama/api"
	"github.com/tidwall/gjson"

	"github.com/fjbelchi/localmodel/routing"
	"github.com/fjbelchi/localmodel/routing/httpclient"
	"github.com/fjbelchi/localmodel/routing/slots"
)

// load is a model being brought into memory. It belongs to no call: a caller
// that goes away must not abort it, or a big model would never get loaded.
type load struct {
	done chan struct{}
	err  *routing.Error
}

// loadedAtLeast is how long a model that is unloaded after each call waits for
// the call it was loaded for.
const loadedAtLeast = time.Minute

// trustLoaded is how long a model seen loaded is taken to stay so.
const trustLoaded = 10 * time.Second

func (o *Backend) sawLoaded() {
	trust := min(trustLoaded, o.cfg.KeepAlive)
	if o.cfg.KeepAlive < 0 || o.cfg.ServerKeepAlive {
		trust = trustLoaded
	}
	until := time.Now().Add(trust)
	o.loadedUntil.Store(&until)
}

// ensureLoaded returns when the model is in memory. A cold model's load goes on
// in the background; a call that has another tier waits for it no longer than
// LoadGrace, one that has none waits with progress.
func (o *Backend) ensureLoaded(ctx context.Context, q routing.Question) *routing.Error {
	if until := o.loadedUntil.Load(); until != nil && time.Now().Before(*until) {
		return nil
	}
	loaded, fault := o.isLoaded(ctx)
	if loaded {
		o.sawLoaded()
	}
	if loaded || fault != nil {
		return fault
	}
	l := o.startLoad()
	var grace <-chan time.Time
	if !q.Alone {
		t := time.NewTimer(o.cfg.LoadGrace)
		defer t.Stop()
		grace = t.C
	}
	start := time.Now()
	defer q.Narrate(func() (string, int) {
		return fmt.Sprintf("loading %s, %s so far", o.cfg.Model, routing.Seconds(time.Since(start))), 0
	})()
	select {
	case <-l.done:
		return l.err // shared by all who wait: not to be changed
	case <-grace:
		return routing.Fail(routing.Loading, "the model is loading", nil)
	case <-ctx.Done():
		reason := "the model is still loading after " + routing.Seconds(time.Since(start))
		return routing.Fail(routing.Loading, reason, context.Cause(ctx))
	}
}

// isLoaded looks at /api/ps. A model loaded with another context window does
// not count: the server would reload it for our call.
func (o *Backend) isLoaded(ctx context.Context) (bool, *routing.Error) {
	ps, fault := o.get(ctx, "/api/ps")
	if fault != nil {
		return false, fault
	}
	held := int(o.own(ps).Get("context_length").Int()) // tokens of context it is loaded with
	if held != 0 && held != o.Window() {
		o.knownTraits(ctx) // a model made for less than we ask gets less
	}
	return held != 0 && held == o.Window(), nil
}

// startLoad begins the load, or joins the one under way.
func (o *Backend) startLoad() *load {
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

// Preload starts the load unless the model is in memory.
func (o *Backend) Preload(ctx context.Context) *routing.Error {
	if o.knownTraits(ctx).remote != "" {
		return routing.Fail(routing.Remote, "the model runs elsewhere: there is nothing to load", nil)
	}
	loaded, fault := o.isLoaded(ctx)
	if fault == nil && !loaded {
		o.startLoad()
	}
	return fault
}

// Loading is closed when the load under way has ended; nil = none is.
func (o *Backend) Loading() <-chan struct{} {
	o.mu.Lock()
	defer o.mu.Unlock()
	if o.loading == nil {
		return nil
	}
	return o.loading.done
}

// loadNow loads the model with the options of every call, one load at a time
// for the whole machine.
func (o *Backend) loadNow(ctx context.Context) *routing.Error {
	release, err := o.slots.Lock(ctx, "load")
	if fault := o.slotFault(err); fault != nil {
		return o.loadFault(ctx, fault)
	}
	defer release()
	no := false
	r := o.chatRequest(nil)
	r.Stream = &no
	if o.cfg.KeepAlive == 0 && !o.cfg.ServerKeepAlive {
		r.KeepAlive = &api.Duration{Duration: loadedAtLeast} // with 0 this request would unload it
	}
	resp, fault := o.post(ctx, "/api/chat", r)
	if fault != nil {
		return o.loadFault(ctx, fault)
	}
	defer resp.Body.Close() //nolint:errcheck // only read
	data, err := io.ReadAll(io.LimitReader(resp.Body, httpclient.MaxLineBytes))
	switch {
	case err != nil:
		return o.loadFault(ctx, httpclient.BrokenOff(err))
	case !gjson.GetBytes(data, "done").Bool():
		return routing.Fail(routing.Unavailable, "the load was broken off by the server", nil)
	}
	return nil
}

func (o *Backend) loadFault(ctx context.Context, fault *routing.Error) *routing.Error {
	if ctx.Err() != nil {
		limit := routing.LimitError{What: "loaded model", Limit: o.cfg.LoadTimeout, Setting: "LOCALMODEL_LOAD_TIMEOUT"}
		return routing.Fail(routing.Timeout, limit.Error(), fault)
	}
	return fault
}

// slotFault is what became of the wait for a slot or a lock, which all localmodel
// processes of this machine share. Lock files that cannot be used are reported
// and hold nobody up: the limit is best effort.
func (o *Backend) slotFault(err error) *routing.Error {
	if waited, ok := errors.AsType[*slots.WaitError](err); ok {
		return routing.Fail(routing.Busy, waited.Error(), waited.Err)
	}
	if err != nil {
		o.slotsReported.Do(func() { o.cfg.Log.Warn("slots", "err", err) })
	}
	return nil
}
