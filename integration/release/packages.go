package main

import (
	"bytes"
	"encoding/json"
	"errors"
	"fmt"
	"os"
	"path/filepath"
)

// verifyPackages looks at the npm packages and the wheels beneath dir: every
// platform has both, of this version, with the same program.
func verifyPackages(dir, version string, want []platform) error {
	var wrong []error
	for _, p := range want {
		if err := verifyPackage(dir, version, p); err != nil {
			wrong = append(wrong, fmt.Errorf("%s: %w", p, err))
		}
	}
	return errors.Join(wrong...)
}

func verifyPackage(dir, version string, p platform) error {
	npm := filepath.Join(dir, "npm", "localmodel-"+p.npm())
	text, err := os.ReadFile(filepath.Join(npm, "package.json")) //nolint:gosec // a file of the release
	if err != nil {
		return err
	}
	var pkg npmPackage
	if err := json.Unmarshal(text, &pkg); err != nil {
		return fmt.Errorf("%s: %w", npm, err)
	}
	if pkg.Version != version || pkg.Name != npmName+"-"+p.npm() {
		return fmt.Errorf("%s is %s %s", npm, pkg.Name, pkg.Version)
	}
	program, err := os.ReadFile(filepath.Join(npm, "bin", p.program())) //nolint:gosec // as above
	if err != nil {
		return err
	}
	entries, err := unpack(filepath.Join(dir, "wheels", wheelName(version, p)))
	if err != nil {
		return err
	}
	script := entries["localmodel-"+wheelVersion(version)+".data/scripts/"+p.program()]
	if !bytes.Equal(script.data, program) || script.mode&0o111 == 0 || len(program) == 0 {
		return errors.New("the wheel's program is not that of the npm package")
	}
	return nil
}
