// Command draw makes the project's pictures: the plugin's icon and the flow of
// a ticket. Run it from the module's root: `go run ./integration/draw`.
package main

import (
	"bytes"
	"fmt"
	"image/png"
	"os"
)

// Where the pictures lie, from the module's root.
const (
	iconPath = "integration/claude-plugin/.claude-plugin/icon.png"
	flowPath = "integration/flow.svg"
)

func main() {
	if err := draw(); err != nil {
		fmt.Fprintln(os.Stderr, "draw:", err)
		os.Exit(1)
	}
}

func draw() error {
	var b bytes.Buffer
	if err := png.Encode(&b, icon(iconSide)); err != nil {
		return err
	}
	if err := os.WriteFile(iconPath, b.Bytes(), 0o644); err != nil { //nolint:gosec // a picture for everyone
		return err
	}
	return os.WriteFile(flowPath, []byte(flow()), 0o644) //nolint:gosec // a picture for everyone
}
