package main

import (
	"fmt"
	"strings"

	"github.com/fjbelchi/localmodel/integration/bench/fleetsim"
)

// seed is that of the simulation.
const seed = 1

// fleet simulates teams in front of fleets; its report goes into the document.
// Its test compares it with two real processes on two real hosts.
func fleet(l *lab) ([]row, error) {
	o := fleetsim.Range(seed, l.quick)
	l.simulation = fleetsim.Report(o)
	const hosts = 4
	var carried []string
	for _, slots := range o.Slots {
		n := fleetsim.Carries(fleetsim.Hosts(hosts, slots, fleetsim.Shuffle), fleetsim.Team, o.Users[len(o.Users)-1], seed)
		carried = append(carried, fmt.Sprintf("%d users with %d slots", n, slots))
	}
	return []row{{what: fmt.Sprintf("simulated: what %d hosts carry with 95 %% answered locally", hosts), ours: strings.Join(carried, ", ")}}, nil
}
