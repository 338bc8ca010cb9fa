package testkit

import (
	"encoding/json"
	"errors"
	"os"
	"os/exec"
	"strings"

	"github.com/fjbelchi/localmodel/integration/parts"
)

// SetHome makes dir the HOME of this process and of those it starts. Go's caches
// and the parts stay where they are.
func SetHome(dir string) error {
	cache, err := parts.Cache()
	if err != nil {
		return err
	}
	out, err := exec.Command("go", "env", "-json", "GOCACHE", "GOMODCACHE", "GOPATH", "GOENV").Output() //nolint:noctx // answers at once
	if err != nil {
		return err
	}
	var vars map[string]string
	if err := json.Unmarshal(out, &vars); err != nil {
		return err
	}
	vars[parts.CacheDir] = cache
	for _, name := range []string{"HOME", "USERPROFILE", "LocalAppData", "AppData"} {
		vars[name] = dir
	}
	for _, v := range os.Environ() {
		if name, _, _ := strings.Cut(v, "="); strings.HasPrefix(name, "XDG_") {
			err = errors.Join(err, os.Unsetenv(name))
		}
	}
	for name, value := range vars {
		err = errors.Join(err, os.Setenv(name, value))
	}
	return err
}
