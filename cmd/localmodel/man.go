//go:build man

package main

import (
	"fmt"
	"os"

	"github.com/fjbelchi/localmodel/cmd/localmodel/app"
	"github.com/fjbelchi/localmodel/cmd/localmodel/manual"
	"github.com/fjbelchi/localmodel/cmd/localmodel/settings"
)

// With the tag man the program prints its man page and ends: the release is
// built without it.
func init() {
	if err := manual.Page(os.Stdout, newRoot(app.Env{}, app.Env{}), version(), settings.Table); err != nil {
		fmt.Fprintln(os.Stderr, err)
		os.Exit(1)
	}
	os.Exit(0)
}
