package clients

import (
	"errors"
	"fmt"
	"io"
	"os"
	"path/filepath"
	"strings"

	"github.com/fjbelchi/localmodel/cmd/localmodel/clients/entry"
	"github.com/fjbelchi/localmodel/cmd/localmodel/term"
	"github.com/fjbelchi/localmodel/internal/lazy"
	"github.com/fjbelchi/localmodel/internal/plain"
	"github.com/fjbelchi/localmodel/internal/programs"
)

// Options say how the commands install and uninstall edit a file.
type Options struct {
	Project bool   // the project's file, not the user's
	DryRun  bool   // show the difference, change nothing
	Print   bool   // print a whole file with the entry, change nothing
	Replace bool   // put the entry in the place of another one of ours
	Command string // the program to start; "" = this one
	Env     []entry.Variable
}

var variableName = lazy.Regexp(`^[A-Za-z_][A-Za-z0-9_]*$`)

// AddEnv reads NAME=VALUE, a variable for the server.
func (o *Options) AddEnv(text string) error {
	name, value, found := strings.Cut(text, "=")
	if !found || !variableName().MatchString(name) {
		return errors.New("NAME=VALUE is wanted")
	}
	o.Env = append(o.Env, entry.Variable{Name: name, Value: value})
	return nil
}

// Plan is the edit of a client's file, worked out and not yet made.
type Plan struct {
	Client Client
	Path   string
	Entry  entry.Entry
	Change *Change
	Note   string // for the user, after the edit
}

// Plan works out how to add the entry to the client's file. The error is
// ErrDiffers where another entry of ours is there.
func (o Options) Plan(c Client, p Place) (Plan, error) {
	c, path, err := c.at(p, o.Project)
	if err != nil {
		return Plan{}, err
	}
	command, note, err := o.program(c.OfProject(), p.OS)
	if err != nil {
		return Plan{Path: path}, err
	}
	plan := Plan{Client: c, Path: path, Entry: c.Entry(command, p, o.Env), Note: note + c.besides(p)}
	if launch := launcher(command, p.OS); len(launch) > 0 {
		plan.Entry.Command = launch[0]
		plan.Entry.Args = append(launch[1:], plan.Entry.Args...)
	}
	if o.Print {
		return plan, nil
	}
	plan.Change, err = c.Install(path, plan.Entry, o.Replace)
	return plan, err
}

// launcher is the command that starts a program again which npx or uvx keeps in
// a cache: its own path ends when that is cleaned. nil = the path lasts.
func launcher(path, system string) []string {
	path = strings.ReplaceAll(path, `\`, "/")
	switch {
	case strings.Contains(path, "/_npx/") && system == "windows":
		return []string{"cmd", "/c", "npx", "-y", "@fjbelchi/localmodel"}
	case strings.Contains(path, "/_npx/"):
		return []string{"npx", "-y", "@fjbelchi/localmodel"}
	case strings.Contains(path, "/uv/") && strings.Contains(path, "/archive-v"):
		return []string{"uvx", "localmodel"}
	}
	return nil
}

// InstallInto writes the entry into the client's file, or prints it, and says
// on out what it did and what comes next.
func (o Options) InstallInto(out io.Writer, c Client, p Place) error {
	plan, err := o.Plan(c, p)
	switch {
	case errors.Is(err, ErrDiffers):
		return fmt.Errorf("%s: %w; --replace puts the new one in its place, --dry-run --replace shows it", plan.Path, err)
	case err != nil && plan.Client.Name != "":
		return fmt.Errorf("%w. What to add by hand: localmodel install %s --print", err, c.Name)
	case err != nil:
		return err
	case o.Print:
		_, err := fmt.Fprint(out, plan.Client.Snippet(plan.Entry))
		return err
	case plan.Change.Same:
		_, err := fmt.Fprintf(out, "%s: localmodel is there already, as it should be.\n%s", plain.Line(plan.Path), plan.Note)
		return err
	}
	if err := o.make(out, plan.Change, "Added localmodel to "+plain.Line(plan.Path)); err != nil || o.DryRun {
		return err
	}
	term.Print(out, "Now: ", c.Next+".")
	_, err = io.WriteString(out, plan.Note)
	return err
}

// UninstallFrom takes the entry out of the client's file.
func (o Options) UninstallFrom(out io.Writer, c Client, p Place) error {
	c, path, err := c.at(p, o.Project)
	if err != nil {
		return err
	}
	change, err := c.Uninstall(path)
	switch {
	case err != nil:
		return err
	case change.Same:
		hint := ""
		if of, other, err := c.at(p, true); err == nil && !o.Project {
			if there, _, err := of.Installed(other); there && err == nil {
				hint = " " + other + " has one: add --project."
			}
		}
		if own := p.claudeFile(); c.Name == claudeCode && mentions(own) {
			hint = " " + own + " has one: claude mcp remove localmodel."
		}
		_, err := fmt.Fprintf(out, "%s: no localmodel entry there, nothing to do.%s\n", plain.Line(path), plain.Line(hint))
		return err
	}
	did := "Took localmodel out of " + plain.Line(path)
	if change.OldEntry {
		did = "Put back the localmodel entry that was in " + plain.Line(path) + " before install"
	}
	if change.After == nil {
		did = "Deleted " + plain.Line(path) + ", which held localmodel alone"
	}
	return o.make(out, change, did)
}

func (o Options) make(out io.Writer, change *Change, did string) error {
	if o.DryRun {
		_, err := fmt.Fprint(out, plain.Text(change.Diff()))
		return err
	}
	backup, err := change.Apply()
	if err != nil {
		return err
	}
	if backup != "" {
		did += "\nThe file as it was: " + plain.Line(backup)
	}
	_, err = fmt.Fprintln(out, did)
	return err
}

// program is the command to write down. A user's file gets the full path, since
// desktop programs know little of PATH; a project's file, which others share,
// gets the plain name where PATH has it: not only for the time of this process,
// as npx and uvx put their cache there.
func (o Options) program(ofProject bool, system string) (command, note string, err error) {
	if o.Command != "" {
		return o.Command, "", nil
	}
	self, err := os.Executable()
	if err != nil {
		return "", "", fmt.Errorf("the path of this program is not known (%w); give it with --command", err)
	}
	found := programs.Find("localmodel")
	switch {
	case launcher(self, system) != nil:
		return self, "", nil
	case ofProject && found != "" && launcher(found, system) == nil:
		return "localmodel", "", nil
	case strings.Contains(filepath.ToSlash(self), "/go-build"):
		return "", "", errors.New("this program is the temporary one of `go run`; put a lasting one on your PATH with `make install` and call that, or name one with --command")
	case ofProject:
		note = "localmodel is not on your PATH, so the entry holds this machine's path to it.\n"
	}
	return self, note, nil
}

// List prints each client with its file and what is in it.
func List(out io.Writer, p Place) error {
	var b strings.Builder
	narrow := term.Narrow(out)
	if !narrow {
		fmt.Fprintf(&b, "%-15s %-17s %s\n", "CLIENT", "LOCALMODEL", "FILE")
	}
	for _, c := range All() {
		c, path, err := c.at(p, false)
		state := "no such file yet"
		if err != nil {
			path, state = err.Error(), "-"
		} else {
			installed, exists, err := c.Installed(path)
			switch {
			case err != nil:
				state = "cannot be read: " + err.Error()
			case installed:
				state = "installed"
			case exists:
				state = "not installed"
			}
		}
		path = plain.Line(tilde(path, p.Home))
		if narrow {
			b.WriteString(term.Wrap(term.Width(out), "", c.Name+": "+state) + term.Wrap(term.Width(out), "  ", path))
			continue
		}
		fmt.Fprintf(&b, "%-15s %-17s %s\n", c.Name, plain.Line(state), path)
	}
	b.WriteString("\n" + term.Wrap(term.Width(out), "", "localmodel install CLIENT adds it to one; --dry-run shows the difference first."))
	_, err := io.WriteString(out, b.String())
	return err
}

func tilde(path, home string) string {
	if rest, ok := strings.CutPrefix(path, home+string(filepath.Separator)); ok && home != "" {
		return "~" + string(filepath.Separator) + rest
	}
	return path
}
