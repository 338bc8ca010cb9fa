package main

import (
	"context"

	"github.com/fjbelchi/localmodel/cmd/localmodel/demo"
)

func showDemo(ctx context.Context, w world, args []string) error {
	cloud := false
	switch {
	case len(args) == 1 && (args[0] == "--cloud" || args[0] == "-cloud"):
		cloud = true
	case len(args) > 0:
		return exitError{code: 2, text: "usage: localmodel demo [--cloud]"}
	}
	return demo.Run(ctx, w.out, version(), cloud)
}
