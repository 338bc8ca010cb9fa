package main

import (
	"errors"
	"fmt"
	"os/exec"
	"time"

	"github.com/fjbelchi/localmodel/integration/bench/sample"
	"github.com/fjbelchi/localmodel/integration/testkit/mcpchild"
)

// start measures from spawning to the first answered request.
func start(l *lab) ([]row, error) {
	project, err := l.project()
	if err != nil {
		return nil, err
	}
	servers := []func() *exec.Cmd{func() *exec.Cmd { return l.server(project) }, l.bareServer}
	node, absent := l.node()
	if absent == nil {
		servers = append(servers, node)
	}
	var rows []row
	for _, era := range []mcpchild.Era{mcpchild.Legacy, mcpchild.Modern} {
		var things []sample.Once
		for _, command := range servers {
			things = append(things, first(command, era))
		}
		sides, err := sample.Interleave(l.pick(10, 1), l.pick(3, 2), things...)
		if err != nil {
			return rows, err
		}
		what := "start to first answer, " + string(era)
		rows = append(rows, atMost(what+", beside bare mcp-go", sides[0], sides[1], .5, 1.5))
		if absent == nil {
			rows = append(rows, atLeast(what+", beside Node.js", sample.Duration(sides[0].At(.5)), sample.Duration(sides[2].At(.5)), sample.Over(sides[2], sides[0], .5), 10))
		}
	}
	return rows, absent
}

// first starts a server, asks what a client of the era asks first, and ends it;
// the time to the answer counts. An answer that says "unknown method" counts
// too: it is what the server has to say.
func first(command func() *exec.Cmd, era mcpchild.Era) sample.Once {
	method, params := era.First()
	return func() (time.Duration, error) {
		cmd := command()
		began := time.Now()
		c, err := mcpchild.Start(cmd)
		if err != nil {
			return 0, err
		}
		_, err = c.Raw(method, params)
		took := time.Since(began)
		if err = errors.Join(err, c.Close()); err != nil {
			err = fmt.Errorf("%s: %w", cmd.Path, err)
		}
		return took, err
	}
}
