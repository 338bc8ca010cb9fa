package main

import (
	"fmt"
	"runtime"
	"runtime/debug"

	"github.com/spf13/cobra"

	"github.com/fjbelchi/localmodel/cmd/localmodel/app"
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

func versionCommand(w app.Env) *cobra.Command {
	return &cobra.Command{
		Use:   "version",
		Short: "print the version",
		RunE:  func(*cobra.Command, []string) error { return printVersion(w) },
	}
}

func printVersion(w app.Env) error {
	_, err := fmt.Fprintf(w.Out, "localmodel %s %s %s/%s\n", w.Version, runtime.Version(), runtime.GOOS, runtime.GOARCH)
	return err
}
