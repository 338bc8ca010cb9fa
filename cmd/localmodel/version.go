package main

import (
	"context"
	"fmt"
	"runtime"
	"runtime/debug"
)

// released is set by the release build: -ldflags "-X main.released=v1.2.3".
var released string

// version is the release, else what the Go tool knows of the build.
func version() string {
	if released != "" {
		return released
	}
	info, ok := debug.ReadBuildInfo()
	if !ok || info.Main.Version == "" || info.Main.Version == "(devel)" {
		return "devel"
	}
	return info.Main.Version
}

func printVersion(_ context.Context, w world, args []string) error {
	if err := noArguments("version", args); err != nil {
		return err
	}
	_, err := fmt.Fprintf(w.out, "localmodel %s %s %s/%s\n", version(), runtime.Version(), runtime.GOOS, runtime.GOARCH)
	return err
}
