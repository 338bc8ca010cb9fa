package decide

import (
	"context"
	"fmt"
	"slices"
	"strings"

	"github.com/fjbelchi/localmodel/tools/deps"
	"github.com/fjbelchi/localmodel/tools/ticket"
)

// Wave is the set of tickets worked on together.
type Wave struct {
	IDs   []string
	Known bool
	Index *ticket.Index   // the tickets that were read, closed ones included; nil = only the ids are known
	done  map[string]bool // whose commit passed
	byID  *ticket.Index   // of IDs; nil = to be made
}

func (w Wave) indexed() Wave {
	if w.byID == nil {
		w.byID = ticket.NewIndex()
		for _, id := range w.IDs {
			w.byID.Add(id, true)
		}
	}
	return w
}

// WithDone adds which tickets of the wave are done, where one of the tickets
// depends on others. What cannot be read holds nobody back less than before.
func (w Wave) WithDone(ctx context.Context, d *deps.Deps, tickets ...*ticket.Ticket) (with Wave, warning string) {
	w = w.indexed()
	depends := slices.ContainsFunc(tickets,
		func(t *ticket.Ticket) bool { return len(t.DependsOn)+len(t.After) > 0 })
	if !w.Known || !depends {
		return w, ""
	}
	var err error
	if w.done, err = d.Journal.Completed(ctx, w.IDs); err != nil {
		return w, "journal not readable, so completed dependencies were not considered: " + err.Error()
	}
	return w, ""
}

// waits gives the open tickets of the wave that a ticket waits for: by what it states,
// and by what the order or the phases of its file say. said is a reference that was
// found under another prefix.
func (w Wave) waits(t *ticket.Ticket) (ids []string, said string) {
	x := w.indexed().byID
	for _, ref := range slices.Concat(t.DependsOn, t.After) {
		e, found, other := ticket.Entry{}, false, false
		if w.Index != nil {
			e, found, other = w.Index.Find(ref, !t.IDStatesKind)
		}
		switch {
		case found && !e.Open:
			continue // done
		case found: // it counts where it is of the wave
			e, found, _ = x.Find(e.ID, false)
		default:
			e, found, other = x.Find(ref, !t.IDStatesKind)
		}
		if !found || strings.EqualFold(e.ID, t.ID) || w.done[e.ID] {
			continue
		}
		if other && said == "" {
			said = fmt.Sprintf("%s: %s is taken for %s, the only ticket with that number", t.ID, ref, e.ID)
		}
		if strings.EqualFold(ref, e.ID) {
			e.ID = ref // in the ticket's own spelling
		}
		ids = append(ids, e.ID)
	}
	return ids, said
}
