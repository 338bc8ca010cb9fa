package fleetsim

import (
	"fmt"
	"strings"
	"text/tabwriter"
)

// Team is the load of a team: each user has a wave of 3 to 10 tickets about
// twice an hour. The times are those of a 30 B model with 3 B active parameters
// on one graphics card (prompts at 2,000 tokens a second, answers at 80): a
// classification reads 600 new tokens and writes 15, a plan reads 3,000 and
// writes 800. The prices are those of the tier cheap.
func Team(users int) Load {
	return Load{Users: users, Pause: 1800, WaveMin: 3, WaveMax: 10, Eligible: .6, AtOnce: 4,
		Classify: Call{.5, .0013}, Plan: Call{11.5, .0085}, Patience: 40}
}

// Hosts is a fleet behind the proxy. A second generation on the same card slows
// each down by a third.
func Hosts(n, slots int, r Routing) Fleet { return Fleet{Hosts: n, Slots: slots, Routing: r, Drag: .5} }

const (
	day  = 8 * 3600. // seconds of work
	good = .95       // share answered locally that a team is content with
)

// Options say how much is simulated.
type Options struct {
	Seed         int64
	Hosts, Users []int
	Slots        []int
}

// Range is the whole range, or, where quick, a few sizes that show that it works.
func Range(seed int64, quick bool) Options {
	if quick {
		return Options{seed, []int{1, 2, 4}, []int{1, 5, 25}, []int{1, 2}}
	}
	return Options{seed, []int{1, 2, 4, 8, 16, 32, 64}, []int{1, 5, 10, 25, 50, 100, 250, 500}, []int{1, 2, 4}}
}

// Report simulates the range and words it: tables, where the design bends, and
// what to change then.
func Report(o Options) string {
	var b strings.Builder
	load := Team(1)
	fmt.Fprintf(&b, "Users with a wave of %d to %d tickets every %.0f minutes on the mean, %.0f %% of them planned locally; a classification takes %.1f s and a plan %.1f s on an idle host, "+
		"with k at once each %.1f×(k-1) longer; a call waits %.0f s for the local tier, then the tier cheap is paid. %.0f hours, seed %d.\n",
		load.WaveMin, load.WaveMax, load.Pause/60, 100*load.Eligible, load.Classify.Seconds, load.Plan.Seconds, Hosts(1, 1, Shuffle).Drag, load.Patience, day/3600, o.Seed)
	for _, slots := range o.Slots {
		fmt.Fprintf(&b, "\n%d slots a host: answered locally, wait for a slot p50/p95, paid a day\n\n", slots)
		o.table(&b, slots)
	}
	b.WriteString("\nWhere it bends: the most users of whose calls the fleet answers 95 %\n\n")
	o.bends(&b)
	b.WriteString("\n" + o.advice())
	return b.String()
}

// advice says what each change is worth, on the fleet in the middle of the
// range.
func (o Options) advice() string {
	hosts := o.Hosts[len(o.Hosts)/2-len(o.Hosts)/7]
	more, most := o.Slots[min(1, len(o.Slots)-1)], o.Slots[len(o.Slots)-1]
	carries := func(hosts, slots int, r Routing, plans int) int {
		return Carries(Hosts(hosts, slots, r), func(users int) Load {
			l := Team(users)
			l.PlansAtOnce = plans
			return l
		}, o.Users[len(o.Users)-1], o.Seed)
	}
	return fmt.Sprintf(`What to change then, with what it is worth on %[1]d hosts (users carried; 1 slot and simple-shuffle: %[2]d):
1. OLLAMA_NUM_PARALLEL=%[3]d on each host: %[4]d; =%[5]d: %[6]d. A wave comes at once, and plans side by side are through sooner than one after the other; past %[3]d each is so slow that little is won.
2. routing_strategy least-busy in integration/litellm/fleet.yaml, with %[3]d slots: %[7]d. Chance puts two waves on one host while another idles.
3. Two plans of a wave at a time and not all at once, with %[3]d slots: %[8]d. One host is enough for %[9]d users then: a whole wave at once runs out of patience on it even alone.
4. More hosts: what is carried grows a little faster than their number.
`, hosts, carries(hosts, 1, Shuffle, 0), more, carries(hosts, more, Shuffle, 0), most, carries(hosts, most, Shuffle, 0),
		carries(hosts, more, LeastBusy, 0), carries(hosts, more, Shuffle, 2), carries(1, more, Shuffle, 2))
}

func (o Options) table(b *strings.Builder, slots int) {
	var heads []string
	for _, users := range o.Users {
		heads = append(heads, fmt.Sprintf("%d users", users))
	}
	o.eachHosts(b, heads, func(hosts int) (cells []string) {
		for _, users := range o.Users {
			r := Run(Hosts(hosts, slots, Shuffle), Team(users), day, o.Seed)
			cells = append(cells, fmt.Sprintf("%.0f %%, %.0f/%.0f s, $%.2f", 100*r.LocalShare(), At(r.Wait, .5), At(r.Wait, .95), r.USD))
		}
		return cells
	})
}

func (o Options) bends(b *strings.Builder) {
	var heads []string
	for _, routing := range []string{"", ", least busy"} {
		for _, slots := range o.Slots {
			heads = append(heads, fmt.Sprintf("%d slots%s", slots, routing))
		}
	}
	most := o.Users[len(o.Users)-1]
	o.eachHosts(b, heads, func(hosts int) (cells []string) {
		for _, routing := range []Routing{Shuffle, LeastBusy} {
			for _, slots := range o.Slots {
				n := Carries(Hosts(hosts, slots, routing), Team, most, o.Seed)
				cell := fmt.Sprint(n)
				if n == most {
					cell += " or more"
				}
				cells = append(cells, cell)
			}
		}
		return cells
	})
}

// eachHosts writes a table with a row for each number of hosts.
func (o Options) eachHosts(b *strings.Builder, heads []string, cells func(hosts int) []string) {
	t := tabwriter.NewWriter(b, 0, 8, 2, ' ', 0)
	fmt.Fprintln(t, "hosts\t"+strings.Join(heads, "\t"))
	for _, hosts := range o.Hosts {
		fmt.Fprintf(t, "%d\t%s\n", hosts, strings.Join(cells(hosts), "\t"))
	}
	_ = t.Flush() // into memory
}

// Carries is the most users, up to a limit, of whose calls a fleet answers 95 %.
func Carries(f Fleet, load func(users int) Load, most int, seed int64) int {
	low, high := 0, most+1 // low carries, high does not
	for high-low > 1 {
		users := (low + high) / 2
		if Run(f, load(users), day, seed).LocalShare() >= good {
			low = users
		} else {
			high = users
		}
	}
	return low
}
