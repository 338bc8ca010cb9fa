// Command fleet simulates teams in front of fleets of Ollama hosts:
// go run ./integration/bench/fleet. It needs nothing but a minute.
package main

import (
	"flag"
	"fmt"

	"github.com/fjbelchi/localmodel/integration/bench/fleetsim"
)

func main() {
	seed := flag.Int64("seed", 1, "of the simulation; the same gives the same")
	quick := flag.Bool("quick", false, "a few sizes only")
	flag.Parse()
	fmt.Print(fleetsim.Report(fleetsim.Range(*seed, *quick)))
}
