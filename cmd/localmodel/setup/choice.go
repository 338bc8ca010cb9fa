package setup

import (
	"errors"
	"path/filepath"
	"strconv"

	"github.com/fjbelchi/localmodel/cmd/localmodel/clients"
	"github.com/fjbelchi/localmodel/internal/plain"
)

// Settings are the settings under which a choice is tried: it alone is asked, and
// nothing leaves for a cloud.
func (c Choice) Settings() map[string]string {
	v := map[string]string{
		"LOCALMODEL_MODEL": c.Model, "LOCALMODEL_LOCAL": c.Server.Kind, "LOCALMODEL_NUM_CTX": strconv.Itoa(c.NumCtx),
		"LOCALMODEL_FALLBACK": "", "LOCALMODEL_CLOUD": "never", "LOCALMODEL_LOCAL_REMOTE": "deny",
	}
	if c.Server.Remote != "" { // the user agreed to it
		v["LOCALMODEL_LOCAL_REMOTE"] = "allow"
	}
	if c.Server.Kind == "ollama" {
		v["OLLAMA_HOST"] = c.Server.URL
	} else {
		v["LOCALMODEL_LOCAL_URL"] = c.Server.URL
	}
	return v
}

// Installed are the clients of this machine, with the edit each would get. A
// client that reads files of projects alone is not set up in the home directory.
func Installed(place clients.Place) []Client {
	var out []Client
	for _, c := range clients.All() {
		if !c.Present(place) {
			continue
		}
		plan, err := clients.Options{}.Plan(c, place)
		one := Client{Name: c.Name, Title: c.Title, File: plain.Line(plan.Path), Err: err, Next: c.Next}
		switch {
		case err != nil:
		case plan.Client.OfProject() && filepath.Clean(place.Root) == filepath.Clean(place.Home):
			one.Err = errors.New("its file belongs to a project: run localmodel setup in yours")
		default:
			one.There = plan.Change.Same
			one.Install = func() error { _, err := plan.Change.Apply(); return err }
		}
		out = append(out, one)
	}
	return out
}
