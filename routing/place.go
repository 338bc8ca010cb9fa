package routing

import (
	"cmp"
	"context"
	"time"

	"github.com/fjbelchi/localmodel/routing/place"
	"github.com/fjbelchi/localmodel/routing/policy"
)

// permit says where a backend's model runs, and refuses it where the route or
// LOCALMODEL_CLOUD=never does. Every path asks it before anything is sent: an
// address that is not this machine is refused without a connection, and only a
// server on this machine is asked where its model runs.
func (r *Router) permit(ctx context.Context, b Backend, route policy.Route) (place.Place, *Error) {
	if fault := r.refuse(placeOf(b, place.Host{}), route); fault != nil {
		return place.Place{}, fault
	}
	host, fault := r.modelHost(ctx, b)
	if fault != nil {
		return place.Place{}, fault
	}
	place := placeOf(b, host)
	return place, r.refuse(place, route)
}

func placeOf(b Backend, host place.Host) place.Place {
	return place.Of(b.Paid(), b.Address(), b.Model(), host)
}

// keepHost is how long the answer where a model runs is taken to stay so: that
// question is a fifth of a short call's time. The reply is looked at again.
const keepHost = 500 * time.Millisecond

// modelHost asks a server on this machine where its model runs.
func (r *Router) modelHost(ctx context.Context, b Backend) (place.Host, *Error) {
	if b.Paid() || !place.Loopback(b.Address()) {
		return place.Host{}, nil
	}
	var known endpoint
	r.at(b, func(e *endpoint) { known = *e })
	if time.Since(known.hostAt) < keepHost {
		return known.host, nil
	}
	host, fault := b.RemoteModel(ctx)
	if fault == nil {
		r.at(b, func(e *endpoint) { e.host, e.hostAt = host, time.Now() })
	}
	return host, fault
}

// forbidden is permit for questions that carry nothing and whose answer stays
// the server's: a connection to an address that is not this machine is refused
// under LOCALMODEL_CLOUD=never, a server on this machine may be asked.
func (r *Router) forbidden(b Backend, route policy.Route) *Error {
	return r.refuse(place.Of(b.Paid(), b.Address(), "", place.Host{}), route)
}

func (r *Router) refuse(p place.Place, route policy.Route) *Error {
	why, fix := place.Access{Route: route, Never: !r.cfg.CloudAllowed, LocalRemote: r.cfg.LocalRemote}.Refuse(p)
	if why == "" {
		return nil
	}
	return &Error{Kind: Remote, Reason: "not asked: " + why, Fix: fix}
}

// cameFromAfar refuses a reply that turns out to come from another machine
// where that is forbidden: it is thrown away, and the reason says so.
func (r *Router) cameFromAfar(b Backend, rep Reply, route policy.Route) (place.Place, *Error) {
	place := place.Of(b.Paid(), b.Address(), cmp.Or(rep.Model, b.Model()), place.Host{Name: rep.Remote})
	fault := r.refuse(place, route)
	if fault != nil {
		fault.Reason = "the reply was thrown away, and the question has left this machine: " + place.Remote
	}
	return place, fault
}
