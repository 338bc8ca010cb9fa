package ollama

import (
	"context"
	"encoding/json"
	"fmt"
	"io"
	"time"

	"github.com/ollama/ollama/api"
	"github.com/tidwall/gjson"

	"github.com/fjbelchi/localmodel/routing"
	"github.com/fjbelchi/localmodel/routing/httpclient"
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
	o.mu.Lock()
	defer o.mu.Unlock()
	trust := min(trustLoaded, o.cfg.KeepAlive)
	if o.cfg.KeepAlive < 0 || o.cfg.ServerKeepAlive {
		trust = trustLoaded
	}
	o.loadedUntil = time.Now().Add(trust)
}

func (o *Backend) forgetLoaded() {
	o.mu.Lock()
	defer o.mu.Unlock()
	o.loadedUntil = time.Time{}
}

func (o *Backend) trusted() bool {
	o.mu.Lock()
	defer o.mu.Unlock()
	return time.Now().Before(o.loadedUntil)
}

// ensureLoaded returns when the model is in memory. A cold model's load goes on
// in the background; a call that has another tier waits for it no longer than
// LoadGrace, one that has none waits with progress.
func (o *Backend) ensureLoaded(ctx context.Context, q routing.Question) *routing.Error {
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
	if !q.Alone {
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
			return routing.Fail(routing.Loading, "the model is loading", nil)
		case <-ctx.Done():
			return routing.Fail(routing.Loading, fmt.Sprintf("the model is still loading after %s", routing.Seconds(time.Since(start))), context.Cause(ctx))
		case <-tick.C:
			q.Report(fmt.Sprintf("loading %s, %s so far", o.cfg.Model, routing.Seconds(time.Since(start))), 0)
		}
	}
}

// isLoaded looks at /api/ps. A model loaded with another context window does
// not count: the server would reload it for our call.
func (o *Backend) isLoaded(ctx context.Context) (bool, *routing.Error) {
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
	case held == o.Window():
		return true, nil
	}
	o.knownTraits(ctx) // a model made for less than we ask gets less
	return held == o.Window(), nil
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
	release, fault := o.machine.lock(ctx, "load")
	if fault != nil {
		return o.loadFault(ctx, fault)
	}
	defer release()
	no := false
	r := o.chatRequest(nil)
	r.Stream = &no
	if o.cfg.KeepAlive == 0 && !o.cfg.ServerKeepAlive {
		r.KeepAlive = &api.Duration{Duration: loadedAtLeast} // with 0 this request would unload it
	}
	body, err := json.Marshal(r)
	if err != nil {
		return routing.Fail(routing.Unavailable, "the load request cannot be written", err)
	}
	resp, fault := o.post(ctx, "/api/chat", body)
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
		return routing.Fail(routing.Timeout, routing.LimitError{What: "loaded model", Limit: o.cfg.LoadTimeout, Setting: "LOCALMODEL_LOAD_TIMEOUT"}.Error(), fault)
	}
	return fault
}
