package userdirs

import (
	"path/filepath"
	"runtime"
	"testing"
)

func TestFind(t *testing.T) {
	if runtime.GOOS == "windows" {
		t.Skip("the table's paths are not absolute on Windows")
	}
	home := map[string]string{"HOME": "/home/u", "USERPROFILE": "/Users/u"}
	xdg := map[string]string{"HOME": "/home/u", "XDG_CONFIG_HOME": "/c", "XDG_STATE_HOME": "/s", "AppData": "/roam", "LocalAppData": "/local"}
	relative := map[string]string{"HOME": "/home/u", "XDG_CONFIG_HOME": "c", "XDG_STATE_HOME": "./s"}
	for _, c := range []struct {
		goos          string
		env           map[string]string
		config, state string
	}{
		{"linux", home, "/home/u/.config/localmodel", "/home/u/.local/state/localmodel"},
		{"freebsd", xdg, "/c/localmodel", "/s/localmodel"},
		{"linux", relative, "/home/u/.config/localmodel", "/home/u/.local/state/localmodel"},
		{"darwin", xdg, "/home/u/Library/Application Support/localmodel", "/home/u/Library/Application Support/localmodel"},
		{"windows", home, "/Users/u/AppData/Roaming/localmodel", "/Users/u/AppData/Local/localmodel"},
		{"windows", xdg, "/roam/localmodel", "/local/localmodel"},
	} {
		got, err := Find(c.goos, func(name string) string { return c.env[name] })
		if err != nil || got.Config != filepath.FromSlash(c.config) || got.State != filepath.FromSlash(c.state) {
			t.Errorf("%s %v: got %+v, %v; want %s and %s", c.goos, c.env, got, err, c.config, c.state)
		}
	}
}
