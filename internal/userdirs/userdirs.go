// Package userdirs says where the user's own files are kept. What lies there is
// trusted: it is not part of any project.
package userdirs

import (
	"errors"
	"os/user"
	"path/filepath"
)

// Dirs are the user's directories for this program. They need not exist yet;
// who creates them makes them 0700.
type Dirs struct {
	Config string // config.toml
	State  string // journal.db, trusted settings, locks
}

const name = "localmodel"

// Find returns the directories of the system goos (runtime.GOOS): on Linux and
// the BSDs $XDG_CONFIG_HOME and $XDG_STATE_HOME or their defaults, on macOS
// ~/Library/Application Support, on Windows %AppData% and %LocalAppData%. It
// returns an error where the user has no home directory.
func Find(goos string, getenv func(string) string) (Dirs, error) {
	home := homeDir(goos, getenv)
	pick := func(variable string, fallback ...string) string {
		if dir := getenv(variable); filepath.IsAbs(dir) { // XDG: a relative path is to be ignored
			return filepath.Join(dir, name)
		}
		if home == "" {
			return ""
		}
		return filepath.Join(append(append([]string{home}, fallback...), name)...)
	}
	var d Dirs
	switch goos {
	case "windows":
		d.Config = pick("AppData", "AppData", "Roaming")
		d.State = pick("LocalAppData", "AppData", "Local")
	case "darwin", "ios":
		d.Config = pick("", "Library", "Application Support")
		d.State = d.Config
	default:
		d.Config = pick("XDG_CONFIG_HOME", ".config")
		d.State = pick("XDG_STATE_HOME", ".local", "state")
	}
	if d.Config == "" || d.State == "" {
		return d, errors.New("the user has no home directory: set HOME")
	}
	return d, nil
}

func homeDir(goos string, getenv func(string) string) string {
	variable := "HOME"
	if goos == "windows" {
		variable = "USERPROFILE"
	}
	if home := getenv(variable); filepath.IsAbs(home) {
		return filepath.Clean(home)
	}
	u, err := user.Current()
	if err != nil || !filepath.IsAbs(u.HomeDir) {
		return ""
	}
	return u.HomeDir
}
